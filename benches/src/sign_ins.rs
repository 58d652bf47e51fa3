//! Sign-ins, beside what the password hash alone costs on all cores.

use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use http::StatusCode;
use serde_json::json;

use crate::http_load::{repeat, request};
use crate::report::{Row, per_second};
use crate::stage::{ORGANISER, PASSWORD, Stage};
use crate::{Plan, Result};

const CLIENTS: usize = 32;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// And what the memory does meanwhile.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let stage = Stage::open(plan, &[]).await?;
    let before = stage.program.resident_mib()?;
    let login = json!({ "email": ORGANISER, "password": PASSWORD });
    let login = request("POST", "/api/v1/auth/login", None, Some(&login));
    let ours = repeat(plan, stage.program.address, CLIENTS, login, StatusCode::OK).await?;
    let after = stage.program.resident_mib()?;
    drop(stage);
    let bare = tokio::task::spawn_blocking({
        let measured = plan.measured;
        move || hashes_per_second(measured)
    });
    let bare = bare.await??;
    Ok(vec![
        Row {
            what: format!("sign-ins, {CLIENTS} clients"),
            figure: per_second(ours.per_second),
            latency: ours.latency(),
            reference: format!("bare argon2id (19 MiB, t=2) on all cores {}", per_second(bare)),
            ratio: Some(ours.per_second / bare),
            aim: "≥ 0.85",
        },
        Row {
            what: format!("memory after {} sign-ins", ours.finished),
            figure: format!("{after:.1} MiB, {:+.1}", after - before),
            reference: format!("{before:.1} MiB before them"),
            ratio: Some(after / before),
            aim: "flat",
            ..Row::default()
        },
    ])
}

fn hashes_per_second(measured: Duration) -> Result<f64> {
    let cores = available_parallelism()?.get();
    let begin = Instant::now();
    let threads: Vec<_> =
        (0..cores).map(|_| std::thread::spawn(move || hashes_until(begin + measured))).collect();
    let mut count = 0;
    for thread in threads {
        count += thread.join().map_err(|_| "a hashing thread panicked")??;
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}

fn hashes_until(end: Instant) -> Result<u32> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (mut count, mut hash) = (0, [0; 32]);
    while Instant::now() < end {
        let hashed =
            argon2.hash_password_into(PASSWORD.as_bytes(), b"sixteen byte salt", &mut hash);
        hashed.map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(count)
}
