//! Documents lead where they say, and no file names a server that only some people reach.

use crate::hold;
use crate::tree::Tree;

fn dead_links(tree: &Tree) -> Vec<String> {
    let mut broken = vec![];
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        for (line, target) in links(text) {
            let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
            let file = target.split(['#', '?']).next().unwrap_or_default();
            if is_elsewhere || file.is_empty() {
                continue;
            }
            let is_there = resolve(path, file).is_some_and(|found| tree.exists(&found));
            if !is_there {
                broken.push(format!("{path}:{line}: leads to {target}, which does not exist"));
            }
        }
    }
    broken
}

/// Line and target of every `[text](target)` and `[label]: target` outside of code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = vec![];
    let mut is_code_block = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code_block = !is_code_block;
        }
        if is_code_block {
            continue;
        }
        let spans = line.split('`').step_by(2);
        let inline = spans.flat_map(|span| span.split("](").skip(1));
        let inline = inline.filter_map(|rest| rest.split([')', ' ']).next());
        let label = line.starts_with('[').then(|| line.split_once("]: ")).flatten();
        let targets = inline.chain(label.and_then(|(_, target)| target.split(' ').next()));
        links.extend(targets.map(|target| (number + 1, target.trim_matches(['<', '>']))));
    }
    links
}

/// The path, from the root, of what `target` means in the file at `path`; nothing when that lies outside.
pub fn resolve(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn locked_hosts(tree: &Tree) -> Vec<String> {
    let locks = tree.files().filter(|(path, _)| path.ends_with("package-lock.json"));
    let mut broken = vec![];
    for (path, text) in locks {
        for (number, line) in text.lines().enumerate() {
            if line.contains("\"resolved\":") && line.contains("://") {
                broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    broken
}

#[test]
fn every_link_in_a_document_leads_somewhere() {
    hold(
        "a link in a document leads to a file of the repository",
        "correct the path, which is relative to the document, or write the missing document",
        dead_links(Tree::of_repository()),
    );
}

#[test]
fn the_lock_of_the_web_packages_names_no_host() {
    hold(
        "web/package-lock.json says which packages, by their checksums, and not from where",
        "web/.npmrc has omit-lockfile-registry-resolved=true: run `npm install` in web/ again",
        locked_hosts(Tree::of_repository()),
    );
}

#[cfg(test)]
mod samples {
    use super::*;

    #[test]
    fn a_dead_link_is_found() {
        let text = "[a](a.md) [b](../README.md#top) [c](gone.md)\n[d](https://example.org) [e](#here)\n\
                    `[f](code.md)`\n```\n[g](code.md)\n```\n[h]: gone.png\n![i](img/) [j](../../out.md)\n";
        let tree = Tree::sample(&[
            ("docs/b.md", text),
            ("docs/a.md", ""),
            ("README.md", ""),
            ("docs/img/i.png", ""),
        ]);
        assert_eq!(
            dead_links(&tree),
            [
                "docs/b.md:1: leads to gone.md, which does not exist",
                "docs/b.md:7: leads to gone.png, which does not exist",
                "docs/b.md:8: leads to ../../out.md, which does not exist",
            ]
        );
    }

    #[test]
    fn a_host_in_a_lock_is_found() {
        let lock =
            "{\n  \"resolved\": \"https://packages.example/a.tgz\",\n  \"resolved\": \"../b\"\n}\n";
        let broken = locked_hosts(&Tree::sample(&[("web/package-lock.json", lock)]));
        assert_eq!(broken.len(), 1, "{broken:?}");
    }
}
