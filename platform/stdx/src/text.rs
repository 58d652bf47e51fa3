//! Text from outside, parsed once at the edge.

use std::ops::RangeInclusive;

/// Why a text was refused; the words are for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Shorter or longer than allowed, counted in characters.
    #[error("must have {} to {} characters", .0.start(), .0.end())]
    Length(RangeInclusive<usize>),
    /// Characters that cannot be seen and do not belong in a name.
    #[error("must not contain control characters")]
    Control,
}

/// One line: trimmed, no control characters, a length within `length` characters.
pub fn line(value: &str, length: RangeInclusive<usize>) -> Result<String, TextError> {
    check(value, length, char::is_control)
}

/// Several lines: as [`line`], but line breaks and tabs are allowed.
pub fn lines(value: &str, length: RangeInclusive<usize>) -> Result<String, TextError> {
    check(value, length, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn check(
    value: &str,
    length: RangeInclusive<usize>,
    refused: impl Fn(char) -> bool,
) -> Result<String, TextError> {
    let value = value.trim();
    if value.chars().any(refused) {
        return Err(TextError::Control);
    }
    if !length.contains(&value.chars().count()) {
        return Err(TextError::Length(length));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(line(" Åse ", 1..=3), Ok("Åse".into()));
        assert_eq!(line("", 1..=3), Err(TextError::Length(1..=3)));
        assert_eq!(line("a\u{0}b", 1..=3), Err(TextError::Control));
        assert_eq!(lines("a\nb", 1..=3), Ok("a\nb".into()));
    }
}
