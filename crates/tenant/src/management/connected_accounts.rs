//! Accounts at other services that a user has connected, and their tokens. Connecting happens at login, which does not
//! do it here; so these are lists of what something else has put there.

use callboard_contract::Inexistent;

use super::generic::{
    self, Family, IdForm, Parent,
    Verb::{Delete, List},
};
use super::users;
use crate::pipeline::Table;

static ACCOUNTS: Family = Family {
    parent: Some(OF_USER),
    hidden: &["user_id"],
    routes: &[(List, "get_connected-accounts", "")],
    ..Family::new("connected_account", IdForm::Prefixed("cac_", 22), |_| {
        Inexistent::Other("connected account").into()
    })
};

static TOKENSETS: Family = Family {
    path_id: "tokenset_id",
    parent: Some(OF_USER),
    hidden: &["user_id", "tokens"],
    routes: &[
        (List, "get_federated-connections-tokensets", ""),
        (
            Delete,
            "delete_federated-connections-tokensets_by_tokenset_id",
            "Delete a federated connection tokenset",
        ),
    ],
    ..Family::new("tokenset", IdForm::Uuid, |_| Inexistent::Other("tokenset").into())
};

const OF_USER: Parent = Parent {
    kind: users::KIND,
    path_id: "id",
    field: "user_id",
    missing: |_| Inexistent::User.into(),
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &ACCOUNTS);
    generic::behaviours(table, &TOKENSETS);
}
