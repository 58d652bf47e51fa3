//! The files of the repository, or of a sample.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::rust::RustFile;

/// Made by tools or kept for one machine; never part of the repository. Hidden folders are not either,
/// but for those that configure how it is built.
const NOT_OURS: [&str; 7] = [
    "benches/peers/node_modules",
    "data",
    "target",
    "web/dist",
    "web/e2e-results",
    "web/node_modules",
    "web/test-results",
];
const HIDDEN_AND_OURS: [&str; 3] = [".ci", ".config", ".github"];

/// What is read. Of other files only the existence matters.
const TEXTS: [&str; 14] = [
    "cedar",
    "cedarschema",
    "css",
    "html",
    "json",
    "md",
    "proto",
    "rs",
    "sh",
    "toml",
    "ts",
    "tsx",
    "yaml",
    "yml",
];

/// Paths, relative to the root and with `/`, and their texts.
pub struct Tree {
    texts: BTreeMap<String, String>,
    rust: Vec<RustFile>,
}

static REPOSITORY: LazyLock<Tree> = LazyLock::new(|| {
    let root = root();
    let mut texts = BTreeMap::new();
    read_folder(&root, &root, &mut texts);
    // A rule that reads an empty or a wrong folder would hold without having looked at anything.
    for landmark in ["Cargo.toml", "platform/contracts/src/messages.rs", "tests/tidy/Cargo.toml"] {
        assert!(texts.contains_key(landmark), "{} is not the repository", root.display());
    }
    Tree::new(texts)
});

/// Where the workspace is.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("tests/tidy lies two folders below the root").to_owned()
}

impl Tree {
    /// This repository.
    pub fn of_repository() -> &'static Self {
        &REPOSITORY
    }

    /// A made-up one, to break a rule with.
    pub fn sample(files: &[(&str, &str)]) -> Self {
        Self::new(files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect())
    }

    fn new(texts: BTreeMap<String, String>) -> Self {
        let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        let rust = rust.map(|(path, text)| RustFile::new(path, text)).collect();
        Self { texts, rust }
    }

    /// Every file and its text, in order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every Rust file.
    pub fn rust(&self) -> &[RustFile] {
        &self.rust
    }

    /// A file's text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Whether there is a file or a folder of this name.
    pub fn exists(&self, path: &str) -> bool {
        path.is_empty() || self.text(path).is_some() || !self.names_in(path).is_empty()
    }

    /// The names of the files and folders right below a folder, in order.
    pub fn names_in(&self, folder: &str) -> Vec<&str> {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        let below = self.texts.keys().filter_map(|path| path.strip_prefix(&prefix));
        let mut names: Vec<&str> =
            below.map(|rest| rest.split('/').next().unwrap_or(rest)).collect();
        names.dedup();
        names
    }

    /// The folders of all crates: `services/roles`, `backline`.
    pub fn crates(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().filter_map(|path| path.strip_suffix("/Cargo.toml"))
    }

    /// The folders of all services, with a manifest or without.
    pub fn services(&self) -> Vec<String> {
        self.names_in("services").iter().map(|name| format!("services/{name}")).collect()
    }
}

fn read_folder(root: &Path, folder: &Path, texts: &mut BTreeMap<String, String>) {
    let entries = std::fs::read_dir(folder).expect("folder can be listed");
    for entry in entries {
        let entry = entry.expect("folder can be listed");
        let path = entry.path();
        let relative = path.strip_prefix(root).expect("below the root");
        let relative = relative.to_string_lossy().replace('\\', "/");
        let kind = entry.file_type().expect("file has a type");
        if kind.is_dir() && is_ours(&relative) {
            read_folder(root, &path, texts);
        } else if kind.is_file() {
            texts.insert(relative, read_text(&path));
        }
    }
}

fn is_ours(folder: &str) -> bool {
    let is_hidden = folder.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
    !NOT_OURS.contains(&folder) && (!is_hidden || HIDDEN_AND_OURS.contains(&folder))
}

fn read_text(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    let is_text = TEXTS.iter().any(|text| extension == *text);
    // Editors replace files while tests run; one that is gone by now is not there.
    if is_text { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

#[test]
fn folders_are_found_by_what_lies_in_them() {
    let tree = Tree::sample(&[("services/a/src/app/one.rs", ""), ("services/b/README.md", "")]);
    assert_eq!(tree.services(), ["services/a", "services/b"]);
    assert_eq!(tree.names_in("services/a/src"), ["app"]);
    assert!(tree.exists("services/a/src/app") && !tree.exists("services/a/src/ap"));
}

#[test]
fn only_what_tools_leave_behind_is_passed_over() {
    assert!(is_ours("services/roles/src/data") && is_ours(".github") && is_ours("web/src"));
    assert!(
        !is_ours("data") && !is_ours("web/dist") && !is_ours(".git") && !is_ours("tests/.venv")
    );
}
