//! Files and functions that fit into a head. Old large ones are on a list that only shrinks.

use crate::hold;
use crate::rust::{RustFile, indent, indent_is};
use crate::tree::Tree;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Files that are longer, with the length they may not grow beyond.
const LONG_FILES: &[(&str, usize)] = &[];
/// Functions that are longer, as `path: name`, with the length they may not grow beyond.
const LONG_FUNCTIONS: &[(&str, usize)] = &[];

fn long_files(tree: &Tree, ratchet: &[(&str, usize)]) -> Vec<String> {
    let files = tree.rust().iter().filter(|file| !file.is_test());
    let sizes = files.map(|file| (file.path.clone(), file.lines)).collect();
    too_long(sizes, FILE_LINES_MAX, ratchet)
}

fn long_functions(tree: &Tree, ratchet: &[(&str, usize)]) -> Vec<String> {
    let files = tree.rust().iter().filter(|file| !file.is_test());
    let sizes = files.flat_map(|file| {
        functions(file).into_iter().map(|(name, lines)| (format!("{}: {name}", file.path), lines))
    });
    too_long(sizes.collect(), FUNCTION_LINES_MAX, ratchet)
}

fn too_long(sizes: Vec<(String, usize)>, max: usize, ratchet: &[(&str, usize)]) -> Vec<String> {
    let mut broken = vec![];
    for (place, lines) in &sizes {
        let allowed =
            ratchet.iter().find(|(listed, _)| listed == place).map_or(max, |(_, max)| *max);
        if *lines > allowed {
            broken.push(format!("{place}: {lines} lines, allowed are {allowed}"));
        }
    }
    for (listed, _) in ratchet {
        let is_long = sizes.iter().any(|(place, lines)| place == listed && *lines > max);
        if !is_long {
            broken.push(format!("{listed}: is short now, take it off the list in tests/tidy"));
        }
    }
    broken
}

/// Name and length of every function, from its first line to the brace that closes it.
fn functions(file: &RustFile) -> Vec<(String, usize)> {
    let lines: Vec<&str> = file.code.lines().collect();
    let mut functions = vec![];
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let is_one_line = line.trim_end().ends_with(['}', ';']);
        let closes = |next: &str| {
            let text = next.trim();
            indent_is(next, indent(line)) && (text.starts_with('}') || text.ends_with(';'))
        };
        let length = if is_one_line {
            1
        } else {
            let body = lines[start + 1..].iter().position(|next| closes(next));
            body.map_or(lines.len() - start, |body| body + 2)
        };
        functions.push((name, length));
    }
    functions
}

fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let is_qualifier = |word: &str| {
        matches!(word, "async" | "const" | "default" | "extern" | "pub" | "unsafe")
            || word.starts_with("pub(")
            || word.ends_with(')')
    };
    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (before.split_whitespace().all(is_qualifier) && !name.is_empty()).then_some(name)
}

#[test]
fn no_file_is_too_long() {
    hold(
        "a file has at most 500 lines without its tests",
        "make the room a folder and move what belongs together into a file there: http/tickets.rs",
        long_files(Tree::of_repository(), LONG_FILES),
    );
}

#[test]
fn no_function_is_too_long() {
    hold(
        "a function has at most 70 lines",
        "give its parts names: decisions stay here, what they lead to becomes functions",
        long_functions(Tree::of_repository(), LONG_FUNCTIONS),
    );
}

#[cfg(test)]
mod samples {
    use super::*;

    fn tree(function_lines: usize) -> Tree {
        let body = "    step();\n".repeat(function_lines - 4);
        let text =
            format!("//! A.\npub(crate) async fn walk(\n    a: u8,\n) {{\n{body}}}\nfn b() {{}}\n");
        Tree::sample(&[("a.rs", text.as_str()), ("a/src/tests/b.rs", &"\n".repeat(900))])
    }

    #[test]
    fn a_function_grows_too_long_by_one_line() {
        assert_eq!(long_functions(&tree(70), &[]), [""; 0]);
        assert_eq!(long_functions(&tree(71), &[]), ["a.rs: walk: 71 lines, allowed are 70"]);
    }

    #[test]
    fn the_list_lets_nothing_grow_and_only_shrinks() {
        let list = [("a.rs: walk", 80)];
        assert_eq!(long_functions(&tree(80), &list), [""; 0]);
        assert_eq!(long_functions(&tree(81), &list).len(), 1);
        let short = "a.rs: walk: is short now, take it off the list in tests/tidy";
        assert_eq!(long_functions(&tree(60), &list), [short]);
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    a();\n".repeat(300));
        let file = |lines: usize| Tree::sample(&[("a.rs", &("a();\n".repeat(lines) + &tests))]);
        assert_eq!(long_files(&file(500), &[]), [""; 0]);
        assert_eq!(long_files(&file(501), &[]), ["a.rs: 501 lines, allowed are 500"]);
    }

    #[test]
    fn a_function_is_told_from_what_looks_like_one() {
        assert_eq!(function_name("    pub const unsafe fn a<T>("), Some("a".into()));
        assert_eq!(function_name("let f: fn (u8) = g;"), None);
        assert_eq!(function_name("    action: impl Fn(u8),"), None);
    }
}
