//! Every point of the security checklist for sign-in has a test whose name begins with its number: `c14_…`.

use std::collections::BTreeSet;

use crate::hold;
use crate::tree::Tree;

const POINTS: std::ops::RangeInclusive<u32> = 1..=32;

fn points_without_a_test(tree: &Tree) -> Vec<String> {
    let tested: BTreeSet<u32> =
        tree.rust().iter().flat_map(|file| file.text.lines().filter_map(point)).collect();
    let missing = POINTS.filter(|number| !tested.contains(number));
    missing.map(|number| format!("no test is called c{number:02}_…")).collect()
}

/// The number of the point that the function in this line is about.
fn point(line: &str) -> Option<u32> {
    let line = line.trim_start();
    let name = line.strip_prefix("async fn c").or_else(|| line.strip_prefix("fn c"))?;
    let (number, _) = name.split_once('_')?;
    number.parse().ok().filter(|_| number.len() == 2)
}

#[test]
fn every_point_of_the_security_checklist_has_a_test() {
    hold(
        "the points 01 to 32 of the security checklist are tests, named by their number",
        "write the test where what it shows belongs, or give the one there is its number again",
        points_without_a_test(Tree::of_repository()),
    );
}

#[test]
fn a_point_without_a_test_is_found() {
    let names = POINTS.filter(|number| *number != 14).map(|number| match number % 2 {
        0 => format!("    async fn c{number:02}_holds() {{}}\n"),
        _ => format!("fn c{number:02}_holds() {{}}\n"),
    });
    let text = names.collect::<String>() + "// fn c14_is_only_mentioned\nfn c140_is_none() {}\n";
    let tree = Tree::sample(&[("services/a/src/tests/a.rs", &text)]);
    assert_eq!(points_without_a_test(&tree), ["no test is called c14_…"]);
}
