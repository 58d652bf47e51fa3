//! Every arrow points down: the program, the services, the platform.

use cargo_metadata::MetadataCommand;

use crate::hold;
use crate::tree::{Tree, root};

/// A crate's folder and the folders of the crates of ours that it depends on, also for its tests.
struct Crate {
    folder: String,
    name: String,
    depends_on: Vec<String>,
}

fn crates_of_repository() -> Vec<Crate> {
    let root = root();
    let mut command = MetadataCommand::new();
    command.manifest_path(root.join("Cargo.toml")).no_deps();
    let metadata = command.exec().expect("cargo metadata reads the workspace");
    let relative = |path: &cargo_metadata::camino::Utf8Path| {
        let folder = path.as_std_path().strip_prefix(&root).expect("crates lie below the root");
        folder.to_string_lossy().replace('\\', "/")
    };
    let crates = metadata.packages.iter().map(|package| Crate {
        folder: relative(package.manifest_path.parent().expect("a manifest lies in a folder")),
        name: package.name.to_string(),
        depends_on: package
            .dependencies
            .iter()
            .filter_map(|d| d.path.as_deref())
            .map(relative)
            .collect(),
    });
    crates.collect()
}

/// Which floors the crates of a floor may stand on. The tests and the benchmarks may use everything.
fn floors_below(floor: &str) -> &'static [&'static str] {
    match floor {
        "platform" | "services" => &["platform"],
        "backline" => &["platform", "services"],
        _ => &["platform", "services", "backline", "tests"],
    }
}

fn arrows_that_point_up(crates: &[Crate]) -> Vec<String> {
    let floor = |folder: &str| folder.split('/').next().unwrap_or_default().to_owned();
    let mut broken = vec![];
    for Crate { folder, depends_on, .. } in crates {
        let below = floors_below(&floor(folder));
        for dependency in depends_on {
            if !below.contains(&floor(dependency).as_str()) {
                broken.push(format!("{folder}/Cargo.toml: depends on {dependency}"));
            }
        }
    }
    broken
}

fn folders_that_are_no_crates(tree: &Tree, crates: &[Crate]) -> Vec<String> {
    let mut broken = vec![];
    for floor in ["services", "platform"] {
        for name in tree.names_in(floor) {
            let folder = format!("{floor}/{name}");
            match crates.iter().find(|found| found.folder == folder) {
                None => broken.push(format!("{folder}: not a crate of the workspace")),
                Some(found) if found.name != name => {
                    broken.push(format!("{folder}/Cargo.toml: the crate is called {}", found.name));
                }
                Some(_) => {}
            }
        }
    }
    broken
}

fn crates_without_the_lints(tree: &Tree) -> Vec<String> {
    let without = tree.crates().filter(|folder| {
        let manifest = tree.text(&format!("{folder}/Cargo.toml")).unwrap_or_default();
        !manifest.contains("[lints]\nworkspace = true")
    });
    without
        .map(|folder| format!("{folder}/Cargo.toml: has not the lints of the workspace"))
        .collect()
}

#[test]
fn every_dependency_points_down() {
    hold(
        "the program depends on services and platform, services on platform, platform on platform",
        "what two services need of each other is a message or a call in platform/contracts; \
         what two services need alike is a crate of the platform",
        arrows_that_point_up(&crates_of_repository()),
    );
}

#[test]
fn every_folder_of_a_floor_is_a_crate_of_its_name() {
    hold(
        "folders in services/ and platform/ are crates of the workspace, named like the folder",
        "add it to `members` in the root Cargo.toml, rename it, or remove it",
        folders_that_are_no_crates(Tree::of_repository(), &crates_of_repository()),
    );
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    hold(
        "lints are set once, for all crates",
        "write `[lints]` and below it `workspace = true` into the crate's Cargo.toml",
        crates_without_the_lints(Tree::of_repository()),
    );
}

#[cfg(test)]
mod samples {
    use super::*;

    fn sample(folder: &str, depends_on: &[&str]) -> Crate {
        let name = folder.rsplit('/').next().unwrap_or_default().to_owned();
        let depends_on = depends_on.iter().map(|folder| (*folder).to_owned()).collect();
        Crate { folder: folder.to_owned(), name, depends_on }
    }

    #[test]
    fn an_arrow_that_points_up_or_aside_is_found() {
        let crates = [
            sample("backline", &["services/users", "platform/stdx"]),
            sample("services/users", &["platform/stdx", "services/roles"]),
            sample("platform/stdx", &["services/users", "backline", "platform/messages"]),
            sample("tests/e2e", &["backline", "services/users", "platform/stdx"]),
        ];
        let broken = arrows_that_point_up(&crates);
        assert_eq!(
            broken,
            [
                "services/users/Cargo.toml: depends on services/roles",
                "platform/stdx/Cargo.toml: depends on services/users",
                "platform/stdx/Cargo.toml: depends on backline",
            ]
        );
    }

    #[test]
    fn the_metadata_of_this_repository_has_dependencies() {
        let crates = crates_of_repository();
        let contracts = crates.iter().find(|found| found.folder == "platform/contracts");
        let depends_on = &contracts.expect("contracts is a crate").depends_on;
        assert!(depends_on.contains(&"platform/messages".to_owned()), "{depends_on:?}");
    }

    #[test]
    fn a_folder_that_is_no_crate_is_found() {
        let tree = Tree::sample(&[("services/users/a", ""), ("platform/kit/Cargo.toml", "")]);
        let kit = Crate { name: "http".into(), ..sample("platform/kit", &[]) };
        let broken = folders_that_are_no_crates(&tree, &[kit]);
        assert_eq!(broken.len(), 2, "{broken:?}");
        assert_eq!(crates_without_the_lints(&tree).len(), 1);
    }
}
