//! A stream's numbers for the monitoring.
//!
//! Promises that they are at most [`INTERVAL_NS`] old, also when nothing happens any more, and that there are not many:
//! only durable consumers have their own, and of one stream the first [`CONSUMERS_MAX`].

use std::collections::BTreeMap;

use metrics::{Gauge, gauge};

use super::{Running, Stream};

/// Between two measurements.
const INTERVAL_NS: i64 = 1_000_000_000;
/// More consumers are not measured: whoever may make consumers chooses their names, and a name stays until the end.
const CONSUMERS_MAX: usize = 100;

/// See the module.
#[derive(Default)]
pub struct Meters {
    stream: Option<StreamMeters>,
    consumers: BTreeMap<String, ConsumerMeters>,
    measured_at_ns: i64,
    /// Something may have changed since.
    is_old: bool,
}

struct StreamMeters {
    messages: Gauge,
    bytes: Gauge,
    failed: Gauge,
}

struct ConsumerMeters {
    waiting: Gauge,
    unacknowledged: Gauge,
    redelivered: Gauge,
    dead_letters: Gauge,
}

impl StreamMeters {
    fn new(stream: &str) -> Self {
        let stream = stream.to_owned();
        Self {
            messages: gauge!("backline_broker_stream_messages", "stream" => stream.clone()),
            bytes: gauge!("backline_broker_stream_bytes", "stream" => stream.clone()),
            failed: gauge!("backline_broker_stream_failed", "stream" => stream),
        }
    }

    fn set(&self, messages: u64, bytes: u64, is_failed: bool) {
        self.messages.set(messages as f64);
        self.bytes.set(bytes as f64);
        self.failed.set(f64::from(u8::from(is_failed)));
    }
}

impl ConsumerMeters {
    fn new(stream: &str, consumer: &str) -> Self {
        let labels = [("stream", stream.to_owned()), ("consumer", consumer.to_owned())];
        Self {
            waiting: gauge!("backline_broker_consumer_waiting", &labels),
            unacknowledged: gauge!("backline_broker_consumer_unacknowledged", &labels),
            redelivered: gauge!("backline_broker_consumer_redelivered", &labels),
            dead_letters: gauge!("backline_broker_consumer_dead_letters", &labels),
        }
    }

    fn set(&self, [waiting, unacknowledged, redelivered, dead_letters]: [u64; 4]) {
        self.waiting.set(waiting as f64);
        self.unacknowledged.set(unacknowledged as f64);
        self.redelivered.set(redelivered as f64);
        self.dead_letters.set(dead_letters as f64);
    }
}

impl Meters {
    /// When to measure again, if there may be something new.
    pub fn due_ns(&self) -> Option<i64> {
        self.is_old.then(|| self.measured_at_ns.saturating_add(INTERVAL_NS))
    }
}

impl Drop for Meters {
    /// What is no more has nothing.
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            stream.set(0, 0, false);
        }
        self.consumers.values().for_each(|consumer| consumer.set([0; 4]));
    }
}

impl Stream {
    /// Measures, unless it was done just now.
    pub(super) fn measure_if_due(&mut self, now_ns: i64) {
        let since_ns = now_ns.saturating_sub(self.meters.measured_at_ns);
        self.meters.is_old = since_ns < INTERVAL_NS;
        if self.meters.is_old {
            return;
        }
        self.meters.measured_at_ns = now_ns;
        let state = self.log.state();
        let stream = self.meters.stream.get_or_insert_with(|| StreamMeters::new(&self.config.name));
        stream.set(state.messages, state.bytes, self.is_failed);
        self.measure_consumers(now_ns);
    }

    fn measure_consumers(&mut self, now_ns: i64) {
        let meters = &mut self.meters.consumers;
        for (name, gone) in meters.iter() {
            if !self.consumers.contains_key(name) {
                gone.set([0; 4]);
            }
        }
        for (name, consumer) in &mut self.consumers {
            if !consumer.config.is_durable() {
                continue;
            }
            if !meters.contains_key(name) {
                if meters.len() >= CONSUMERS_MAX {
                    continue;
                }
                meters.insert(name.clone(), ConsumerMeters::new(&self.config.name, name));
            }
            consumer.drop_dead_without_message(&self.log);
            let waiting = consumer.num_pending(&self.log, now_ns, false);
            meters[name].set(numbers(consumer, waiting));
        }
    }
}

fn numbers(consumer: &Running, waiting: u64) -> [u64; 4] {
    let progress = &consumer.progress;
    [
        waiting,
        progress.num_ack_pending() as u64,
        progress.num_redelivered() as u64,
        progress.dead().letters().len() as u64,
    ]
}
