//! The table of operations, compiled in and read once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{LazyLock, OnceLock},
};

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Answer, Body, Located, Operation, Parameter, overlay, paths::Paths, schemas::Schemas};

const OPERATIONS: &str = include_str!("../data/operations.jsonl");
const SCHEMAS: &str = include_str!("../data/schemas.txt");
const OVERLAY: &str = include_str!("../data/overlay.json");

static CORRECTIONS: LazyLock<Vec<overlay::Entry>> =
    LazyLock::new(|| serde_json::from_str(OVERLAY).expect("every test reads the overlay"));

static READ_SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let mut schemas = Schemas::read(SCHEMAS);
    overlay::correct_schemas(&CORRECTIONS, &mut schemas).expect("every test applies the overlay");
    schemas
});

static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

/// The contract that this build embeds.
pub fn contract() -> &'static Contract {
    &CONTRACT
}

/// All operations of the Management API, the schemas they refer to, the scopes they need.
#[derive(Debug)]
pub struct Contract {
    operations: Vec<Operation>,
    by_id: HashMap<String, usize>,
    scopes: Vec<String>,
    paths: OnceLock<Paths>,
    schemas: &'static Schemas,
}

/// One line of the generated file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    pub(crate) id: String,
    method: String,
    path: String,
    group: String,
    scopes: Vec<String>,
    success: u16,
    #[serde(default)]
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Map<String, Value>,
}

impl Contract {
    fn read() -> Self {
        let schemas: &'static Schemas = &READ_SCHEMAS;
        let mut operations = generated(schemas);
        let mut scopes: BTreeSet<String> = all_scopes(&operations).collect();
        overlay::correct_operations(&CORRECTIONS, &mut operations, schemas)
            .expect("every test applies the overlay");
        scopes.extend(all_scopes(&operations));
        let by_id = operations
            .iter()
            .enumerate()
            .map(|(index, operation)| (operation.id.clone(), index))
            .collect();
        Self {
            operations,
            by_id,
            scopes: scopes.into_iter().collect(),
            paths: OnceLock::new(),
            schemas,
        }
    }

    /// Every operation, sorted by id.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation with this id, for example `post_users`.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.by_id.get(id).and_then(|index| self.operations.get(*index))
    }

    /// The id that an unknown one was most likely meant to be.
    pub fn suggest(&self, id: &str) -> Option<&str> {
        let scored =
            self.by_id.keys().map(|known| (strsim::jaro_winkler(known, id), known.as_str()));
        let best = scored
            .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(one.1)))?;
        (best.0 > 0.8).then_some(best.1)
    }

    /// The operation of a method and a concrete path, with or without `/api/v2` in front and a query string behind.
    ///
    /// `GET /users/auth0%7C1/roles` gives `get_user_roles` and `id` = `auth0|1`.
    pub fn locate(&self, method: &Method, path: &str) -> Option<Located<'_>> {
        let paths = self.paths.get_or_init(|| Paths::new(&self.operations));
        let (index, parameters) = paths.find(method, path)?;
        Some(Located { operation: self.operations.get(index)?, parameters })
    }

    /// Every scope that some operation asks for, sorted.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// A schema by name, for example `UserMetadata`.
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.schemas.find(name)
    }

    /// A schema that stands alone: what it refers to by name is copied under `$defs`.
    pub fn bundle(&self, schema: &Value) -> Value {
        self.schemas.bundle(schema)
    }

    /// Every schema: named ones and those written into operations.
    #[cfg(test)]
    pub(crate) fn all_schemas(&self) -> impl Iterator<Item = &Value> {
        let named = self.schemas.names().filter_map(|name| self.schemas.find(name));
        let parameters = self.operations.iter().flat_map(|operation| &operation.parameters);
        let bodies = self.operations.iter().filter_map(|operation| operation.body.as_ref());
        named
            .chain(parameters.map(|parameter| &parameter.schema))
            .chain(bodies.map(|body| &body.schema))
    }

    /// Calls `found` with every keyword of every schema, and its argument.
    #[cfg(test)]
    pub(crate) fn each_keyword(&self, found: &mut dyn FnMut(&str, &Value)) {
        fn walk(schema: &Value, found: &mut dyn FnMut(&str, &Value)) {
            for (keyword, argument) in schema.as_object().into_iter().flatten() {
                found(keyword, argument);
                match (keyword.as_str(), argument) {
                    ("properties", Value::Object(members)) => {
                        members.values().for_each(|schema| walk(schema, found));
                    }
                    ("oneOf" | "anyOf" | "allOf", Value::Array(parts)) => {
                        for part in parts {
                            walk(part, found);
                        }
                    }
                    ("items" | "contains" | "additionalProperties" | "not", schema) => {
                        walk(schema, found);
                    }
                    _ => {}
                }
            }
        }
        self.all_schemas().for_each(|schema| walk(schema, found));
    }
}

/// The operations as the document has them.
pub(crate) fn generated(schemas: &'static Schemas) -> Vec<Operation> {
    let read = |line| {
        serde_json::from_str::<Facts>(line).expect("the generator writes one operation a line")
    };
    OPERATIONS.lines().map(|line| read(line).into_operation(schemas)).collect()
}

fn all_scopes(operations: &[Operation]) -> impl Iterator<Item = String> {
    operations.iter().flat_map(|operation| operation.scopes.iter().flatten().cloned())
}

impl Facts {
    /// The document lists scopes without saying how they combine; mostly any of them will do.
    pub(crate) fn into_operation(self, schemas: &'static Schemas) -> Operation {
        let answers = self.answers.into_iter().filter_map(|(status, schema)| {
            Some(Answer {
                status: status.parse().ok()?,
                schema: (!schema.is_null()).then_some(schema),
            })
        });
        Operation {
            id: self.id,
            method: Method::from_bytes(self.method.as_bytes())
                .expect("the document has only usual methods"),
            path: self.path,
            group: self.group,
            scopes: self.scopes.into_iter().map(|scope| vec![scope]).collect(),
            parameters: self.parameters,
            body: self.body,
            success: self.success,
            answers: answers.collect(),
            closed_query: false,
            unknown_property_hint: None,
            query_schema: OnceLock::new(),
            schemas,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_operation_of_the_document_is_there() {
        assert_eq!(generated(&READ_SCHEMAS).len(), 452);
        for operation in generated(&READ_SCHEMAS) {
            assert!(contract().operation(&operation.id).is_some(), "{}", operation.id);
        }
    }

    #[test]
    fn all_scopes_of_the_document_are_known() {
        assert!(contract().scopes().len() >= 242, "{}", contract().scopes().len());
        assert!(contract().scopes().is_sorted());
        assert!(contract().scopes().iter().any(|scope| scope == "read:user_idp_tokens"));
    }

    #[test]
    fn an_operation_is_found_by_its_path() {
        for (method, path, id, parameters) in [
            (Method::GET, "/users/auth0%7C1/roles", "get_user_roles", vec![("id", "auth0|1")]),
            (Method::GET, "/api/v2/users?q=x", "get_users", vec![]),
            (
                Method::GET,
                "/api/v2/users/auth0%7Ca%2Fb",
                "get_users_by_id",
                vec![("id", "auth0|a/b")],
            ),
            (
                Method::GET,
                "/connection-profiles/templates",
                "get_connection_profile_templates",
                vec![],
            ),
            (
                Method::DELETE,
                "/users/auth0%7C1/identities/github/2",
                "delete_user_identity_by_user_id",
                vec![("id", "auth0|1"), ("provider", "github"), ("user_id", "2")],
            ),
        ] {
            let located =
                contract().locate(&method, path).unwrap_or_else(|| panic!("{method} {path}"));
            let found: Vec<_> = located
                .parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!((located.operation.id.as_str(), found), (id, parameters), "{method} {path}");
        }
        for path in ["/nothing", "users", "/users//roles", "/users/%FF", "/"] {
            assert!(contract().locate(&Method::GET, path).is_none(), "{path}");
        }
    }

    #[test]
    fn an_unknown_id_gets_a_suggestion() {
        for (id, suggestion) in [
            ("post_user", Some("post_users")),
            ("get_user_role", Some("get_user_roles")),
            ("zzz", None),
        ] {
            assert_eq!(contract().suggest(id), suggestion, "{id}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        for schema in contract().all_schemas() {
            let bundled = contract().bundle(schema).to_string();
            for name in
                bundled.split("\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next())
            {
                assert!(contract().schema(name).is_some(), "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_path_made_of_values_leads_back_to_them(
            index in 0..452_usize,
            values in proptest::collection::vec("[^\\x00]{1,12}", 4),
        ) {
            let operation = &contract().operations()[index];
            let names: Vec<&str> =
                operation.parameters_in(crate::Place::Path).map(|parameter| parameter.name.as_str()).collect();
            let value = |name: &str| Some(values[names.iter().position(|known| *known == name)?].as_str());
            let path = operation.path_with(&value).unwrap();
            let located = contract().locate(&operation.method, &path).unwrap();
            // A value may happen to be a literal of another template; with these values it does not.
            prop_assert_eq!(&located.operation.id, &operation.id);
            for (name, found) in &located.parameters {
                prop_assert_eq!(Some(found.as_str()), value(name));
            }
        }
    }
}
