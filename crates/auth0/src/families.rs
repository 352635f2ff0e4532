//! Typed calls for the families that automation uses. Unknown fields of answers are kept in `other`.

use callboard_contract::contract;

use crate::{Call, InvalidCall};

pub mod applications;
pub mod connections;
pub mod events;
pub mod logs;
pub mod roles;
pub mod tickets;
pub mod users;

/// The page size that every list honours.
const PER_PAGE: usize = 50;

/// An operation of the contract without parameters in its path.
fn fixed(operation: &str) -> Call {
    call(operation, &[]).expect("the path has no parameters")
}

/// An operation of the contract whose path has one parameter, `id` or `user_id`.
fn by_id(operation: &str, id: &str) -> Result<Call, InvalidCall> {
    call(operation, &[("id", id), ("user_id", id)])
}

fn call(operation: &str, path: &[(&str, &str)]) -> Result<Call, InvalidCall> {
    let operation =
        contract().operation(operation).expect("a test builds every call of this module");
    Call::operation(operation, path, Vec::new(), None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Repeat, Typed};

    #[test]
    fn only_calls_without_further_effect_may_be_repeated() {
        fn of<T>(typed: Typed<T>) -> Call {
            typed.call
        }
        let id = "auth0|1";
        for (call, repeat) in [
            (of(users::get(id).unwrap()), Repeat::Harmless),
            (of(users::create(json!({}))), Repeat::Unsafe),
            (
                of(users::update(id, json!({"app_metadata": {"level": 2}})).unwrap()),
                Repeat::Harmless,
            ),
            (
                of(users::update(id, json!({"email": "a@example.com", "verify_email": true}))
                    .unwrap()),
                Repeat::Unsafe,
            ),
            (of(users::block(id).unwrap()), Repeat::Harmless),
            (of(users::delete(id).unwrap()), Repeat::Harmless),
            (of(users::assign_roles(id, &["rol_1".into()]).unwrap()), Repeat::Harmless),
            (of(users::remove_roles(id, &["rol_1".into()]).unwrap()), Repeat::Harmless),
            (of(users::delete_sessions(id).unwrap()), Repeat::Harmless),
            (of(users::revoke_access(id).unwrap()), Repeat::Harmless),
            (of(applications::rotate_secret("c").unwrap()), Repeat::Unsafe),
            (of(tickets::password_change(json!({}))), Repeat::Unsafe),
        ] {
            assert_eq!(call.repeat, repeat, "{call:?}");
            assert!(
                call.path.starts_with("/api/v2/") && !call.path.contains(['{', '|']),
                "{}",
                call.path
            );
        }
    }

    #[test]
    fn every_other_read_is_an_operation_of_the_contract() {
        let calls = [
            users::list(None).call,
            users::by_email("a@example.com").call,
            users::unblock("auth0|1").unwrap().call,
            users::roles("auth0|1").unwrap().call,
            users::sessions("auth0|1").unwrap().call,
            users::probe(),
            roles::list(Some("Staff")).call,
            logs::list(Some("type:sapi")).call,
            logs::after("1").call,
            logs::page(Some("1"), 100).call,
            logs::page(None, 100).call,
            logs::newest().call,
            events::after("1", &["user.created".into()]),
            events::since(jiff::Timestamp::UNIX_EPOCH, &[]),
            logs::get("1").unwrap().call,
            connections::list(Some("auth0")).call,
            applications::list().call,
        ];
        for call in calls {
            let located =
                contract().locate(&call.method, &call.path).map(|found| found.operation.id.clone());
            assert_eq!(located, call.operation);
            let operation = contract().operation(call.operation.as_deref().unwrap()).unwrap();
            operation
                .check_query(&call.query)
                .unwrap_or_else(|violation| panic!("{call:?}: {violation}"));
        }
    }

    #[test]
    fn unknown_fields_are_kept_and_secrets_not_printed() {
        let user: users::User =
            serde_json::from_value(json!({"user_id": "auth0|1", "logins_count": 3})).unwrap();
        assert_eq!((user.blocked, &user.other["logins_count"]), (false, &json!(3)));
        let wire = json!({"client_id": "c", "name": "App", "client_secret": "hush", "signing_keys": ["hush"]});
        let application: applications::Application = serde_json::from_value(wire).unwrap();
        assert!(!format!("{application:?}").contains("hush"));
        assert_eq!(application.other["signing_keys"], json!(["hush"]));
    }
}
