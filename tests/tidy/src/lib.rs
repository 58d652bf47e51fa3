//! The rules of the house as tests, in `tests/tidy`: who may depend on whom, which rooms a service has,
//! what its code may not contain. Nothing to call here; `cargo test -p tidy` says which rule is broken,
//! where, and what to do.
