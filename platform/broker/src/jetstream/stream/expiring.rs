//! Messages with a time to live of their own, in the header `Nats-TTL`.
//!
//! Owns the list of when they end, which is built up from their headers when the stream is opened: 16 bytes for each.
//! Pure but for carrying it out. Promises that a message does not leave before its time, nor before it was on disk.

use std::collections::BTreeSet;

use super::{Running, Stream};
use crate::jetstream::config::StreamConfig;
use crate::jetstream::error::{self, ApiError};
use crate::protocol::Headers;

/// The header that carries the time to live.
const TIME_TO_LIVE: &str = "Nats-TTL";
const SECOND_NS: i64 = 1_000_000_000;
/// The units of a duration in Go's words, the longest word first where one begins with another.
const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// When messages end, the soonest first.
pub type Expiring = BTreeSet<(i64, u64)>;

/// How long a message lives, if its headers say so and its stream allows it.
pub fn time_to_live(headers: &Headers, config: &StreamConfig) -> Result<Option<i64>, ApiError> {
    let Some(text) = headers.get(TIME_TO_LIVE) else { return Ok(None) };
    if !config.allow_msg_ttl {
        return Err(error::TTL_DISABLED);
    }
    if text.eq_ignore_ascii_case("never") {
        let is_true = config.max_age == 0;
        return if is_true { Ok(None) } else { Err(error::unsupported("Nats-TTL: never")) };
    }
    parse(text).map(|ttl_ns| Some(ttl_ns).filter(|ttl_ns| *ttl_ns > 0)).ok_or(error::TTL_INVALID)
}

/// Whole seconds, or a duration in Go's words of at least one.
fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(i64::from(seconds) * SECOND_NS);
    }
    let mut rest = text;
    let mut sum_ns = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let (word, unit_ns) = UNITS.iter().find(|(word, _)| rest[end..].starts_with(word))?;
        sum_ns += number * unit_ns;
        rest = &rest[end + word.len()..];
    }
    let whole_ns = (sum_ns / SECOND_NS as f64).floor();
    (1.0..=f64::from(u32::MAX)).contains(&whole_ns).then(|| whole_ns as i64 * SECOND_NS)
}

impl Stream {
    /// Removes what has lived its time.
    pub(super) fn remove_expired(&mut self, now_ns: i64) {
        let readable = self.log.state().last_seq;
        let mut is_removed = false;
        while let Some((at_ns, seq)) = self.expiring.first().copied() {
            if at_ns > now_ns || seq > readable || self.is_failed {
                break;
            }
            self.expiring.pop_first();
            self.remove(seq);
            is_removed = true;
        }
        if is_removed {
            self.consumers.values_mut().for_each(Running::forget_read);
        }
    }

    /// When the next one ends.
    pub(super) fn next_expires(&self) -> Option<i64> {
        self.expiring.first().map(|(at_ns, _)| *at_ns).filter(|_| !self.is_failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_in_seconds_or_in_the_words_of_go() {
        let seconds = |text| parse(text).map(|ns| ns / SECOND_NS);
        assert_eq!(
            ["0", "5", "1s", "1m30s", "1.5h", "2500ms"].map(seconds),
            [Some(0), Some(5), Some(1), Some(90), Some(5400), Some(2)]
        );
        for text in ["", "-1", "999ms", "1", "5x", "s", "1s2", "1..s", "99999999999h", "µ"] {
            let is_plain = text == "1";
            assert_eq!(parse(text).is_some(), is_plain, "{text}");
        }
    }
}
