//! `cargo run --release -p benches`: measures everything and prints a table. `--quick` only shows that it runs.

use std::path::Path;
use std::process::ExitCode;

use benches::process::{BARE_PROXY, BARE_SERVER, PROGRAM};
use benches::report::{Row, print};
use benches::{
    Plan, Result, authorization_server, bare, doors, gateway, idle, orders, orders_postgres,
    sign_ins,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        BARE_PROXY => bare::proxy(arguments).await.map(|()| ExitCode::SUCCESS),
        _ => measure(arguments).await,
    }
}

async fn measure(arguments: &[String]) -> Result<ExitCode> {
    let executable = std::env::current_exe()?;
    let plan = match arguments {
        [] => Plan::full(executable),
        [only] if only == "--quick" => Plan::quick(executable),
        _ => {
            eprintln!("benches: the only argument is --quick");
            return Ok(ExitCode::from(EX_USAGE));
        }
    };
    print(&measure_all(&plan).await?);
    Ok(ExitCode::SUCCESS)
}

async fn measure_all(plan: &Plan) -> Result<Vec<Row>> {
    eprintln!("idle memory and starts …");
    let mut rows = idle::measure(plan).await?;
    eprintln!("orders on SQLite …");
    rows.extend(orders::measure(plan).await?);
    eprintln!("orders on PostgreSQL …");
    rows.extend(orders_postgres::measure(plan).await?);
    eprintln!("gateway …");
    rows.extend(gateway::measure(plan).await?);
    eprintln!("sign-ins …");
    rows.extend(sign_ins::measure(plan).await?);
    eprintln!("tokens …");
    rows.extend(authorization_server::measure(plan).await?);
    eprintln!("event pages and check-ins …");
    rows.extend(doors::measure(plan).await?);
    Ok(rows)
}
