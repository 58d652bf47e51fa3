//! The floor: a file to which a message is appended and which is synced, again and again.

use std::io::Write;
use std::time::Instant;

use super::PAYLOAD_BYTES;
use crate::report::{Outcome, histogram};
use crate::{Plan, Result};

/// In a folder like the brokers'.
pub async fn append_and_sync(plan: &Plan) -> Result<Outcome> {
    let plan = plan.clone();
    tokio::task::spawn_blocking(move || append_until_the_end(&plan)).await?
}

fn append_until_the_end(plan: &Plan) -> Result<Outcome> {
    let mut file = tempfile::tempfile()?;
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let (mut finished, mut latencies) = (0, histogram());
    while Instant::now() < end {
        let begun = Instant::now();
        file.write_all(&[b'x'; PAYLOAD_BYTES])?;
        file.sync_data()?;
        finished += 1;
        if begun >= begin {
            latencies.saturating_record(begun.elapsed().as_micros() as u64);
        }
    }
    Ok(Outcome::new(finished, latencies, plan.measured))
}
