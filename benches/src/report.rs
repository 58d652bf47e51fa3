//! The table: each figure beside its reference.

use std::thread::available_parallelism;
use std::time::Duration;

use hdrhistogram::Histogram;

/// One line of the table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What is measured.
    pub what: String,
    /// The figure, with its unit.
    pub figure: String,
    /// Half of the answers came within the first, 99 of 100 within the second.
    pub latency: String,
    /// Beside what.
    pub reference: String,
    /// The figure divided by the reference's, or nothing to compare with.
    pub ratio: Option<f64>,
    /// What we aim at.
    pub aim: &'static str,
}

/// What a closed loop of clients saw.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Finished requests a second.
    pub per_second: f64,
    /// Finished requests, those of the warm-up included.
    pub finished: u64,
    /// Microseconds.
    pub latencies: Histogram<u64>,
}

impl Outcome {
    /// Requests that took `elapsed` together.
    pub fn new(finished: u64, latencies: Histogram<u64>, elapsed: Duration) -> Self {
        let per_second = latencies.len() as f64 / elapsed.as_secs_f64();
        Self { per_second, finished, latencies }
    }

    /// `p50 / p99`; nothing where single ones were not timed.
    pub fn latency(&self) -> String {
        if self.latencies.max() == 0 {
            return String::new();
        }
        let at = |quantile| self.latencies.value_at_quantile(quantile);
        let (half, most) = (at(0.5), at(0.99));
        if most < 1000 {
            return format!("{half} / {most} µs");
        }
        format!("{:.1} / {:.1} ms", half as f64 / 1000.0, most as f64 / 1000.0)
    }
}

/// A histogram of microseconds, up to a minute.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that fit")
}

/// `12,345/s`.
pub fn per_second(figure: f64) -> String {
    format!("{}/s", thousands(figure))
}

/// `12,345`, with decimals where there is little.
pub fn thousands(figure: f64) -> String {
    if figure < 100.0 {
        return format!("{figure:.1}");
    }
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints the machine, and the table as Markdown.
pub fn print(rows: &[Row]) {
    let cores = available_parallelism().map_or(1, usize::from);
    let built = if cfg!(debug_assertions) { "an unoptimised build" } else { "a release build" };
    println!("\n{cores} cores ({}), {built}, load and program on the same cores\n", processor());
    println!("| what | figure | p50 / p99 | beside | ratio | aim |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let Row { what, figure, latency, reference, ratio, aim } = row;
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        println!("| {what} | {figure} | {latency} | {reference} | {ratio} | {aim} |");
    }
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    name.map_or("unknown processor".into(), |(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_with_commas() {
        assert_eq!(thousands(1_234_567.0), "1,234,567");
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(12.34), "12.3");
    }
}
