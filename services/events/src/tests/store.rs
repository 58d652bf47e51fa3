//! What the databases must agree on, and what they must hold together when everybody comes at once.

mod storms;
mod walk;
