//! Parsing what comes from outside, collecting everything that is wrong before answering.

use std::fmt;

use serde::Serialize;

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Its name as in the request: `startDate`, `lines[0].quantity`.
    pub field: String,
    /// What is wrong, for the person who filled it in.
    pub message: String,
}

/// All wrong fields of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// A single wrong field.
    pub fn one(field: impl Into<String>, message: impl fmt::Display) -> Self {
        let mut errors = Self::new();
        errors.add(field, message);
        errors
    }

    /// Notes a wrong field.
    pub fn add(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        self.0.push(FieldError { field: field.into(), message: message.to_string() });
    }

    /// The parsed value, or a note of what is wrong with it.
    pub fn check<T, E: fmt::Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.add(field, error)).ok()
    }

    /// As [`FieldErrors::check`] for a field that may be absent: `Some(None)` when it is.
    pub fn check_optional<T, E: fmt::Display>(
        &mut self,
        field: &str,
        parsed: Option<Result<T, E>>,
    ) -> Option<Option<T>> {
        match parsed {
            None => Some(None),
            Some(parsed) => self.check(field, parsed).map(Some),
        }
    }

    /// The value if all fields were right. `value` is `None` only if a check noted something.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self),
        }
    }

    /// The notes, in the order they were made.
    pub fn as_slice(&self) -> &[FieldError] {
        &self.0
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notes: Vec<_> = self.0.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        f.write_str(&notes.join("; "))
    }
}

impl std::error::Error for FieldErrors {}
