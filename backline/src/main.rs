//! The `backline` program. What it does is in the library, so that tests can do it too.

use std::process::ExitCode;

/// Returns memory to the system and does not fragment under many small requests.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    backline::cli::run()
}
