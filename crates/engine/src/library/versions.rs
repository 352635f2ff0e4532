//! Versions of workflows that other workflows name.

use std::sync::Arc;

use callboard_flow::Definition;

use super::Library;

/// The version that means "the one in the library".
const LATEST: &str = "latest";

/// Why a workflow that another one names cannot be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownVersion {
    #[error("the library has no workflow `{name}` in `{namespace}`")]
    Workflow { namespace: String, name: String },
    #[error("the version {wanted} of `{name}` is not known here; known are {known}")]
    Version { name: String, wanted: String, known: String },
    #[error("the version {wanted} of `{name}` cannot be read any more: {why}")]
    Unreadable { name: String, wanted: String, why: String },
}

impl Library {
    /// The version of a workflow that the library has, or had before; of several with one number the last.
    pub(crate) fn version(
        &self,
        namespace: &str,
        name: &str,
        wanted: &str,
    ) -> Result<Arc<Definition>, UnknownVersion> {
        let current = self.find(name).map(|found| Arc::clone(&found.definition));
        let current = current.filter(|current| current.document.namespace == namespace);
        let current = current.ok_or_else(|| UnknownVersion::Workflow {
            namespace: namespace.into(),
            name: name.into(),
        })?;
        if wanted == LATEST || wanted == current.document.version {
            return Ok(current);
        }
        let all = self.read(|shown| {
            let of_it = shown.versions.iter().filter(|record| record.name == name);
            of_it.cloned().collect::<Vec<_>>()
        });
        let Some(record) = all.iter().rfind(|record| record.version == wanted) else {
            let mut known: Vec<&str> = all.iter().map(|record| record.version.as_str()).collect();
            known.push(&current.document.version);
            known.sort_unstable();
            known.dedup();
            return Err(UnknownVersion::Version {
                name: name.into(),
                wanted: wanted.into(),
                known: known.join(", "),
            });
        };
        let definition = callboard_flow::parse(&record.source_name, &record.text);
        let definition = definition.map_err(|problems| UnknownVersion::Unreadable {
            name: name.into(),
            wanted: wanted.into(),
            why: problems.to_string(),
        })?;
        let definition = Arc::new(definition);
        self.remember(&definition);
        Ok(definition)
    }
}
