//! Changes as SQL. Whoever calls is inside a transaction that an error undoes.

use jiff::Timestamp;
use serde_json::Value;

use super::budgets;
use super::connection::{Connection, Parameter, params};
use super::locks;
use super::read;
use super::rows::{optional_micros, to_json, to_list, to_micros};
use super::schedules;
use super::{
    api_keys, approvals, documents, gathering, lanes, retention, secrets, settings, subscriptions,
};
use crate::ids::RunId;
use crate::journal::{Entry, VERSION};
use crate::store::{
    Advance, Change, Claim, ClaimedRun, EventRecord, Handover, Heir, LinkRecord, NewRun,
    Publication, Refusal, Signal, StartKey, StoreError, WorkflowRecord,
};

/// What is over stays as it ended.
pub(super) const FINAL: &str = "('completed', 'faulted', 'cancelled')";

pub(super) fn all(connection: &dyn Connection, changes: &[Change]) -> Result<(), StoreError> {
    locks::take(connection, changes)?;
    if let Some(Change::Advance(advance)) = changes.first()
        && is_done(connection, advance)?
    {
        return Ok(());
    }
    settings::count(connection, changes)?;
    changes.iter().try_for_each(|change| match change {
        Change::KeepWorkflow(workflow) => keep_workflow(connection, workflow),
        Change::MakeCurrent { file, hash, at } => make_current(connection, file, hash, *at),
        Change::Retire { file } => retire(connection, file),
        Change::TakeStartKey(key) => take_start_key(connection, key),
        Change::StoreEvent(event) => store_event(connection, event),
        Change::CreateRun(run) => create_run(connection, run),
        Change::CreateHeir(heir) => create_heir(connection, heir),
        Change::RemoveRun { run, file } => retention::remove(connection, run, file),
        Change::Advance(advance) => self::advance(connection, advance),
        Change::Signal { run, signal, at } => self::signal(connection, run, signal, *at),
        Change::Tell { run, signal, at } => tell(connection, run, signal, *at),
        Change::LeaveLane { run, at } => lanes::leave(connection, run, *at),
        Change::Subscribe { run, step, subscriptions: wanted } => {
            subscriptions::add(connection, run, step, wanted)
        }
        Change::Unsubscribe { run, step } => subscriptions::remove(connection, run, step),
        Change::Deliver { event, at } => deliver(connection, event, *at),
        Change::Publish(publication) => publish(connection, publication),
        Change::SignalBlocked { on, signal, at } => signal_blocked(connection, on, signal, *at),
        Change::KeepSetting { name, value } => settings::keep(connection, name, value),
        Change::PutLink(link) => put_link(connection, link),
        Change::MakeDefaultLink { app, name } => make_default_link(connection, app, name),
        Change::DeleteLink { name } => delete_link(connection, name),
        Change::PutApproval(approval) => approvals::put(connection, approval),
        Change::PutApiKey(key) => api_keys::put(connection, key),
        Change::DeleteApiKey { id } => api_keys::delete(connection, id),
        Change::PutSecret(secret) => secrets::put(connection, secret),
        Change::DeleteSecret { name } => secrets::delete(connection, name),
        Change::PutBudget(budget) => budgets::put(connection, budget),
        Change::CallIn { on, limit, at } => budgets::call_in(connection, on, *limit, *at),
        Change::PutSchedule(schedule) => schedules::put(connection, schedule),
        Change::AddOccurrence(occurrence) => schedules::add(connection, occurrence),
        Change::SettleOccurrence(settled) => schedules::settle(connection, settled),
        Change::PutDocument(document) => documents::put(connection, document),
        Change::Gather(gather) => gathering::gather(connection, gather),
    })
}

fn keep_workflow(connection: &dyn Connection, workflow: &WorkflowRecord) -> Result<(), StoreError> {
    let WorkflowRecord { hash, name, version, source_name, text, at } = workflow;
    execute(
        connection,
        "INSERT INTO workflows (hash, name, version, source_name, text, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (hash) DO NOTHING",
        params![hash, name, version, source_name, text, to_micros(*at)],
    )
    .map(drop)
}

fn make_current(
    connection: &dyn Connection,
    file: &str,
    hash: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    execute(
        connection,
        "INSERT INTO library (file, hash, at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (file) DO UPDATE SET hash = excluded.hash, at = excluded.at",
        params![file, hash, to_micros(at)],
    )
    .map(drop)
}

fn retire(connection: &dyn Connection, file: &str) -> Result<(), StoreError> {
    gathering::forget(connection, file)?;
    connection.perform("DELETE FROM library WHERE file = ?1", params![file])
}

fn take_start_key(connection: &dyn Connection, key: &StartKey) -> Result<(), StoreError> {
    let taken = execute(
        connection,
        "INSERT INTO start_keys (key, fingerprint, run_id, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![key.key, key.fingerprint, key.run.as_str(), to_micros(key.at)],
    )?;
    if taken == 1 {
        return Ok(());
    }
    let (fingerprint, run) = read::start_key(connection, &key.key)?;
    Err(StoreError::Refused(Refusal::StartKeyTaken { key: key.key.clone(), fingerprint, run }))
}

fn store_event(connection: &dyn Connection, event: &EventRecord) -> Result<(), StoreError> {
    let EventRecord { app, trigger, link, dedupe_key, event_type, subject, data, runs, at } = event;
    let inserted = execute(
        connection,
        "INSERT INTO inbox (app, trigger_name, link, dedupe_key, event_type, subject, data, runs, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        params![
            app,
            trigger,
            link,
            dedupe_key,
            event_type,
            subject,
            to_json(data)?,
            to_json(runs)?,
            to_micros(*at)
        ],
    )?;
    if inserted == 1 {
        return Ok(());
    }
    let first = read::find_event(connection, app, trigger, link, dedupe_key)?;
    let runs = first.map(|first| first.runs).unwrap_or_default();
    Err(StoreError::Refused(Refusal::EventSeen { dedupe_key: dedupe_key.clone(), runs }))
}

pub(super) fn create_run(connection: &dyn Connection, run: &NewRun) -> Result<(), StoreError> {
    insert_run(connection, run)?;
    lanes::enter(connection, run, 2)
}

fn insert_run(connection: &dyn Connection, run: &NewRun) -> Result<(), StoreError> {
    connection.perform(
        "INSERT INTO runs (id, workflow, workflow_hash, mode, status, created_at, updated_at, wake_at) \
         VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?5, ?5)",
        params![
            run.id.as_str(),
            run.workflow,
            run.workflow_hash,
            run.mode.name(),
            to_micros(run.at)
        ],
    )?;
    append(connection, &run.id, 1, std::slice::from_ref(&run.first))
}

fn create_heir(connection: &dyn Connection, heir: &Heir) -> Result<(), StoreError> {
    if let Some(going) = read::going_heir(connection, &heir.origin)? {
        let run = heir.origin.clone();
        return Err(StoreError::Refused(Refusal::HeirGoesOn { run, heir: going }));
    }
    insert_run(connection, &heir.new)?;
    let run = heir.new.id.as_str();
    let sql = "UPDATE runs SET origin = ?2 WHERE id = ?1";
    connection.perform(sql, params![run, heir.origin.as_str()])?;
    append(connection, &heir.new.id, 2, &heir.entries)?;
    let inherited = i64::try_from(heir.entries.len()).unwrap_or(i64::MAX);
    lanes::enter(connection, &heir.new, inherited.saturating_add(2))
}

pub(super) fn append(
    connection: &dyn Connection,
    run: &RunId,
    first_seq: i64,
    entries: &[Entry],
) -> Result<(), StoreError> {
    for (seq, entry) in (first_seq..).zip(entries) {
        connection.perform(
            "INSERT INTO journal (run_id, seq, at, kind, version, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                run.as_str(),
                seq,
                to_micros(entry.at),
                entry.fact.name(),
                VERSION,
                to_json(entry)?
            ],
        )?;
    }
    Ok(())
}

fn advance(connection: &dyn Connection, advance: &Advance) -> Result<(), StoreError> {
    let Advance { run, epoch, first_seq, entries, signals_up_to, status, handover, at, .. } =
        advance;
    if let Some(last) = signals_up_to {
        let sql = "DELETE FROM signals WHERE run_id = ?1 AND id <= ?2";
        connection.perform(sql, params![run.as_str(), last])?;
    }
    let changed = match handover {
        Handover::Keep { lease_until } => execute(
            connection,
            &format!(
                "UPDATE runs SET status = ?3, updated_at = ?4, lease_until = ?5 {OWNED} {FINAL})"
            ),
            params![run.as_str(), epoch, status.name(), to_micros(*at), to_micros(*lease_until)],
        )?,
        Handover::Release { wake_at, blocked_on, on_leave } => {
            let blocked_on = to_list(blocked_on).filter(|_| !status.is_final());
            let on_leave = on_leave.as_deref().filter(|_| !status.is_final());
            release(connection, advance, *wake_at, (blocked_on.as_deref(), on_leave), 0)?
        }
        Handover::SetAside { wake_at, heard } => {
            release(connection, advance, *wake_at, (None, None), *heard)?
        }
    };
    if changed == 0 {
        return Err(StoreError::Refused(Refusal::NotOwner { run: run.clone(), epoch: *epoch }));
    }
    append(connection, run, *first_seq, entries)?;
    if status.is_final() {
        // What was said too late is nobody's business any more, and must not wake the run.
        let values = params![run.as_str()];
        connection.perform("DELETE FROM signals WHERE run_id = ?1", values)?;
        subscriptions::remove_all(connection, run)?;
        approvals::close_all(connection, run)?;
        connection.perform("UPDATE runs SET wake_at = NULL WHERE id = ?1", values)?;
        schedules::run_ended(connection, run, *at)?;
    }
    Ok(())
}

/// Whether this was done already, by the same epoch: the transaction was durable, only its answer got lost.
fn is_done(connection: &dyn Connection, advance: &Advance) -> Result<bool, StoreError> {
    let Advance { run, epoch, first_seq, entries, again, .. } = advance;
    let Some(first) = entries.first().filter(|_| *again) else { return Ok(false) };
    let sql = "SELECT entry FROM journal WHERE run_id = ?1 AND seq = ?2 \
               AND EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND epoch = ?3)";
    let values = params![run.as_str(), first_seq, epoch];
    let found: Vec<String> =
        read::rows(connection, "journal", sql, values, |columns| columns.get("entry"))?;
    Ok(found == [to_json(first)?])
}

/// The owner's own run, unless it is over with another end.
const OWNED: &str =
    "WHERE id = ?1 AND epoch = ?2 AND boot IS NOT NULL AND (status = ?3 OR status NOT IN";

fn release(
    connection: &dyn Connection,
    advance: &Advance,
    wake_at: Option<Timestamp>,
    (blocked_on, on_leave): (Option<&str>, Option<&str>),
    heard: i64,
) -> Result<usize, StoreError> {
    let sql = format!(
        "UPDATE runs SET status = ?3, updated_at = ?4, blocked_on = ?6, on_leave = ?8, \
         node = NULL, boot = NULL, lease_until = NULL, \
         wake_at = CASE WHEN EXISTS (SELECT 1 FROM signals WHERE run_id = ?1 AND id > ?7) THEN ?4 ELSE ?5 END \
         {OWNED} {FINAL})"
    );
    let Advance { run, epoch, status, at, .. } = advance;
    let wake_at = optional_micros(wake_at);
    let (status, at) = (status.name(), to_micros(*at));
    let values = params![run.as_str(), epoch, status, at, wake_at, blocked_on, heard, on_leave];
    execute(connection, &sql, values)
}

fn signal(
    connection: &dyn Connection,
    run: &RunId,
    signal: &Signal,
    at: Timestamp,
) -> Result<(), StoreError> {
    let found = read::find_run(connection, run)?;
    let found =
        found.ok_or_else(|| StoreError::Refused(Refusal::NoSuchRun { run: run.clone() }))?;
    if found.status.is_final() {
        return Err(StoreError::Refused(Refusal::RunIsFinal {
            run: run.clone(),
            status: found.status,
        }));
    }
    let sql = "INSERT INTO signals (run_id, signal, at) VALUES (?1, ?2, ?3)";
    connection.perform(sql, params![run.as_str(), to_json(signal)?, to_micros(at)])?;
    // Never later than it was: the clock of who speaks may be ahead.
    let sql =
        "UPDATE runs SET wake_at = CASE WHEN wake_at < ?2 THEN wake_at ELSE ?2 END WHERE id = ?1";
    connection.perform(sql, params![run.as_str(), to_micros(at)])
}

pub(super) fn tell(
    connection: &dyn Connection,
    run: &RunId,
    signal: &Signal,
    at: Timestamp,
) -> Result<(), StoreError> {
    match self::signal(connection, run, signal, at) {
        Err(StoreError::Refused(Refusal::NoSuchRun { .. } | Refusal::RunIsFinal { .. })) => Ok(()),
        told => told,
    }
}

fn deliver(connection: &dyn Connection, event: &Value, at: Timestamp) -> Result<(), StoreError> {
    let listening = subscriptions::matching(connection, event)?;
    locks::take_runs(connection, listening.iter().map(|(run, _)| run).collect())?;
    listening.into_iter().try_for_each(|(run, step)| {
        tell(connection, &run, &Signal::Event { step, event: event.clone() }, at)
    })
}

fn publish(connection: &dyn Connection, publication: &Publication) -> Result<(), StoreError> {
    let Publication { record, event, starts, gathers } = publication;
    match store_event(connection, record) {
        Err(StoreError::Refused(Refusal::EventSeen { .. })) => return Ok(()),
        stored => stored?,
    }
    starts.iter().try_for_each(|run| create_run(connection, run))?;
    gathers.iter().try_for_each(|gather| gathering::gather(connection, gather))?;
    deliver(connection, event, record.at)
}

fn signal_blocked(
    connection: &dyn Connection,
    on: &str,
    signal: &Signal,
    at: Timestamp,
) -> Result<(), StoreError> {
    let blocked = format!(
        "blocked_on IS NOT NULL AND replace(',' || blocked_on || ',', ',' || ?1 || ',', '') <> ',' || blocked_on || ',' \
         AND status NOT IN {FINAL}"
    );
    locks::take_where(connection, &blocked, params![on])?;
    let sql = format!(
        "INSERT INTO signals (run_id, signal, at) SELECT id, ?2, ?3 FROM runs WHERE {blocked}"
    );
    execute(connection, &sql, params![on, to_json(signal)?, to_micros(at)])?;
    let sql = format!("UPDATE runs SET wake_at = ?2 WHERE {blocked}");
    execute(connection, &sql, params![on, to_micros(at)]).map(drop)
}

fn put_link(connection: &dyn Connection, link: &LinkRecord) -> Result<(), StoreError> {
    let LinkRecord { name, app, base_url, settings, sealed, changed_at, is_default: _ } = link;
    execute(
        connection,
        "INSERT INTO links (name, app, base_url, settings, sealed, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (name) DO UPDATE SET \
         is_default = CASE WHEN links.app = excluded.app THEN links.is_default ELSE 0 END, \
         app = excluded.app, base_url = excluded.base_url, \
         settings = excluded.settings, sealed = excluded.sealed, changed_at = excluded.changed_at",
        params![name, app, base_url, to_json(settings)?, sealed, to_micros(*changed_at)],
    )
    .map(drop)
}

fn make_default_link(connection: &dyn Connection, app: &str, name: &str) -> Result<(), StoreError> {
    execute(connection, "UPDATE links SET is_default = 0 WHERE app = ?1", params![app])?;
    let sql = "UPDATE links SET is_default = 1 WHERE app = ?1 AND name = ?2";
    match execute(connection, sql, params![app, name])? {
        0 => Err(StoreError::Refused(Refusal::NoSuchLink { name: name.to_owned() })),
        _ => Ok(()),
    }
}

fn delete_link(connection: &dyn Connection, name: &str) -> Result<(), StoreError> {
    match execute(connection, "DELETE FROM links WHERE name = ?1", params![name])? {
        0 => Err(StoreError::Refused(Refusal::NoSuchLink { name: name.to_owned() })),
        _ => Ok(()),
    }
}

pub(super) fn claim(
    connection: &dyn Connection,
    claim: &Claim,
) -> Result<Vec<ClaimedRun>, StoreError> {
    let mut claimed = Vec::new();
    let driving: String = claim.driving.iter().map(RunId::as_str).collect();
    // Two searches, one index each: what nobody owns and is due, then what an owner let expire.
    let due = "wake_at <= ?4 AND boot IS NULL ORDER BY wake_at";
    let expired = "boot IS NOT NULL AND lease_until < ?4 \
                   AND (boot <> ?2 OR replace(?6, id, '') = ?6) ORDER BY lease_until";
    for (which, by, driving) in
        [(due, claim.now, None), (expired, claim.lease_now, Some(driving.as_str()))]
    {
        let left = claim.limit.saturating_sub(claimed.len());
        if left > 0 {
            claimed.extend(claim_some(connection, claim, which, by, left, driving)?);
        }
    }
    Ok(claimed)
}

fn claim_some(
    connection: &dyn Connection,
    claim: &Claim,
    which: &str,
    by: Timestamp,
    limit: usize,
    driving: Option<&str>,
) -> Result<Vec<ClaimedRun>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = format!(
        "WITH mine AS MATERIALIZED (SELECT id FROM runs WHERE {which} LIMIT ?5 {}) \
         UPDATE runs SET node = ?1, boot = ?2, lease_until = ?3, epoch = epoch + 1 \
         WHERE id IN (SELECT id FROM mine) RETURNING id, workflow_hash, epoch",
        connection.dialect().for_update_skip_locked
    );
    let (until, by) = (to_micros(claim.lease_until), to_micros(by));
    let values = params![claim.node, claim.boot, until, by, limit, driving.unwrap_or_default()];
    // Only one of the searches has a place for it.
    let values = if driving.is_some() { &values[..] } else { &values[..5] };
    read::rows(connection, "runs", &sql, values, |columns| {
        Ok(ClaimedRun {
            id: columns.parse("id")?,
            workflow_hash: columns.get("workflow_hash")?,
            epoch: columns.get("epoch")?,
        })
    })
}

pub(super) fn disown(
    connection: &dyn Connection,
    node: &str,
    boot: &str,
) -> Result<(), StoreError> {
    execute(
        connection,
        "UPDATE runs SET node = NULL, boot = NULL, lease_until = NULL WHERE boot IS NOT NULL AND node = ?1 AND boot <> ?2",
        params![node, boot],
    )
    .map(drop)
}

pub(super) fn execute(
    connection: &dyn Connection,
    sql: &str,
    values: &[&dyn Parameter],
) -> Result<usize, StoreError> {
    connection.execute(sql, values)
}
