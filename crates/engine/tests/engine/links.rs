//! Links keep their secrets.

use callboard_engine::{LinkDraft, LinkError};

use crate::harness::{KEY, PATIENCE, Premises, office_link, printed};

#[tokio::test]
async fn credentials_are_nowhere_but_in_the_seal() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[]).await;
    let shown = engine.links().get("office").unwrap();
    assert_eq!(shown.secrets, ["secret", "webhook_secret"]);
    let report = engine.test_link("office").await.unwrap();
    assert_eq!((report.works, report.who.as_deref()), (true, Some("the caretaker")));
    for text in [
        printed(&shown),
        format!("{shown:?}"),
        format!("{report:?}"),
        format!("{:?}", office_link()),
    ] {
        assert!(!text.contains(KEY), "{text}");
    }
    engine.stop(PATIENCE).await;
    drop(engine);
    for file in std::fs::read_dir(premises.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(
            !bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()),
            "{}",
            path.display()
        );
    }
    let engine = premises.open(&[]).await;
    assert_eq!(engine.links().list().len(), 1, "and they open after a restart");
    engine.links().remove("office").await.unwrap();
    assert!(matches!(engine.links().remove("office").await, Err(LinkError::NotFound { .. })));
}

#[tokio::test]
async fn a_link_that_cannot_work_is_refused_with_a_reason() {
    let premises = Premises::new();
    let engine = premises.open(&[]).await;
    let good = office_link;
    for (draft, wrong) in [
        (LinkDraft { name: "a b".into(), ..good() }, "letters, digits"),
        (LinkDraft { app: "ofice".into(), ..good() }, "known are agency, office"),
        (
            LinkDraft { secrets: [("pin".into(), KEY.into())].into(), ..good() },
            "has no secret `pin`",
        ),
        (
            LinkDraft { url: Some("https://x:the-office-key@a.test".parse().unwrap()), ..good() },
            "user name or password; right is `https://HOST/PATH`",
        ),
        (LinkDraft { secrets: [].into(), ..good() }, "needs `secret`"),
        (
            LinkDraft {
                settings: [("floor".into(), "top".into())].into_iter().collect(),
                ..good()
            },
            "settings",
        ),
    ] {
        let error = engine.put_link(draft).await.unwrap_err().to_string();
        assert!(error.contains(wrong), "{error} should say {wrong}");
        assert!(!error.contains(KEY), "{error}");
    }
}

#[tokio::test]
async fn api_keys_are_shown_once_and_kept_as_hashes() {
    use secrecy::ExposeSecret as _;
    let premises = Premises::new();
    let engine = premises.open(&[]).await;
    let key =
        engine.api_keys().ensure_administrator().await.unwrap().expect("the first start makes it");
    assert!(engine.api_keys().ensure_administrator().await.unwrap().is_none(), "and shows it once");
    let caller = engine.api_keys().check(key.expose_secret()).await.unwrap();
    assert_eq!(caller.map(|caller| caller.name).as_deref(), Some("administrator"));
    for wrong in
        ["", "callboard_administrator_00", "nonsense", &format!("{}0", key.expose_secret())]
    {
        assert!(engine.api_keys().check(wrong).await.unwrap().is_none(), "{wrong}");
    }
    engine.stop(PATIENCE).await;
    let settings = callboard_engine::Settings {
        administrator_key: Some("from the environment".to_owned().into()),
        ..premises.settings(&[])
    };
    let engine = callboard_engine::Engine::open(settings).await.unwrap();
    assert!(engine.api_keys().check("from the environment").await.unwrap().is_some());
    assert!(
        engine.api_keys().check(key.expose_secret()).await.unwrap().is_none(),
        "it replaces the one that was made"
    );
}

#[tokio::test]
async fn a_test_of_a_link_tells_which_scopes_enabled_workflows_lack() {
    let text = r"
document: {dsl: 1.0.3, namespace: test, name: leaver, version: 1.0.0}
do:
  - look: {call: 'auth0.users.get:1@callboard', with: {user: 'auth0|1'}}
  - remove: {call: 'auth0.users.delete:1@callboard', with: {user: 'auth0|1'}}
";
    let premises = Premises::new();
    let catalogue = std::sync::Arc::new(callboard_apps::Catalogue::embedded());
    let settings = callboard_engine::Settings { catalogue, ..premises.settings(&[text]) };
    let engine = callboard_engine::Engine::open(settings).await.unwrap();
    assert!(engine.library().problems().is_empty(), "{:?}", engine.library().problems());
    let draft = LinkDraft {
        name: "tenant".into(),
        app: "auth0".into(),
        url: Some("https://tenant.test".parse().unwrap()),
        secrets: [("client_id".into(), "id".into()), ("client_secret".into(), KEY.into())].into(),
        ..office_link()
    };
    engine.put_link(draft).await.unwrap();
    *premises.office.scopes.lock().unwrap() = vec!["read:users".into()];
    let report = engine.test_link("tenant").await.unwrap();
    let lacking: Vec<_> = report
        .lacking
        .iter()
        .map(|lacking| (lacking.workflow.as_str(), lacking.action.as_str()))
        .collect();
    assert_eq!(lacking, [("leaver", "auth0.users.delete")], "{report:?}");
    assert!(report.lacking[0].scopes.contains("delete:users"), "{report:?}");
}
