//! All apps there are: the embedded ones, with the folders of the user laid over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callboard_flow::{FunctionSignature, Functions, Problem, Problems};
use include_dir::{Dir, include_dir};

use crate::action::{Action, Inverse};
use crate::app::App;
use crate::manifest::{ManifestFile, read_app};
use crate::trigger::Trigger;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../apps");

/// Every app, action and trigger, by name.
#[derive(Debug, Clone)]
pub struct Catalogue {
    apps: BTreeMap<String, Arc<App>>,
    actions: BTreeMap<String, Arc<Action>>,
}

/// Manifest texts by path below `apps/`.
type Files = BTreeMap<String, ManifestFile>;

impl Catalogue {
    /// The apps that come with Callboard.
    pub fn embedded() -> Self {
        Self::from_files(embedded_files())
            .expect("a test reads the embedded manifests, expressions too")
    }

    /// The embedded apps, overlaid by folders that look like `apps/`: a file with the same path replaces the
    /// embedded one, others add apps, actions or triggers. Later folders win.
    pub fn load(overlays: &[PathBuf]) -> Result<Self, Problems> {
        let mut files = embedded_files();
        for folder in overlays {
            add_folder(folder, &mut files)?;
        }
        Self::from_files(files)
    }

    /// Only the apps of this folder.
    pub fn of_folder(folder: &Path) -> Result<Self, Problems> {
        let mut files = Files::new();
        add_folder(folder, &mut files)?;
        Self::from_files(files)
    }

    pub fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values()
    }

    pub fn app(&self, name: &str) -> Option<&Arc<App>> {
        self.apps.get(name)
    }

    /// All actions, by id.
    pub fn actions(&self) -> impl Iterator<Item = &Arc<Action>> {
        self.actions.values()
    }

    /// By id (`auth0.users.create`) or as workflows call it (`auth0.users.create:1@callboard`).
    pub fn action(&self, name: &str) -> Option<&Arc<Action>> {
        let Some((id, rest)) = name.split_once(':') else { return self.actions.get(name) };
        let version = rest.strip_suffix("@callboard")?;
        self.actions.get(id).filter(|action| action.version == version)
    }

    pub fn trigger(&self, app: &str, name: &str) -> Option<&Arc<Trigger>> {
        self.apps.get(app)?.trigger(name)
    }

    /// Every type of event that an app may announce.
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        let triggers = self.apps.values().flat_map(|app| &app.triggers);
        triggers.flat_map(|trigger| trigger.event_types.iter().map(String::as_str))
    }

    fn from_files(files: Files) -> Result<Self, Problems> {
        let mut by_app: BTreeMap<String, Vec<ManifestFile>> = BTreeMap::new();
        for (path, file) in files {
            if let Some((app, _)) = path.split_once('/') {
                by_app.entry(app.to_owned()).or_default().push(file);
            }
        }
        let mut apps = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, files) in by_app {
            match read_app(&name, &files) {
                Ok(app) => drop(apps.insert(name, Arc::new(app))),
                Err(found) => problems.extend(found),
            }
        }
        let actions: BTreeMap<String, Arc<Action>> = apps
            .values()
            .flat_map(|app| &app.actions)
            .map(|action| (action.id.clone(), Arc::clone(action)))
            .collect();
        if problems.is_empty() {
            problems.extend(unknown_inverses(&actions));
        }
        if problems.is_empty() { Ok(Self { apps, actions }) } else { Err(Problems(problems)) }
    }
}

impl Functions for Catalogue {
    fn find(&self, name: &str) -> Option<FunctionSignature> {
        let action = self.action(name).filter(|_| name.contains(':'))?;
        Some(FunctionSignature {
            title: action.title.clone(),
            input: action.input.value().clone(),
            output: action.output.value().clone(),
        })
    }

    fn names(&self) -> Vec<String> {
        self.actions.values().map(|action| action.function_name()).collect()
    }

    fn app_title(&self, name: &str) -> Option<String> {
        Some(self.app(self.action(name)?.app())?.title.clone())
    }

    /// `BambooHR tells of "employee created"`
    fn event_title(&self, event_type: &str) -> Option<String> {
        let announces = |app: &&Arc<App>| {
            let mut types = app.triggers.iter().flat_map(|trigger| &trigger.event_types);
            types.any(|known| known == event_type)
        };
        let app = self.apps.values().find(announces)?;
        let words = event_type.strip_prefix(&format!("{}.", app.name)).unwrap_or(event_type);
        Some(format!("{} tells of \"{}\"", app.title, words.replace(['.', '_'], " ")))
    }
}

/// Inverses may be actions of other files, so they are looked up last.
fn unknown_inverses(actions: &BTreeMap<String, Arc<Action>>) -> Vec<Problem> {
    let unknown = actions.values().filter_map(|action| match &action.inverse {
        Inverse::Action { action: inverse, .. } if !actions.contains_key(inverse) => {
            Some(Problem {
                file: format!("apps/{}", action.app()),
                line: 1,
                column: 1,
                pointer: String::new(),
                message: format!(
                    "the inverse of `{}` is the unknown action `{inverse}`",
                    action.id
                ),
                suggestion: None,
            })
        }
        _ => None,
    });
    unknown.collect()
}

fn embedded_files() -> Files {
    let folders = EMBEDDED.dirs();
    let files = folders.flat_map(Dir::files).filter_map(|file| {
        let path = file.path().to_str().filter(|path| is_manifest(path))?;
        let file = ManifestFile {
            name: format!("apps/{path}"),
            text: file.contents_utf8()?.to_owned(),
            trusted: true,
        };
        Some((path.to_owned(), file))
    });
    files.collect()
}

fn add_folder(folder: &Path, files: &mut Files) -> Result<(), Problems> {
    let failed = |path: &Path, error: &std::io::Error| {
        Problems::from(Problem {
            file: path.display().to_string(),
            line: 1,
            column: 1,
            pointer: String::new(),
            message: format!("cannot be read: {error}"),
            suggestion: None,
        })
    };
    for app in entries(folder).map_err(|error| failed(folder, &error))? {
        if !app.is_dir() {
            continue;
        }
        for file in entries(&app).map_err(|error| failed(&app, &error))? {
            let key = file
                .strip_prefix(folder)
                .ok()
                .and_then(Path::to_str)
                .filter(|key| is_manifest(key));
            let Some(key) = key else { continue };
            let text = fs::read_to_string(&file).map_err(|error| failed(&file, &error))?;
            files.insert(
                key.to_owned(),
                ManifestFile { name: file.display().to_string(), text, trusted: false },
            );
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn is_manifest(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "yaml")
}
