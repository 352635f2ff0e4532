//! From the engine's values to what goes over the line.

mod approvals;
mod budgets;
mod schedules;

use callboard_apps::{Action, App, Inverse, Recovery};
use callboard_engine::journal::{Entry, How};
use callboard_engine::{
    Checked, KeySummary, Library, LinkReport, LinkSummary, LoopDetail, Page, Receipt, RunDetail,
    RunRecord, RunStatus, SecretName, SecretSummary, StepDetail, Steps, Verdict, Workflow, masked,
};
use callboard_flow::Problem;
use serde::Serialize;
use serde_json::Value;

use crate::wire;

pub(crate) use approvals::approval;
pub(crate) use budgets::budget;
pub(crate) use schedules::{backfilled, occurrence, schedule, schedule_detail};

pub(crate) fn run(run: RunDetail) -> wire::Run {
    wire::Run {
        id: run.id.to_string(),
        workflow: run.workflow,
        status: run.status.name().into(),
        output: run.output,
        error: run.error.map(|error| json(&error)),
        steps: run.steps.into_iter().map(step).collect(),
        loops: run.loops.into_iter().map(summarised).collect(),
        input: run.input,
        trigger: json(&run.trigger),
        created_at: run.created_at,
        finished_at: run.finished_at,
        next_at: run.next_at,
        definition: run.workflow_hash,
        cancelled_by: run.cancelled_by,
        paused_by: run.paused_by,
        note: run.note,
        origin: run.origin.map(|origin| json(&origin)),
        heirs: run.heirs.iter().map(ToString::to_string).collect(),
        events: run.events,
    }
}

fn summarised(of: LoopDetail) -> wire::LoopSummary {
    let LoopDetail { step, items, completed, failed, open } = of;
    wire::LoopSummary { id: step.to_string(), items, completed, failed, open }
}

pub(crate) fn steps(page: Steps) -> wire::Steps {
    wire::Steps { steps: page.steps.into_iter().map(step).collect(), next: page.next }
}

fn step(step: StepDetail) -> wire::Step {
    let how = step.how.map(|how| match how {
        How::Performed => "performed".to_owned(),
        How::Probed => "probed".to_owned(),
        How::Repeated => "repeated".to_owned(),
    });
    wire::Step {
        id: step.step.to_string(),
        name: step.task,
        status: step.status.name().into(),
        action: step.action,
        link: step.link,
        run: step.run.map(|run| run.to_string()),
        attempts: step.attempts,
        inherited: step.inherited,
        approval: step.approval.map(|approval| approval.asked.id),
        started_at: step.started_at,
        finished_at: step.finished_at,
        next_at: step.next_at,
        note: step.note,
        remedy: step.remedy,
        how,
        resolved_by: step.resolved_by,
        arguments: step.arguments,
        output: step.output,
        error: step.error.map(|error| json(&error)),
        exchanges: step.exchanges.iter().map(json).collect(),
    }
}

pub(crate) fn runs(page: Page) -> wire::Runs {
    let summary = |run: RunRecord| wire::RunSummary {
        id: run.id.to_string(),
        workflow: run.workflow,
        status: run.status.name().into(),
        created_at: run.created_at,
        updated_at: run.updated_at,
        // While it runs, the wake time is only its safety net.
        next_at: run.wake_at.filter(|_| run.status != RunStatus::Running),
    };
    wire::Runs {
        runs: page.runs.into_iter().map(summary).collect(),
        next: page.next.map(|id| id.to_string()),
    }
}

/// The entries after a place, and whether more follow.
pub(crate) fn journal(entries: &[Entry], after: usize, more: bool) -> wire::Journal {
    let numbered = entries.iter().zip(after + 1..).map(|(entry, seq)| {
        let mut entry = masked(&json(entry));
        if let Value::Object(fields) = &mut entry {
            fields.insert("seq".into(), seq.into());
        }
        entry
    });
    let next = more.then_some(after + entries.len());
    wire::Journal { entries: numbered.collect(), next }
}

pub(crate) fn verdict(verdict: wire::Verdict) -> Verdict {
    match verdict {
        wire::Verdict::Happened => Verdict::Happened,
        wire::Verdict::DidNot => Verdict::DidNot,
        wire::Verdict::Repeat => Verdict::Repeat,
    }
}

pub(crate) fn delivery(receipt: Receipt) -> wire::Delivery {
    let events = receipt.events.into_iter().map(|event| wire::DeliveredEvent {
        event_type: event.event_type,
        subject: event.subject,
        duplicate: event.duplicate,
        runs: event.runs.iter().map(ToString::to_string).collect(),
    });
    wire::Delivery { events: events.collect() }
}

pub(crate) fn key(key: KeySummary) -> wire::Key {
    let KeySummary { name, person, groups, role, created_at } = key;
    wire::Key { name, person, groups, role: role.name().into(), created_at }
}

pub(crate) fn named_secret(secret: SecretSummary) -> wire::NamedSecret {
    wire::NamedSecret { name: secret.name, changed_at: secret.changed_at }
}

pub(crate) fn replayed(tasks: &[callboard_flow::Fact]) -> wire::Replayed {
    wire::Replayed { tasks: tasks.iter().map(json).collect() }
}

pub(crate) fn link(link: LinkSummary) -> wire::Link {
    let LinkSummary { name, app, url, settings, secrets, changed_at, is_default: default } = link;
    wire::Link { name, app, url, settings, secrets, changed_at, default }
}

pub(crate) fn link_report(report: LinkReport) -> wire::LinkReport {
    let lacking = report.lacking.into_iter().map(|lacking| wire::Lacking {
        workflow: lacking.workflow,
        action: lacking.action,
        scopes: lacking.scopes,
    });
    wire::LinkReport {
        name: report.name,
        app: report.app,
        works: report.works,
        who: report.who,
        expires_at: report.expires_at,
        granted: report.granted,
        lacking: lacking.collect(),
        problem: report.problem,
        remedy: report.remedy,
    }
}

pub(crate) fn app(app: &App, secrets: Vec<SecretName>) -> wire::App {
    let secret = |secret: SecretName| wire::SecretField {
        name: secret.name.into(),
        title: secret.title.into(),
    };
    wire::App {
        name: app.name.clone(),
        title: app.title.clone(),
        summary: app.summary.clone(),
        settings: app.settings.value().clone(),
        secrets: secrets.into_iter().map(secret).collect(),
        triggers: app.triggers.iter().map(|trigger| trigger.name.clone()).collect(),
    }
}

pub(crate) fn action(action: &Action) -> wire::Action {
    let recovery = match &action.recovery {
        Recovery::Repeat => "repeat".to_owned(),
        Recovery::ProviderKey { header, .. } => format!("provider key {header}"),
        Recovery::ChosenId { .. } => "chosen id, probed".to_owned(),
        Recovery::Probe(_) => "probe".to_owned(),
        Recovery::Ask { why } => format!("ask: {why}"),
    };
    wire::Action {
        id: action.id.clone(),
        app: action.app().into(),
        function: action.function_name(),
        title: action.title.clone(),
        summary: action.summary.clone(),
        risk: action.risk.name().into(),
        recovery,
        minutes_saved: action.minutes_saved,
    }
}

pub(crate) fn action_detail(found: &Action) -> wire::ActionDetail {
    let inverse = match &found.inverse {
        Inverse::Nothing => "nothing to undo".to_owned(),
        Inverse::Action { action, .. } => action.clone(),
        Inverse::Irreversible { why } => format!("irreversible: {why}"),
    };
    wire::ActionDetail {
        action: action(found),
        input: found.input.value().clone(),
        output: found.output.value().clone(),
        inverse,
        bucket: found.bucket.clone(),
        scopes: found.operations().iter().map(|operation| operation.expected_scopes()).collect(),
        personal_data_read: found.personal_data.reads.clone(),
        personal_data_written: found.personal_data.writes.clone(),
    }
}

pub(crate) fn workflows(library: &Library) -> wire::Workflows {
    wire::Workflows {
        workflows: library.list().iter().map(|found| workflow(found)).collect(),
        mistakes: library.problems().iter().map(mistake).collect(),
    }
}

fn workflow(workflow: &Workflow) -> wire::Workflow {
    let document = &workflow.definition.document;
    wire::Workflow {
        name: document.name.clone(),
        version: document.version.clone(),
        title: document.title.clone(),
        summary: document.summary.clone(),
        file: workflow.file.clone(),
        hash: workflow.definition.hash.clone(),
        started_by: workflow.started_by(),
    }
}

pub(crate) fn workflow_detail(found: &Workflow) -> wire::WorkflowDetail {
    wire::WorkflowDetail {
        workflow: workflow(found),
        actions: found.calls(),
        text: found.text.to_string(),
    }
}

pub(crate) fn checked(checked: &Checked) -> wire::Checked {
    wire::Checked {
        ok: checked.mistakes.is_empty(),
        mistakes: checked.mistakes.iter().map(mistake).collect(),
        warnings: checked.warnings.iter().map(mistake).collect(),
        reading: checked.reading.clone(),
    }
}

pub(crate) fn mistake(problem: &Problem) -> wire::Mistake {
    wire::Mistake {
        file: problem.file.clone(),
        line: problem.line,
        column: problem.column,
        pointer: problem.pointer.clone(),
        message: problem.message.clone(),
        suggestion: problem.suggestion.clone(),
    }
}

/// Our own types always become JSON.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
