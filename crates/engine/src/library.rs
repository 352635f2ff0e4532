//! The workflows that can be started: one file each, checked before it counts.
//!
//! A file with a mistake changes nothing: the version it stood for before goes on running, also after a restart. Runs
//! keep the version they began with, by hash.

mod check;
mod survey;
mod versions;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use callboard_apps::Catalogue;
use callboard_flow::document::EventFilter;
use callboard_flow::{Definition, Problem, Problems};

use crate::store::{Change, Store, StoreError, WorkflowRecord};
use crate::time::Time;

pub use check::{Checked, MayReach, check};
pub(crate) use survey::calls;

/// A definition as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name of the file, also for messages.
    pub file: String,
    pub text: String,
}

/// A workflow that can be started.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub definition: Arc<Definition>,
    /// As it was written.
    pub text: Arc<str>,
    pub file: String,
}

impl Workflow {
    /// Names of the actions it calls, as it calls them.
    pub fn calls(&self) -> Vec<String> {
        calls(&self.definition)
    }

    /// Types of the events that start it.
    pub fn started_by(&self) -> Vec<String> {
        let on = self.definition.schedule.as_ref().and_then(|schedule| schedule.on.as_ref());
        on.map(|on| on.filters().iter().filter_map(EventFilter::event_type).collect())
            .unwrap_or_default()
    }
}

/// Why a library could not be read at all. Mistakes in a file are not this: see [`Library::problems`].
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    #[error("the folder {path} cannot be read: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// All workflows, and the definitions that runs refer to.
pub struct Library {
    store: Arc<dyn Store>,
    catalogue: Arc<Catalogue>,
    /// Whether `call: http` and its like are performed here.
    raw_calls: bool,
    time: Arc<dyn Time>,
    embedded: Vec<Source>,
    folder: Option<PathBuf>,
    shown: RwLock<Shown>,
    /// Definitions by hash, for runs.
    parsed: Mutex<HashMap<String, Arc<Definition>>>,
}

#[derive(Debug, Default)]
struct Shown {
    workflows: BTreeMap<String, Arc<Workflow>>,
    problems: Vec<Problem>,
    /// What the workflows were at any time, oldest first.
    versions: Vec<WorkflowRecord>,
}

/// So many definitions are kept parsed; then all are forgotten and read again when needed.
const MOST_PARSED: usize = 1_000;

impl Library {
    pub(crate) async fn load(
        store: Arc<dyn Store>,
        catalogue: Arc<Catalogue>,
        raw_calls: bool,
        time: Arc<dyn Time>,
        embedded: Vec<Source>,
        folder: Option<PathBuf>,
    ) -> Result<Self, LibraryError> {
        let (shown, parsed) = (RwLock::default(), Mutex::default());
        let library = Self { store, catalogue, raw_calls, time, embedded, folder, shown, parsed };
        library.reload().await?;
        Ok(library)
    }

    /// Reads the folder again. Answers the mistakes it found.
    pub(crate) async fn reload(&self) -> Result<Vec<Problem>, LibraryError> {
        let sources = self.sources()?;
        let mut before: BTreeMap<String, WorkflowRecord> =
            self.store.list_library().await?.into_iter().collect();
        let (mut shown, mut changes) = (Shown::default(), Vec::new());
        for source in sources {
            let last = before.remove(&source.file);
            let workflow = match self.check(&source) {
                Ok(definition) => {
                    let workflow =
                        Workflow { definition, text: source.text.into(), file: source.file };
                    if last.is_none_or(|last| last.hash != workflow.definition.hash) {
                        changes.extend(self.make_current(&workflow));
                    }
                    workflow
                }
                Err(problems) => {
                    shown.problems.extend(problems.0);
                    match last.and_then(|last| self.last_good(&last, &source.file)) {
                        Some(workflow) => workflow,
                        None => continue,
                    }
                }
            };
            self.remember(&workflow.definition);
            add(&mut shown, workflow);
        }
        changes.extend(before.into_keys().map(|file| Change::Retire { file }));
        if !changes.is_empty() {
            self.store.commit(changes).await?;
        }
        shown.versions = self.store.list_versions().await?;
        let problems = shown.problems.clone();
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(problems)
    }

    /// Takes over what another node read last. What this version cannot read stays as it was here.
    pub(crate) async fn adopt(&self) -> Result<(), StoreError> {
        let before = self.list();
        let (mut shown, problems) = (Shown::default(), self.problems());
        for (file, record) in self.store.list_library().await? {
            let known = before.iter().find(|known| known.file == file);
            let adopted = match known {
                Some(known) if known.definition.hash == record.hash => Some((**known).clone()),
                _ => self.last_good(&record, &file),
            };
            if let Some(workflow) = adopted.or_else(|| known.map(|known| (**known).clone())) {
                self.remember(&workflow.definition);
                add(&mut shown, workflow);
            }
        }
        shown.problems = problems;
        shown.versions = self.store.list_versions().await?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// Mistakes of the last reading, in the order of files and lines.
    pub fn problems(&self) -> Vec<Problem> {
        self.read(|shown| shown.problems.clone())
    }

    pub fn list(&self) -> Vec<Arc<Workflow>> {
        self.read(|shown| shown.workflows.values().cloned().collect())
    }

    pub fn find(&self, name: &str) -> Option<Arc<Workflow>> {
        self.read(|shown| shown.workflows.get(name).cloned())
    }

    /// Every mistake of a definition, without keeping it.
    pub fn check(&self, source: &Source) -> Result<Arc<Definition>, Problems> {
        let definition = callboard_flow::parse(&source.file, &source.text)?;
        let problems = check::mistakes(&definition, &self.catalogue, self.raw_calls);
        if problems.is_empty() { Ok(Arc::new(definition)) } else { Err(Problems(problems)) }
    }

    /// The definition that a run was begun with.
    pub(crate) async fn by_hash(&self, hash: &str) -> Result<Arc<Definition>, StoreError> {
        if let Some(known) = self.parsed().get(hash) {
            return Ok(Arc::clone(known));
        }
        let inconsistent =
            |why| StoreError::Inconsistent { table: "workflows", id: hash.to_owned(), why };
        let record = self
            .store
            .find_workflow(hash)
            .await?
            .ok_or_else(|| inconsistent("it is not there".into()))?;
        let definition = callboard_flow::parse(&record.source_name, &record.text);
        let definition =
            Arc::new(definition.map_err(|problems| inconsistent(problems.to_string()))?);
        self.remember(&definition);
        Ok(definition)
    }

    pub(crate) fn remember(&self, definition: &Arc<Definition>) {
        let mut parsed = self.parsed();
        if parsed.len() >= MOST_PARSED {
            parsed.clear();
        }
        parsed.insert(definition.hash.clone(), Arc::clone(definition));
    }

    fn parsed(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Definition>>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&Shown) -> T) -> T {
        read(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn make_current(&self, workflow: &Workflow) -> [Change; 2] {
        let at = self.time.now();
        let record = WorkflowRecord {
            hash: workflow.definition.hash.clone(),
            name: workflow.definition.document.name.clone(),
            version: workflow.definition.document.version.clone(),
            source_name: workflow.file.clone(),
            text: workflow.text.to_string(),
            at,
        };
        let current =
            Change::MakeCurrent { file: workflow.file.clone(), hash: record.hash.clone(), at };
        [Change::KeepWorkflow(record), current]
    }

    fn last_good(&self, last: &WorkflowRecord, file: &str) -> Option<Workflow> {
        let definition =
            self.check(&Source { file: last.source_name.clone(), text: last.text.clone() }).ok()?;
        Some(Workflow { definition, text: last.text.as_str().into(), file: file.to_owned() })
    }

    /// The embedded files, with those of the folder laid over them by name.
    fn sources(&self) -> Result<Vec<Source>, LibraryError> {
        let mut sources: BTreeMap<String, String> =
            self.embedded.iter().map(|source| (source.file.clone(), source.text.clone())).collect();
        if let Some(folder) = &self.folder {
            let failed = |source| LibraryError::Folder { path: folder.clone(), source };
            sources.extend(read_folder(folder).map_err(failed)?);
        }
        Ok(sources.into_iter().map(|(file, text)| Source { file, text }).collect())
    }
}

fn add(shown: &mut Shown, workflow: Workflow) {
    let name = workflow.definition.document.name.clone();
    match shown.workflows.get(&name) {
        None => {
            shown.workflows.insert(name, Arc::new(workflow));
        }
        Some(other) => shown.problems.push(Problem {
            file: workflow.file,
            line: 1,
            column: 1,
            pointer: "/document/name".into(),
            message: format!("the name `{name}` is taken by {}", other.file),
            suggestion: Some("give each workflow a name of its own".into()),
        }),
    }
}

fn read_folder(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let is_definition =
            path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if let (true, Some(name)) = (is_definition, path.file_name().and_then(|name| name.to_str()))
        {
            files.push((name.to_owned(), std::fs::read_to_string(&path)?));
        }
    }
    Ok(files)
}
