//! What no file contains, and what every file begins with.

use crate::hold;
use crate::rust::words;
use crate::tree::Tree;

/// Notes to oneself. Written apart, so that this file has none.
const MARKS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK")];
const PRINTS: [&str; 4] = ["print!", "println!", "eprint!", "eprintln!"];
/// Where printing is the purpose: the program talks to whoever started it, a benchmark tells its result,
/// a build script speaks to cargo by printing. The link that makes the first administrator is for whoever starts
/// the program, and must not be in a log that others read later.
const MAY_PRINT: [&str; 3] = ["backline/", "benches/", "services/users/src/app/setup.rs"];

fn marks(tree: &Tree) -> Vec<String> {
    let mut broken = vec![];
    for (path, text) in tree.files().filter(|(path, _)| !path.ends_with(".json")) {
        for (number, line) in text.lines().enumerate() {
            let marks = MARKS.iter().filter(|mark| words(line, mark).next().is_some());
            broken.extend(marks.map(|mark| format!("{path}:{}: {mark}", number + 1)));
        }
    }
    broken
}

fn forgotten_calls(tree: &Tree) -> Vec<String> {
    let mut broken = vec![];
    for file in tree.rust() {
        let path = &file.path;
        let may_print =
            path.ends_with("/build.rs") || MAY_PRINT.iter().any(|p| path.starts_with(p));
        for (number, line) in file.code.lines().enumerate() {
            let mut found = |call: &str| broken.push(format!("{path}:{}: {call}", number + 1));
            if words(line, "dbg!").next().is_some() {
                found("dbg!");
            }
            if file.is_test() {
                continue;
            }
            if line.contains(".unwrap()") {
                found("unwrap()");
            }
            let prints = PRINTS.iter().filter(|print| words(line, print).next().is_some());
            prints.filter(|_| !may_print).for_each(|print| found(print));
        }
    }
    broken
}

fn files_without_header(tree: &Tree) -> Vec<String> {
    let mut broken = vec![];
    for folder in tree.crates() {
        let roots = ["lib.rs", "main.rs"].map(|name| format!("{folder}/src/{name}"));
        if !roots.iter().any(|root| tree.exists(root)) {
            broken.push(format!("{folder}: has neither src/lib.rs nor src/main.rs"));
        }
        let source = format!("{folder}/src/");
        for file in tree.rust() {
            let Some(inside) = file.path.strip_prefix(&source) else { continue };
            let is_test = inside == "tests.rs" || inside.starts_with("tests/");
            if !is_test && !file.text.starts_with("//!") {
                broken.push(format!("{}: begins without `//!`", file.path));
            }
        }
    }
    broken
}

#[test]
fn no_file_has_a_note_of_unfinished_work() {
    hold(
        "what is in the repository is finished",
        "do it now, or take it out and write down elsewhere that it is to be done",
        marks(Tree::of_repository()),
    );
}

#[test]
fn nothing_forgotten_is_left_in_the_code() {
    hold(
        "no dbg!; no unwrap() outside of tests; no printing outside of the program",
        "for unwrap() return the error, or use expect(\"why it cannot happen\"); \
         for printing use tracing with fields",
        forgotten_calls(Tree::of_repository()),
    );
}

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    hold(
        "every file below src begins with a `//!` header",
        "say in one to eight lines what it is for, what it owns, what it promises, what it does not do",
        files_without_header(Tree::of_repository()),
    );
}

#[cfg(test)]
mod samples {
    use super::*;

    #[test]
    fn a_note_is_found_in_any_kind_of_text() {
        let note = format!("# {}: later\n", MARKS[0]);
        let tree = Tree::sample(&[("a.sh", &note), ("b.md", "a hacksaw, mktemp -d b.XXXXXX\n")]);
        assert_eq!(marks(&tree), [format!("a.sh:1: {}", MARKS[0])]);
    }

    #[test]
    fn a_forgotten_call_is_found() {
        let tests = "#[cfg(test)]\nmod tests {\n    fn f() { a.unwrap(); }\n}\n";
        let tree = Tree::sample(&[
            ("services/a/src/app.rs", &format!("// a.unwrap()\na.unwrap();\nprintln!();\n{tests}")),
            ("services/a/src/tests/app.rs", "a.unwrap();\nprintln!();\ndbg!(1);\n"),
            ("backline/src/main.rs", "println!();\n"),
            ("platform/contracts/build.rs", "println!();\n"),
        ]);
        assert_eq!(
            forgotten_calls(&tree),
            [
                "services/a/src/app.rs:2: unwrap()",
                "services/a/src/app.rs:3: println!",
                "services/a/src/tests/app.rs:3: dbg!",
            ]
        );
    }

    #[test]
    fn a_file_without_header_and_a_crate_without_root_are_found() {
        let tree = Tree::sample(&[
            ("a/Cargo.toml", ""),
            ("a/src/lib.rs", "mod b;\n"),
            ("a/src/b.rs", "//! B.\n"),
            ("a/src/tests/c.rs", "use d;\n"),
            ("e/Cargo.toml", ""),
        ]);
        let expected =
            ["a/src/lib.rs: begins without `//!`", "e: has neither src/lib.rs nor src/main.rs"];
        assert_eq!(files_without_header(&tree), expected);
    }
}
