//! The numbers of a consumer, by example and against a simple model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const WAIT_NS: i64 = 100;

fn rules() -> Rules {
    Rules {
        ack_policy: AckPolicy::Explicit,
        ack_wait_ns: WAIT_NS,
        backoff_ns: Vec::new(),
        max_deliver: -1,
        max_ack_pending: 1000,
    }
}

fn position(consumer_seq: u64, stream_seq: u64) -> Position {
    Position { consumer_seq, stream_seq }
}

#[test]
fn an_acknowledged_message_does_not_come_again() {
    let mut progress = Progress::new(rules(), 1);
    assert_eq!(progress.next(), Next::From(1));
    assert_eq!(progress.deliver(1, 0), Delivery { consumer_seq: 1, deliveries: 1 });
    assert_eq!(progress.ack(1), [1]);
    assert!(progress.expire(WAIT_NS).is_empty());
    assert_eq!(progress.next(), Next::From(2));
    assert_eq!(progress.state().ack_floor, position(1, 1));
}

#[test]
fn a_message_that_nobody_acknowledges_comes_again_after_the_wait() {
    let mut progress = Progress::new(rules(), 1);
    progress.deliver(1, 0);
    assert_eq!(progress.next_deadline(), Some(WAIT_NS));
    progress.expire(WAIT_NS - 1);
    assert_eq!(progress.next(), Next::From(2));
    progress.expire(WAIT_NS);
    assert_eq!(progress.next(), Next::Again(1));
    assert_eq!(progress.deliver(1, WAIT_NS), Delivery { consumer_seq: 2, deliveries: 2 });
    assert_eq!(progress.num_redelivered(), 1);
}

#[test]
fn the_floor_waits_for_the_oldest() {
    let mut progress = Progress::new(rules(), 1);
    for seq in [1, 2, 5] {
        progress.deliver(seq, 0);
    }
    progress.ack(2);
    assert_eq!(progress.state().ack_floor, position(0, 0));
    progress.ack(1);
    assert_eq!(progress.state().ack_floor, position(2, 4));
}

#[test]
fn one_acknowledgement_may_settle_all_before_it() {
    let mut progress = Progress::new(Rules { ack_policy: AckPolicy::All, ..rules() }, 1);
    for seq in 1..=4 {
        progress.deliver(seq, 0);
    }
    assert_eq!(progress.ack(3), [1, 2, 3]);
    assert_eq!(progress.state().ack_floor, position(3, 3));
}

#[test]
fn without_acknowledgements_delivered_is_settled() {
    let mut progress = Progress::new(Rules { ack_policy: AckPolicy::None, ..rules() }, 7);
    progress.deliver(7, 0);
    assert_eq!(progress.state().ack_floor, position(1, 7));
    assert_eq!(progress.num_ack_pending(), 0);
}

#[test]
fn one_at_a_time_keeps_the_order_whatever_fails() {
    let mut progress = Progress::new(Rules { max_ack_pending: 1, ..rules() }, 1);
    progress.deliver(1, 0);
    assert_eq!(progress.next(), Next::Full);
    progress.nak(1, 1, 50, 0);
    assert_eq!(progress.next(), Next::Full);
    progress.expire(50);
    assert_eq!(progress.next(), Next::Again(1));
    progress.deliver(1, 50);
    progress.ack(1);
    assert_eq!(progress.next(), Next::From(2));
}

#[test]
fn a_refusal_of_an_earlier_delivery_is_ignored() {
    let mut progress = Progress::new(rules(), 1);
    progress.deliver(1, 0);
    progress.expire(WAIT_NS);
    progress.deliver(1, WAIT_NS);
    progress.nak(1, 1, 0, WAIT_NS);
    assert_eq!(progress.next(), Next::From(2));
}

#[test]
fn work_in_progress_gets_more_time() {
    let mut progress = Progress::new(rules(), 1);
    progress.deliver(1, 0);
    progress.extend(1, 1, 60);
    progress.expire(WAIT_NS);
    assert_eq!(progress.next(), Next::From(2));
    assert_eq!(progress.next_deadline(), Some(60 + WAIT_NS));
}

#[test]
fn the_wait_grows_by_the_list() {
    let mut progress = Progress::new(Rules { backoff_ns: vec![10, 20], ..rules() }, 1);
    let mut now_ns = 0;
    for wait_ns in [10, 20, 20] {
        progress.deliver(1, now_ns);
        assert_eq!(progress.next_deadline(), Some(now_ns + wait_ns));
        now_ns += wait_ns;
        progress.expire(now_ns);
    }
}

#[test]
fn deliveries_are_used_up_once() {
    let mut progress = Progress::new(Rules { max_deliver: 2, ..rules() }, 1);
    progress.deliver(1, 0);
    assert!(progress.expire(100).is_empty());
    progress.deliver(1, 100);
    assert_eq!(progress.expire(200), [Exhausted { stream_seq: 1, deliveries: 2 }]);
    assert!(progress.expire(300).is_empty());
    assert_eq!(progress.next(), Next::From(2));
    assert_eq!(progress.state().ack_floor, position(2, 1));
}

#[derive(Clone, Debug)]
enum Step {
    Next,
    Ack(usize),
    Nak(usize, i64),
    Term(usize),
    /// An acknowledgement of a message that was given up.
    AckLate(usize),
    Replay(usize),
    ReplayAll,
    DropDead(usize),
    Extend(usize),
    Wait(i64),
    Restart,
}

#[test]
fn replays_come_in_order_before_what_is_new_and_count_anew() {
    let mut progress = Progress::new(Rules { max_deliver: 1, max_ack_pending: 2, ..rules() }, 1);
    for seq in [1, 2] {
        progress.deliver(seq, 0);
    }
    for Exhausted { stream_seq, deliveries } in progress.expire(WAIT_NS) {
        let letter = DeadLetter::unacknowledged("a".into(), deliveries, WAIT_NS);
        progress.dead_mut().bury(stream_seq, letter);
    }
    assert_eq!(progress.next(), Next::From(3));
    assert!(progress.dead_mut().replay(2) && progress.dead_mut().replay(1));
    for seq in [1, 2] {
        assert_eq!(progress.next(), Next::Again(seq));
        assert_eq!(progress.deliver(seq, WAIT_NS).deliveries, 1);
    }
    assert_eq!(progress.next(), Next::Full);
    assert_eq!((progress.ack(1), progress.ack(2)), (vec![1], vec![2]));
    assert_eq!((progress.next(), progress.is_settled(1)), (Next::From(3), true));
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Next),
        2 => (0usize..8).prop_map(Step::Ack),
        1 => (0usize..8, 0i64..50).prop_map(|(place, delay)| Step::Nak(place, delay)),
        1 => (0usize..8).prop_map(Step::Term),
        1 => (0usize..4).prop_map(Step::AckLate),
        1 => (0usize..4).prop_map(Step::Replay),
        1 => Just(Step::ReplayAll),
        1 => (0usize..4).prop_map(Step::DropDead),
        1 => (0usize..8).prop_map(Step::Extend),
        2 => (0i64..150).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..200)
}

/// What must be true, kept in the simplest way.
#[derive(Default)]
struct Model {
    deliveries: BTreeMap<u64, u64>,
    /// Handed out, with the time until which nobody else may have it.
    in_flight: BTreeMap<u64, i64>,
    settled: BTreeSet<u64>,
    dead: BTreeSet<u64>,
    replays: BTreeSet<u64>,
    /// May be open again below the floor.
    was_replayed: BTreeSet<u64>,
    floor: Position,
}

impl Model {
    fn pick(&self, place: usize) -> Option<u64> {
        self.in_flight.keys().nth(place).copied()
    }

    fn pick_dead(&self, place: usize) -> Option<u64> {
        self.dead.iter().nth(place).copied()
    }

    fn take(&mut self, seq: u64, now_ns: i64, max_deliver: u64) {
        if self.replays.remove(&seq) {
            self.deliveries.remove(&seq);
        }
        let until = self.in_flight.insert(seq, now_ns + WAIT_NS);
        assert!(until.is_none_or(|until| until <= now_ns), "{seq} is in flight twice");
        assert!(!self.settled.contains(&seq), "{seq} came again after it was settled");
        assert!(!self.dead.contains(&seq), "{seq} came again after its deliveries");
        let deliveries = self.deliveries.entry(seq).or_default();
        *deliveries += 1;
        assert!(*deliveries <= max_deliver);
    }

    fn exhaust(
        &mut self,
        progress: &mut Progress,
        exhausted: impl IntoIterator<Item = Exhausted>,
        max_deliver: u64,
    ) {
        for Exhausted { stream_seq, deliveries } in exhausted {
            assert_eq!(deliveries, max_deliver);
            self.bury(progress, stream_seq, deliveries);
        }
    }

    fn bury(&mut self, progress: &mut Progress, seq: u64, deliveries: u64) {
        assert!(self.dead.insert(seq), "{seq} was given up twice");
        self.in_flight.remove(&seq);
        let letter = DeadLetter::unacknowledged("a".into(), deliveries, 0);
        assert_eq!(progress.dead_mut().bury(seq, letter), None);
    }

    fn replay(&mut self, seq: u64) {
        self.dead.remove(&seq);
        self.replays.insert(seq);
        self.was_replayed.insert(seq);
    }

    /// Whether somebody knows what became of the message.
    fn is_known(&self, seq: u64) -> bool {
        [&self.settled, &self.dead, &self.was_replayed].iter().any(|list| list.contains(&seq))
    }

    fn settle(&mut self, seq: u64) {
        self.in_flight.remove(&seq);
        self.settled.insert(seq);
    }
}

fn run(steps: Vec<Step>, max_deliver: u64, max_ack_pending: i64) {
    let rules = Rules { max_deliver: max_deliver as i64, max_ack_pending, ..rules() };
    let mut progress = Progress::new(rules.clone(), 1);
    let mut model = Model::default();
    let mut now_ns = 0;
    for step in steps {
        apply(step, &mut progress, &mut model, &mut now_ns, max_deliver);
        let limit = usize::try_from(max_ack_pending).unwrap();
        assert!(progress.num_ack_pending() <= limit);
        assert!(progress.state().ack_floor.stream_seq >= model.floor.stream_seq);
        assert!(progress.state().ack_floor.consumer_seq >= model.floor.consumer_seq);
        model.floor = progress.state().ack_floor;
        assert!(progress.dead().letters().keys().eq(&model.dead));
        assert_eq!(progress.dead().num_replays(), model.replays.len());
        for seq in 1..=model.floor.stream_seq {
            assert!(model.is_known(seq), "{seq} is lost");
        }
    }
    drain(&mut progress, &mut model, now_ns, max_deliver);
}

fn apply(
    step: Step,
    progress: &mut Progress,
    model: &mut Model,
    now_ns: &mut i64,
    max_deliver: u64,
) {
    match step {
        Step::Next => {
            let (Next::Again(seq) | Next::From(seq)) = progress.next() else { return };
            progress.deliver(seq, *now_ns);
            // What was given back may be taken before its wait is over.
            model.take(seq, *now_ns, max_deliver);
        }
        Step::Ack(place) => {
            let Some(seq) = model.pick(place) else { return };
            progress.ack(seq);
            model.settle(seq);
        }
        Step::Term(place) => {
            let Some(seq) = model.pick(place) else { return };
            let deliveries = progress.settle(seq).expect("it is pending");
            model.bury(progress, seq, deliveries);
        }
        Step::AckLate(place) => {
            let Some(seq) = model.pick_dead(place) else { return };
            assert_eq!(progress.ack(seq), [seq]);
            model.dead.remove(&seq);
            model.settle(seq);
        }
        Step::Replay(place) => {
            let Some(seq) = model.pick_dead(place) else { return };
            assert!(progress.dead_mut().replay(seq));
            model.replay(seq);
        }
        Step::ReplayAll => {
            for seq in model.dead.clone() {
                assert!(progress.dead_mut().replay(seq));
                model.replay(seq);
            }
        }
        Step::DropDead(place) => {
            let Some(seq) = model.pick_dead(place) else { return };
            assert!(progress.dead_mut().drop_letter(seq));
            model.dead.remove(&seq);
            model.settle(seq);
        }
        Step::Nak(place, delay_ns) => {
            let Some(seq) = model.pick(place) else { return };
            let deliveries = model.deliveries[&seq];
            let used_up = progress.nak(seq, deliveries, delay_ns, *now_ns);
            model.in_flight.insert(seq, *now_ns);
            model.exhaust(progress, used_up, max_deliver);
        }
        Step::Extend(place) => {
            let Some(seq) = model.pick(place) else { return };
            progress.extend(seq, model.deliveries[&seq], *now_ns);
            if progress.state.pending[&seq].deadline_ns.is_some() {
                model.in_flight.insert(seq, *now_ns + WAIT_NS);
            }
        }
        Step::Wait(time_ns) => {
            *now_ns += time_ns;
            let used_up = progress.expire(*now_ns);
            model.exhaust(progress, used_up, max_deliver);
        }
        Step::Restart => {
            let text = serde_json::to_string(progress.state()).unwrap();
            let state = serde_json::from_str(&text).unwrap();
            *progress = Progress::restore(progress.rules.clone(), state);
        }
    }
}

/// Whatever happened before: with a receiver that acknowledges, everything is settled in the end.
fn drain(progress: &mut Progress, model: &mut Model, now_ns: i64, max_deliver: u64) {
    let last = progress.state().delivered.stream_seq;
    let used_up = progress.expire(now_ns + 10 * WAIT_NS);
    model.exhaust(progress, used_up, max_deliver);
    while let Next::Again(seq) = progress.next() {
        progress.deliver(seq, now_ns + 10 * WAIT_NS);
        model.take(seq, now_ns + 10 * WAIT_NS, max_deliver);
        progress.ack(seq);
        model.settle(seq);
    }
    for seq in 1..=last {
        assert!(model.settled.contains(&seq) || model.dead.contains(&seq), "{seq} is lost");
        assert_eq!(progress.is_settled(seq), model.settled.contains(&seq));
    }
    assert_eq!(progress.state().ack_floor.stream_seq, last);
    assert_eq!(progress.num_ack_pending(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_lost_or_in_flight_twice(
        steps in steps(), max_deliver in 1u64..5, max_ack_pending in 1i64..6,
    ) {
        run(steps, max_deliver, max_ack_pending);
    }
}
