use callboard_auth0::{Error, applications, logs, users};
use serde_json::{Value, json};

use crate::stand_in::{Reply, Seen, TestTenant, options, plain, refusal};

fn number(seen: &Seen, name: &str) -> usize {
    seen.query(name).unwrap().parse().unwrap()
}

fn some_users(from: usize, to: usize) -> Vec<Value> {
    (from..to).map(|number| json!({"user_id": format!("auth0|{number}")})).collect()
}

/// A tenant with `rows` users that serves at most `longest` a page, with a wall at 1,000 and a wrong total.
fn users_by_offset(rows: usize, longest: usize) -> impl Fn(&Seen, usize) -> Reply {
    move |seen, _| {
        let (page, limit) = (number(seen, "page"), number(seen, "per_page").min(longest));
        if page * limit >= 1_000 {
            return refusal(
                400,
                "You can only page through the first 1000 records. See https://auth0.com/docs/x",
            );
        }
        let start = (page * limit).min(rows);
        let page = some_users(start, (start + limit).min(rows));
        plain(
            200,
            json!({"start": start, "limit": limit, "length": page.len(), "users": page, "total": 0}),
        )
    }
}

#[tokio::test]
async fn an_offset_list_ends_with_a_short_page_whatever_its_total() {
    for (rows, longest, requests) in
        [(0, 100, 1), (99, 100, 1), (100, 100, 2), (250, 100, 3), (120, 50, 3)]
    {
        let tenant = TestTenant::start(users_by_offset(rows, longest)).await;
        let all = tenant.bearer(options()).pages(users::list(None)).collect(10_000).await.unwrap();
        assert_eq!((all.len(), tenant.seen().len()), (rows, requests), "{rows} rows");
    }
}

#[tokio::test]
async fn the_wall_of_1000_rows_is_never_taken_for_the_end() {
    let tenant = TestTenant::start(users_by_offset(1_500, 100)).await;
    let client = tenant.bearer(options());
    let mut pages = client.pages(users::list(Some("blocked:true")));
    let mut read = 0;
    let failed = loop {
        match pages.next_page().await {
            Ok(page) => read += page.unwrap().items.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, Error::Incomplete { read: 1_000, .. }), "{failed}");
    assert_eq!(read, 1_000);
    assert_eq!(pages.next_page().await.unwrap_err(), failed);
    assert_eq!(tenant.seen()[0].query("q").as_deref(), Some("blocked:true"));
}

#[tokio::test]
async fn a_page_that_failed_can_be_asked_for_again() {
    let tenant = TestTenant::start(|seen, before| match before {
        1 => (429, vec![], json!({"message": "Endpoint limit has been reached"})),
        _ => users_by_offset(150, 100)(seen, before),
    })
    .await;
    let client = tenant.bearer(options());
    let mut pages = client.pages(users::list(None));
    assert_eq!(pages.next_page().await.unwrap().unwrap().items.len(), 100);
    assert!(matches!(pages.next_page().await, Err(Error::RateLimited { .. })));
    assert_eq!(pages.next_page().await.unwrap().unwrap().items.len(), 50);
    assert_eq!(pages.next_page().await.unwrap(), None);
}

#[tokio::test]
async fn a_checkpoint_list_ends_without_next() {
    let tenant = TestTenant::start(|seen, _| {
        let start: usize = seen.query("from").map_or(0, |from| from.parse().unwrap());
        let rows: Vec<Value> =
            (start..start + 50).map(|number| json!({"client_id": number.to_string()})).collect();
        let next = (start < 100).then(|| (start + 50).to_string());
        plain(
            200,
            if next.is_some() {
                json!({"clients": rows, "next": next})
            } else {
                json!({"clients": rows})
            },
        )
    })
    .await;
    let all = tenant.bearer(options()).pages(applications::list()).collect(1_000).await.unwrap();
    assert_eq!((all.len(), all[149].client_id.as_str(), tenant.seen().len()), (150, "149", 3));
    assert_eq!(tenant.seen()[0].query, "take=50");
}

#[tokio::test]
async fn logs_are_read_after_a_log_id_and_the_position_is_kept() {
    let tenant = TestTenant::start(|seen, _| {
        let from: usize = seen.query("from").unwrap().parse().unwrap();
        let event = |id: usize| json!({"log_id": id.to_string(), "date": "2026-11-24T12:00:00.000Z", "type": "sapi"});
        plain(200, (from + 1..=230.min(from + 100)).map(event).collect())
    })
    .await;
    let client = tenant.bearer(options());
    let mut pages = client.pages(logs::after("10"));
    let mut read = 0;
    while let Some(page) = pages.next_page().await.unwrap() {
        read += page.items.len();
    }
    assert_eq!((read, pages.position(), tenant.seen().len()), (220, Some("230"), 3));
    assert_eq!(client.pages(logs::after("230")).collect(10).await.unwrap(), []);
}

#[tokio::test]
async fn more_rows_than_wanted_are_not_cut_off_silently() {
    let tenant = TestTenant::start(users_by_offset(250, 100)).await;
    let failed = tenant.bearer(options()).pages(users::list(None)).collect(100).await.unwrap_err();
    assert!(matches!(failed, Error::Incomplete { read: 200, .. }), "{failed}");
}

#[tokio::test]
async fn an_answer_of_another_shape_says_where_it_differs() {
    let tenant = TestTenant::start(|_, _| plain(200, json!({"items": []}))).await;
    let failed = tenant.bearer(options()).pages(users::list(None)).next_page().await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "the tenant's answer (200) has an unexpected shape: no list and no `users` in it"
    );
}
