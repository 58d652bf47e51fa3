//! How long to wait before trying again.

use std::time::Duration;

/// Exponential delay with full jitter: a random duration up to `first * 2^attempt`, at most `longest`.
///
/// Jitter keeps many clients that failed together from coming back together.
pub fn delay(attempt: u32, first: Duration, longest: Duration) -> Duration {
    let ceiling = first.saturating_mul(2u32.saturating_pow(attempt.min(30))).min(longest);
    ceiling.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_and_never_passes_the_longest() {
        let first = Duration::from_millis(100);
        let longest = Duration::from_secs(1);
        assert!(delay(0, first, longest) <= first);
        assert!(delay(2, first, longest) >= Duration::from_millis(200));
        for attempt in 0..100 {
            assert!(delay(attempt, first, longest) <= longest);
        }
    }
}
