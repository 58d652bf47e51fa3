//! What is declared is used: messages have a publisher, policies are compiled in.

use std::collections::BTreeSet;

use crate::documents::resolve;
use crate::hold;
use crate::rust::words;
use crate::tree::Tree;

const MESSAGES: &str = "platform/contracts/src/messages.rs";

fn messages_without_publisher(tree: &Tree) -> Vec<String> {
    let declared = declared_messages(tree.text(MESSAGES).unwrap_or_default());
    if declared.is_empty() {
        return vec![format!("{MESSAGES}: no message found in `payload!`")];
    }
    let services = tree.rust().iter().filter(|file| file.path.starts_with("services/"));
    let services: Vec<_> = services.filter(|file| !file.is_test()).collect();
    if services.is_empty() {
        return vec![];
    }
    let is_published = |name: &String| services.iter().any(|file| builds(&file.code, name));
    let unpublished = declared.iter().filter(|name| !is_published(name));
    unpublished.map(|name| format!("{MESSAGES}: no service publishes `{name}`")).collect()
}

/// The names on the left of `Name => "kind"` in the list that declares all messages.
fn declared_messages(text: &str) -> Vec<String> {
    let list = text.split_once("\npayload! {").map_or("", |(_, rest)| rest);
    let list = list.split_once("\n}").map_or("", |(list, _)| list);
    let names = list.lines().filter_map(|line| Some(line.split_once("=>")?.0.trim().to_owned()));
    names.collect()
}

/// Whether the code makes a value of this type: `Name { … }` that is no pattern, `Name::from(…)`, or
/// names it where it publishes.
fn builds(code: &str, name: &str) -> bool {
    words(code, name).any(|at| {
        let before = code[..at].trim_end();
        let after = &code[at + name.len()..];
        if before.ends_with("publish(") || before.ends_with("publish::<") {
            return true;
        }
        if after.starts_with("::from(") || after.starts_with("::new(") {
            return true;
        }
        let Some(body) = after.trim_start().strip_prefix('{') else { return false };
        let is_pattern = before.ends_with("let") || after_block(body).starts_with([':', '=']);
        !is_pattern
    })
}

/// What follows the brace that closes a block whose opening brace has been read.
fn after_block(body: &str) -> &str {
    let mut depth = 1;
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return body[at + 1..].trim_start();
        }
    }
    ""
}

fn policies_left_out(tree: &Tree) -> Vec<String> {
    let included: BTreeSet<String> =
        tree.rust().iter().flat_map(|file| included_files(&file.path, &file.uncommented)).collect();
    let policies = tree.files().map(|(path, _)| path);
    let policies = policies.filter(|p| p.ends_with(".cedar") || p.ends_with(".cedarschema"));
    let left_out = policies.filter(|path| !included.contains(*path));
    left_out.map(|path| format!("{path}: no include_str! names it")).collect()
}

/// What the file's `include_str!`s name, from the root.
fn included_files(path: &str, code: &str) -> Vec<String> {
    let arguments = code.split("include_str!(").skip(1);
    let names = arguments.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    names.filter_map(|name| resolve(path, name)).collect()
}

#[test]
fn every_message_has_a_publisher() {
    hold(
        "a message that nobody publishes does not exist",
        "publish it where the change is written (`tx.publish(RoleCreated { … })`), or delete it",
        messages_without_publisher(Tree::of_repository()),
    );
}

#[test]
fn every_policy_is_compiled_in() {
    hold(
        "a policy is part of the program, or it protects nothing",
        "load it in the service's lib.rs with include_str!, or delete it",
        policies_left_out(Tree::of_repository()),
    );
}

#[cfg(test)]
mod samples {
    use super::*;

    const LIST: &str = "\npayload! {\n    SeatSold => \"seat.sold\", |m| m.id;\n    SeatFree => \"seat.free\", |m| m.id;\n}\n";

    #[test]
    fn a_message_without_publisher_is_found() {
        let app = "tx.publish(SeatSold { id }).await?;\n";
        let consumers =
            "fn f(SeatFree { id }: SeatFree) {\n    let SeatFree { id } = message;\n}\n";
        let tests = "tx.publish(SeatFree { id });\n";
        let tree = Tree::sample(&[
            (MESSAGES, LIST),
            ("services/a/src/app.rs", app),
            ("services/b/src/consumers.rs", consumers),
            ("services/a/src/tests/app.rs", tests),
        ]);
        let expected = format!("{MESSAGES}: no service publishes `SeatFree`");
        assert_eq!(messages_without_publisher(&tree), [expected]);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_found() {
        let tree = Tree::sample(&[(MESSAGES, "messages! {}\n")]);
        assert_eq!(messages_without_publisher(&tree).len(), 1);
    }

    #[test]
    fn a_policy_that_is_not_compiled_in_is_found() {
        let lib = "// include_str!(\"../policies/b.cedar\")\ninclude_str!(\n    \"../policies/a.cedar\",\n);\n";
        let tree = Tree::sample(&[
            ("services/a/src/lib.rs", lib),
            ("services/a/policies/a.cedar", ""),
            ("services/a/policies/b.cedar", ""),
        ]);
        let broken = policies_left_out(&tree);
        assert_eq!(broken, ["services/a/policies/b.cedar: no include_str! names it"]);
    }
}
