//! An engine with a broker that says what the test wants.

use std::collections::BTreeMap;

use async_trait::async_trait;
use database::Database;
use jiff::Timestamp;
use messages::{
    BrokerConsumer, BrokerName, Chosen, DeadLetter, DeadLetterError, DeadLetterPage, Deed, Engine,
    Error, Listener, Message, Pattern, Report, Subscription,
};
use parking_lot::Mutex;

/// What the broker does when it is asked to settle dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Settles,
    /// Somebody else was faster.
    FindsNothing,
    /// It goes away.
    Breaks,
}

/// One consumer, `wiki` of `backline_events`, with these dead letters.
#[derive(Default)]
pub struct Broker {
    /// What it says of itself; absent when it is away.
    pub report: Option<Report>,
    pub letters: Mutex<BTreeMap<u64, DeadLetter>>,
    pub mood: Mood,
    /// Whether it takes for ever to list anything.
    pub is_stuck: bool,
    /// That of the service.
    pub database: Option<Database>,
    /// What was done, and how many messages the outbox had by then.
    pub deeds: Mutex<Vec<(Deed, Chosen, u64)>>,
}

impl Broker {
    pub fn with_letters(database: &Database, sequences: &[u64]) -> Self {
        let letters = sequences.iter().map(|sequence| (*sequence, letter(*sequence)));
        let letters = Mutex::new(letters.collect());
        Self { letters, database: Some(database.clone()), ..Self::default() }
    }

    pub fn deeds(&self) -> Vec<(Deed, Chosen, u64)> {
        self.deeds.lock().clone()
    }
}

pub fn consumer(name: &str) -> BrokerConsumer {
    let name_of = |name| BrokerName::parse(name).expect("a name");
    BrokerConsumer { stream: name_of("backline_events"), name: name_of(name) }
}

fn letter(sequence: u64) -> DeadLetter {
    DeadLetter {
        sequence,
        subject: "backline.events.role.assigned".into(),
        deliveries: 3,
        reason: "not acknowledged after 3 deliveries".into(),
        given_up_at: Timestamp::UNIX_EPOCH,
        message: Some("{}".into()),
        is_cut: false,
    }
}

fn must_be_known(asked: &BrokerConsumer) -> Result<(), DeadLetterError> {
    (*asked == consumer("wiki")).then_some(()).ok_or(DeadLetterError::NoConsumer)
}

#[async_trait]
impl Engine for Broker {
    async fn publish(&self, _: &[Message]) -> Result<(), Error> {
        Ok(())
    }

    async fn subscribe(&self, _: Subscription) -> Result<(), Error> {
        Ok(())
    }

    async fn listen(&self, _: Pattern, _: Listener) -> Result<(), Error> {
        Ok(())
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    fn ready(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn report(&self) -> Result<Report, Error> {
        self.report.clone().ok_or_else(|| Error::Broker("away".into()))
    }

    async fn dead_letters(
        &self,
        asked: &BrokerConsumer,
        after: u64,
        limit: usize,
    ) -> Result<DeadLetterPage, DeadLetterError> {
        if self.is_stuck {
            std::future::pending::<()>().await;
        }
        must_be_known(asked)?;
        let letters = self.letters.lock();
        let mut rest = letters.range(after + 1..).map(|(_, letter)| letter.clone());
        let letters = rest.by_ref().take(limit).collect();
        Ok(DeadLetterPage { letters, has_more: rest.next().is_some() })
    }

    async fn settle_dead_letters(
        &self,
        asked: &BrokerConsumer,
        deed: Deed,
        chosen: Chosen,
    ) -> Result<u64, DeadLetterError> {
        must_be_known(asked)?;
        let database = self.database.as_ref().expect("the service's database");
        let recorded = database.outbox_standing().await.expect("an outbox").waiting;
        self.deeds.lock().push((deed, chosen, recorded));
        match self.mood {
            Mood::Settles => {}
            Mood::FindsNothing => return Ok(0),
            Mood::Breaks => return Err(Error::Broker("the connection was lost".into()).into()),
        }
        let mut letters = self.letters.lock();
        let before = letters.len();
        letters
            .retain(|sequence, _| chosen != Chosen::All && chosen != Chosen::Sequence(*sequence));
        Ok((before - letters.len()) as u64)
    }

    async fn stop(&self) {}
}
