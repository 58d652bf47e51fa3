//! `cargo run --release -p benches`: measures everything, or what is named, and prints a table. `--quick` only shows
//! that it runs.

use std::path::Path;
use std::process::ExitCode;

use benches::process::{BARE_PROXY, BARE_SERVER, EMBEDDED_BROKER, PROGRAM};
use benches::report::{Row, print};
use benches::{
    Plan, Result, authorization_server, bare, doors, gateway, idle, messages, orders,
    orders_postgres, sign_ins,
};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What there is to measure, in this order.
const NAMES: [&str; 8] = [
    "idle",
    "orders",
    "orders-postgres",
    "gateway",
    "sign-ins",
    "authorization-server",
    "doors",
    "messages",
];
/// Wrong use of the command line.
const EX_USAGE: u8 = 64;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let called = arguments.next().unwrap_or_default();
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name == PROGRAM {
        return backline::cli::run();
    }
    let arguments: Vec<String> = arguments.collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(play(name, &arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("benches: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(name: &str, arguments: &[String]) -> Result<ExitCode> {
    match name {
        BARE_SERVER => bare::serve(arguments).await.map(|()| ExitCode::SUCCESS),
        EMBEDDED_BROKER => messages::serve(arguments).await.map(|()| ExitCode::SUCCESS),
        BARE_PROXY => bare::proxy(arguments).await.map(|()| ExitCode::SUCCESS),
        _ => measure(arguments).await,
    }
}

async fn measure(arguments: &[String]) -> Result<ExitCode> {
    let executable = std::env::current_exe()?;
    let (quick, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| *argument == "--quick");
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!(
            "benches: `{unknown}` is not measured; there are {}, and --quick",
            NAMES.join(", ")
        );
        return Ok(ExitCode::from(EX_USAGE));
    }
    let plan = if quick.is_empty() { Plan::full(executable) } else { Plan::quick(executable) };
    let mut rows = vec![];
    for name in NAMES {
        if names.is_empty() || names.iter().any(|wanted| *wanted == name) {
            eprintln!("{name} …");
            rows.extend(measure_one(&plan, name).await?);
        }
    }
    print(&rows);
    Ok(ExitCode::SUCCESS)
}

async fn measure_one(plan: &Plan, name: &str) -> Result<Vec<Row>> {
    match name {
        "idle" => idle::measure(plan).await,
        "orders" => orders::measure(plan).await,
        "orders-postgres" => orders_postgres::measure(plan).await,
        "gateway" => gateway::measure(plan).await,
        "sign-ins" => sign_ins::measure(plan).await,
        "authorization-server" => authorization_server::measure(plan).await,
        "messages" => messages::measure(plan).await,
        _ => doors::measure(plan).await,
    }
}
