//! What the program costs when nobody asks: memory, and the time to start on a data folder that is there.

use crate::process::Process;
use crate::report::Row;
use crate::{Plan, Result};

/// The first start, which makes the folder, is not counted.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    Process::program(plan, folder.path(), &[]).await?.stop().await?;
    let (mut starts, mut memory) = (vec![], vec![]);
    for _ in 0..plan.starts {
        let program = Process::program(plan, folder.path(), &[]).await?;
        starts.push(program.start.as_secs_f64());
        tokio::time::sleep(plan.settle).await;
        memory.push(program.resident_mib()?);
        program.stop().await?;
    }
    let (start, memory) = (median(starts), median(memory));
    let what = format!("median of {}", plan.starts);
    Ok(vec![
        Row {
            what: format!("start to ready on existing data, {what}"),
            figure: format!("{start:.3} s"),
            aim: "≤ 0.15 s",
            ..Row::default()
        },
        Row {
            what: format!("idle memory after it, {what}"),
            figure: format!("{memory:.1} MiB"),
            aim: "≤ 60 MB",
            ..Row::default()
        },
    ])
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
