//! Reads the repository and holds it to its rules.
//!
//! Each rule is a function from a [`tree::Tree`] to what breaks it. One test runs it on this repository,
//! another on a small tree that breaks it, so that a rule which finds nothing is known to be able to.
//! A rule that has to look the other way somewhere lists where, with the reason.

mod checklist;
mod code;
mod dependencies;
mod documents;
mod rooms;
mod rust;
mod size;
mod tenants;
mod tree;
mod wiring;

/// Panics when anything breaks the rule, saying what and how to mend it.
#[track_caller]
fn hold(rule: &str, remedy: &str, broken: Vec<String>) {
    let list = broken.join("\n  ");
    assert!(broken.is_empty(), "\nrule: {rule}\n  {list}\nwhat to do: {remedy}\n");
}
