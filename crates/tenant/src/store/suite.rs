//! What every backend must do; run against each of them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    Cause, CommitError, Conflict, Direction, Document, End, EventBounds, Glance, Happened, Key,
    Kind, LogEntry, LogSpan, Relation, Span, Store, StoreError, StoredEvent, Told, Transaction,
    Witness,
};

const USER: Kind = Kind("user");
const HAS: Relation = Relation("has");

/// All of the contract, on an empty store.
pub(super) async fn keeps_the_contract(store: &dyn Store) {
    documents_are_found_by_id_and_key(store).await;
    a_conflict_undoes_its_whole_transaction(store).await;
    of_two_writers_on_one_version_one_wins(store).await;
    relations_are_ordered_and_idempotent(store).await;
    the_log_is_read_in_both_directions(store).await;
    many_writers_at_once_lose_nothing(store).await;
    a_change_and_its_event_are_one_commit(store).await;
}

/// What can be seen of the store.
pub(super) async fn everything(
    store: &dyn Store,
) -> (Vec<Document>, Vec<LogEntry>, Vec<StoredEvent>, EventBounds) {
    let documents = store.list(USER, Span::page(0, 10_000)).await.unwrap();
    let entries = log(store, Direction::OldestFirst, None, None).await;
    let events = store.events(0, 10_000).await.unwrap();
    (documents, entries, events, store.event_bounds().await.unwrap())
}

/// Tells of users and of what they have, and nothing of the rest.
pub(super) fn witness() -> Arc<dyn Witness> {
    struct Teller;
    impl Witness for Teller {
        fn cares_for(&self, kind: Kind) -> bool {
            kind == USER
        }

        fn cares_for_relation(&self, relation: Relation) -> bool {
            relation == HAS
        }

        fn tell(
            &self,
            happened: Happened<'_>,
            cause: Option<&Cause>,
            _: Timestamp,
            store: &dyn Glance,
        ) -> Result<Option<Told>, StoreError> {
            let client = cause.map(|cause| cause.client_id.as_str());
            Ok(Some(match happened {
                Happened::Document { before, after, .. } => Told {
                    name: "document",
                    body: json!({"before": before, "after": after, "client": client}),
                },
                Happened::Related { source, target, .. } => Told {
                    name: "related",
                    body: json!([source, target, store.glance(USER, source)?]),
                },
                Happened::Unrelated { source, target, .. } => {
                    Told { name: "unrelated", body: json!([source, target]) }
                }
            }))
        }
    }
    Arc::new(Teller)
}

async fn log(
    store: &dyn Store,
    direction: Direction,
    past: Option<&str>,
    user: Option<&str>,
) -> Vec<LogEntry> {
    store.log_entries(LogSpan { direction, past, user, limit: 10_000 }).await.unwrap()
}

fn user(id: &str, email: &str) -> Transaction {
    let keys = vec![Key::unique("email", email), Key::shared("team", "blue")];
    Transaction::new().insert(USER, id, json!({"email": email}), keys)
}

fn refusal(outcome: Result<(), CommitError>) -> Conflict {
    match outcome {
        Err(CommitError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

async fn documents_are_found_by_id_and_key(store: &dyn Store) {
    store.commit(user("1", "a@x")).await.unwrap();
    store.commit(user("2", "b@x")).await.unwrap();
    let first = store.get(USER, "1").await.unwrap().unwrap();
    assert_eq!((first.version, &first.body), (1, &json!({"email": "a@x"})));
    assert_eq!(store.find(USER, "email", "b@x").await.unwrap().unwrap().id, "2");
    assert_eq!(store.find(USER, "email", "B@x").await.unwrap(), None);
    let team = store.matching(USER, "team", "blue", Span::page(0, 10)).await.unwrap();
    assert_eq!(team.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(store.count(USER).await.unwrap(), 2);
    let rest = store.list(USER, Span::after(first.position, 10)).await.unwrap();
    assert_eq!((rest.len(), rest[0].id.as_str()), (1, "2"));
    let renamed = vec![Key::unique("email", "c@x")];
    let change = Transaction::new().replace(USER, "2", 1, json!({"email": "c@x"}), renamed);
    store.commit(change).await.unwrap();
    assert_eq!(store.find(USER, "email", "b@x").await.unwrap(), None, "old keys go");
    assert_eq!(store.find(USER, "email", "c@x").await.unwrap().unwrap().version, 2);
    store.commit(Transaction::new().delete(USER, "1").delete(USER, "nobody")).await.unwrap();
    assert_eq!(store.get(USER, "1").await.unwrap(), None);
    store.commit(user("1", "a@x")).await.unwrap();
    let extras = Transaction::new()
        .insert(USER, "e1", json!({}), vec![Key::shared("of", "x")])
        .insert(USER, "e2", json!({}), vec![Key::shared("of", "x")])
        .insert(USER, "e3", json!({}), vec![Key::shared("of", "y")]);
    store.commit(extras).await.unwrap();
    store.commit(Transaction::new().delete_matching(USER, "of", "x")).await.unwrap();
    let left = store.matching(USER, "of", "x", Span::page(0, 10)).await.unwrap();
    assert_eq!((left.len(), store.count(USER).await.unwrap()), (0, 3));
    store.commit(Transaction::new().delete(USER, "e3")).await.unwrap();
}

async fn a_conflict_undoes_its_whole_transaction(store: &dyn Store) {
    let exists = Transaction::new().relate(HAS, "z", "z").insert(USER, "1", json!({}), Vec::new());
    let conflict = refusal(store.commit(exists).await);
    assert_eq!(conflict, Conflict::Exists { kind: "user", id: "1".into() });
    let without = Transaction::new().relate(HAS, "z", "z").require(USER, "nobody");
    let conflict = refusal(store.commit(without).await);
    assert_eq!(conflict, Conflict::Changed { kind: "user", id: "nobody".into() });
    let taken = user("3", "a@x");
    let conflict = refusal(store.commit(taken).await);
    assert_eq!(conflict, Conflict::Taken { kind: "user", key: "email" });
    assert_eq!(store.count_related(HAS, End::From("z")).await.unwrap(), 0);
    assert_eq!(store.get(USER, "3").await.unwrap(), None);
}

async fn of_two_writers_on_one_version_one_wins(store: &dyn Store) {
    let found = store.get(USER, "1").await.unwrap().unwrap();
    let change = |name: &str| {
        let keys = vec![Key::unique("email", "a@x")];
        Transaction::new().replace(USER, "1", found.version, json!({"name": name}), keys)
    };
    store.commit(change("first")).await.unwrap();
    let conflict = refusal(store.commit(change("second")).await);
    assert_eq!(conflict, Conflict::Changed { kind: "user", id: "1".into() });
    assert_eq!(store.get(USER, "1").await.unwrap().unwrap().body, json!({"name": "first"}));
}

async fn relations_are_ordered_and_idempotent(store: &dyn Store) {
    let related = Transaction::new()
        .relate(HAS, "u", "r2")
        .relate(HAS, "u", "r1")
        .relate(HAS, "u", "r2")
        .relate(HAS, "v", "r1");
    store.commit(related).await.unwrap();
    let ids = async |end, span| {
        let related = store.related(HAS, end, span).await.unwrap();
        related.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(End::From("u"), Span::page(0, 10)).await, ["r2", "r1"]);
    assert_eq!(ids(End::To("r1"), Span::page(0, 10)).await, ["u", "v"]);
    assert_eq!(ids(End::From("u"), Span::page(1, 10)).await, ["r1"]);
    assert_eq!(store.count_related(HAS, End::To("r1")).await.unwrap(), 2);
    assert!(store.is_related(HAS, "u", "r1").await.unwrap());
    assert!(!store.is_related(HAS, "r1", "u").await.unwrap());
    store.commit(Transaction::new().unrelate(HAS, "u", "r2")).await.unwrap();
    store.commit(Transaction::new().unrelate_target(HAS, "r1")).await.unwrap();
    assert!(ids(End::From("u"), Span::page(0, 10)).await.is_empty());
    assert!(ids(End::From("v"), Span::page(0, 10)).await.is_empty());
}

async fn the_log_is_read_in_both_directions(store: &dyn Store) {
    for (user, number) in [(None, 1), (Some("u"), 2), (Some("u"), 3)] {
        let entry = Transaction::new().log(user.map(str::to_owned), json!({"number": number}));
        store.commit(entry).await.unwrap();
    }
    let oldest = log(store, Direction::OldestFirst, None, None).await;
    let mut newest = log(store, Direction::NewestFirst, None, None).await;
    newest.reverse();
    assert_eq!(oldest, newest);
    assert_eq!(oldest[0].body["_id"], oldest[0].id.as_str());
    let after = log(store, Direction::OldestFirst, Some(&oldest[0].id), None).await;
    assert_eq!(after, oldest[1..]);
    let before = log(store, Direction::NewestFirst, Some(&oldest[2].id), Some("u")).await;
    assert_eq!(before, oldest[1..2]);
    assert_eq!(store.log_entry(&oldest[1].id).await.unwrap().as_ref(), Some(&oldest[1]));
    assert_eq!(store.log_entry("900").await.unwrap(), None);
}

async fn many_writers_at_once_lose_nothing(store: &dyn Store) {
    let before = store.count(USER).await.unwrap();
    let writers = (0..200).map(|number| {
        // Every fourth address is taken by the one before.
        let address = if number % 4 == 3 { number - 1 } else { number };
        let change = user(&format!("many{number}"), &format!("many{address}@x"));
        store.commit(change.log(None, json!({"number": number})))
    });
    let outcomes = futures(writers).await;
    let refused = outcomes.into_iter().filter(Result::is_err).count();
    assert_eq!(refused, 50);
    assert_eq!(store.count(USER).await.unwrap(), before + 150);
    assert_eq!(log(store, Direction::OldestFirst, None, None).await.len(), 153);
}

async fn a_change_and_its_event_are_one_commit(store: &dyn Store) {
    let start = store.event_bounds().await.unwrap().newest;
    let mut news = store.news().events();
    assert_eq!(*news.borrow_and_update(), start);
    let cause = Cause {
        client_id: "c".into(),
        method: "POST".into(),
        hostname: "h".into(),
        ip: "::1".into(),
        user_agent: "x".into(),
    };
    let made = Transaction::new().insert(USER, "t", json!({"n": 1}), Vec::new());
    store.commit(made.caused_by(cause).relate(HAS, "t", "r").relate(HAS, "t", "r")).await.unwrap();
    assert!(news.has_changed().unwrap());
    assert_eq!(*news.borrow_and_update(), start + 2);
    let refused = Transaction::new().put(USER, "t", json!({}), Vec::new()).require(USER, "nobody");
    refusal(store.commit(refused).await);
    let change = Transaction::new()
        .put(USER, "t", json!({"n": 2}), Vec::new())
        .unrelate(HAS, "t", "r")
        .unrelate(HAS, "t", "r")
        .delete(USER, "t")
        .delete(USER, "t")
        .put(Kind("other"), "o", json!({}), Vec::new());
    store.commit(change).await.unwrap();
    let told = store.events(start, 100).await.unwrap();
    let expected = [
        ("document", json!({"before": null, "after": {"n": 1}, "client": "c"})),
        ("related", json!(["t", "r", {"n": 1}])),
        ("document", json!({"before": {"n": 1}, "after": {"n": 2}, "client": null})),
        ("unrelated", json!(["t", "r"])),
        ("document", json!({"before": {"n": 2}, "after": null, "client": null})),
    ];
    for ((event, (name, body)), position) in told.iter().zip(&expected).zip(start + 1..) {
        assert_eq!((event.position, event.name.as_str()), (position, *name));
        assert_eq!(event.body, body.to_string());
    }
    assert_eq!(told.len(), expected.len());
    let long_ago = store.event_position_at("2000-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let one_day = store.event_position_at("2100-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let bounds = store.event_bounds().await.unwrap();
    assert_eq!((long_ago, one_day), (bounds.floor, bounds.newest));
}

/// All at the same time.
async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in pinned.iter_mut().filter(|(_, outcome)| outcome.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *outcome = Some(value);
            }
        }
        if pinned.iter().all(|(_, outcome)| outcome.is_some()) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    pinned.into_iter().filter_map(|(_, outcome)| outcome).collect()
}
