//! Rust text, told apart: code, comments, literals and tests. A scanner, not a parser; it relies on the
//! layout that rustfmt gives.

/// One Rust file.
pub struct RustFile {
    /// Relative to the root.
    pub path: String,
    /// As written.
    pub text: String,
    /// Without comments, the contents of literals and `#[cfg(test)]` items. Lines keep their numbers.
    pub code: String,
    /// Without comments and `#[cfg(test)]` items.
    pub uncommented: String,
    /// String literals outside of tests: line and content.
    pub literals: Vec<(usize, String)>,
    /// How many lines are not of `#[cfg(test)]` items.
    pub lines: usize,
}

impl RustFile {
    pub fn new(path: &str, text: &str) -> Self {
        let segments = segments(text);
        let code = mask(text, &segments, |kind| kind == Kind::Code);
        let uncommented = mask(text, &segments, |kind| kind != Kind::Comment);
        let tests = test_lines(&code);
        let is_kept = |line: usize| !tests.contains(&line);
        let keep = |text: &str| -> String {
            let lines = text.lines().enumerate();
            lines
                .map(|(i, line)| if is_kept(i) { format!("{line}\n") } else { "\n".into() })
                .collect()
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: keep(&code),
            uncommented: keep(&uncommented),
            literals: literals(text, &segments).filter(|(line, _)| is_kept(line - 1)).collect(),
            lines: (0..text.lines().count()).filter(|line| is_kept(*line)).count(),
        }
    }

    /// Lies in a room for tests, or on the floor of tests.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
    }

    /// Lines whose code has this word: an identifier, or several that `::` joins.
    pub fn lines_with_word(&self, word: &str) -> Vec<usize> {
        let lines = self.code.lines().enumerate();
        lines.filter(|(_, line)| words(line, word).next().is_some()).map(|(i, _)| i + 1).collect()
    }
}

/// Where `word` stands in `code` and is not part of a longer one.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// A kind and where it ends; it begins where the one before it ends.
type Segment = (Kind, usize);

fn segments(text: &str) -> Vec<Segment> {
    let mut segments = vec![];
    let mut at = 0;
    let mut before = ' ';
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, length) = if rest.starts_with("//") {
            (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Kind::Comment, block_comment(rest))
        } else if let Some(length) = literal(rest, before) {
            (Kind::Literal, length)
        } else {
            (Kind::Code, first.len_utf8())
        };
        at += length;
        before = first;
        segments.push((kind, at));
    }
    segments
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    for (at, _) in rest.char_indices() {
        if rest[at..].starts_with("/*") {
            depth += 1;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    rest.len()
}

/// The length of the string or character literal that `rest` begins with.
fn literal(rest: &str, before: char) -> Option<usize> {
    if let Some(body) = rest.strip_prefix('\'') {
        return character(body).map(|length| length + 1);
    }
    // A `b` or an `r` at the end of a name does not begin a literal.
    let is_inside_name = before.is_alphanumeric() || before == '_';
    let prefix =
        if is_inside_name { 0 } else { rest.len() - rest.trim_start_matches(['b', 'c']).len() };
    let rest_after = &rest[prefix..];
    if prefix <= 1 && rest_after.starts_with('"') {
        return Some(prefix + 1 + escaped(&rest_after[1..], '"')?);
    }
    let raw = rest_after.strip_prefix('r').filter(|_| !is_inside_name && prefix <= 1)?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let body = raw[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(prefix + 1 + hashes + 1 + length)
}

/// `'x'` and `'\n'` are characters, `'static` is a lifetime.
fn character(body: &str) -> Option<usize> {
    let first = body.chars().next()?;
    if first == '\\' {
        return escaped(body, '\'');
    }
    body[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 1)
}

/// Up to and with the next `end` that no backslash stands before.
fn escaped(body: &str, end: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == end => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// Blanks every segment that is not kept; line breaks stay.
fn mask(text: &str, segments: &[Segment], is_kept: impl Fn(Kind) -> bool) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut start = 0;
    for (kind, end) in segments {
        let piece = &text[start..*end];
        match is_kept(*kind) {
            true => masked.push_str(piece),
            false => masked.extend(piece.chars().map(|c| if c == '\n' { c } else { ' ' })),
        }
        start = *end;
    }
    masked
}

fn literals(text: &str, segments: &[Segment]) -> impl Iterator<Item = (usize, String)> {
    let mut start = 0;
    let mut line = 1;
    segments.iter().filter_map(move |(kind, end)| {
        let piece = &text[start..*end];
        let found = (*kind == Kind::Literal).then(|| {
            let content = piece.trim_start_matches(['b', 'c', 'r', '#']).trim_end_matches('#');
            (line, content.trim_matches('"').to_owned())
        });
        line += piece.matches('\n').count();
        start = *end;
        found
    })
}

/// The lines, from 0, of items that only tests see.
fn test_lines(code: &str) -> Vec<usize> {
    let lines: Vec<&str> = code.lines().collect();
    let mut tests = vec![];
    for (start, line) in lines.iter().enumerate() {
        if line.trim() != "#[cfg(test)]" {
            continue;
        }
        let indent = indent(line);
        let ends =
            |line: &str| indent_is(line, indent) && line.trim_end().ends_with([';', '}', ',']);
        let length = lines[start..].iter().position(|line| ends(line));
        tests.extend(start..=length.map_or(lines.len() - 1, |length| start + length));
    }
    tests
}

/// By how much a line is indented.
pub fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a line has something at exactly this indent.
pub fn indent_is(line: &str, expected: usize) -> bool {
    !line.trim().is_empty() && indent(line) == expected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        RustFile::new("a.rs", text).code
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        assert_eq!(code("a(); // b\n").trim_end(), "a();");
        assert_eq!(code("a /* b /* c */ d */ e").replace(' ', ""), "ae\n");
        assert_eq!(code(r#"let x = "b \" c"; d"#).replace(' ', ""), "letx=;d\n");
        assert_eq!(code("r#\"b \" c\"# d").trim(), "d");
        assert_eq!(code("let r#type = b\"x\";").replace(' ', ""), "letr#type=;\n");
        assert_eq!(code("'\"' 'a '\\'' b").split_whitespace().collect::<Vec<_>>(), ["'a", "b"]);
    }

    #[test]
    fn literals_are_found_with_their_line() {
        let file = RustFile::new("a.rs", "let a = 1;\nlet b = \"c\"; // \"d\"\nlet e = r#\"f\"#;");
        assert_eq!(file.literals, [(2, "c".to_owned()), (3, "f".to_owned())]);
    }

    #[test]
    fn what_only_tests_see_is_not_code() {
        let file =
            RustFile::new("a.rs", "one();\n#[cfg(test)]\nmod tests {\n    two();\n}\nthree();\n");
        assert_eq!(file.code, "one();\n\n\n\n\nthree();\n");
        assert_eq!(file.lines, 2);
        assert_eq!(code("#[cfg(test)]\nmod tests;\na();").trim(), "a();");
    }

    #[test]
    fn a_word_is_not_part_of_a_longer_one() {
        let file =
            RustFile::new("a.rs", "use serde_json::Value;\nuse serde::Serialize;\n// serde\n");
        assert_eq!(file.lines_with_word("serde"), [2]);
    }
}
