//! What programs outside gave up, which the embedded broker keeps.

use std::time::Duration;

use contracts::audit::AuditRecorded;
use messages::{BrokerConsumer, Chosen, DeadLetterError, DeadLetterPage, Deed};
use policies::Actor;
use service_kit::paging::Page;

use super::LOOK_PATIENCE;
use crate::Messaging;
use crate::domain::BrokerLetters;
use crate::error::Result;

/// How long the broker may take to do it: longer than a look, because all of ten thousand letters are written to disk.
const DEED_PATIENCE: Duration = Duration::from_secs(10);

impl Messaging {
    /// A page of what a consumer at the broker gave up, after the message with this number in the stream.
    pub async fn list_broker_dead_letters(
        &self,
        actor: &Actor,
        consumer: &BrokerConsumer,
        page: &Page<u64>,
    ) -> Result<DeadLetterPage> {
        self.require(actor, "messages:read")?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let after = page.after.unwrap_or_default();
        let listed = self.engine.dead_letters(consumer, after, limit);
        Ok(within(LOOK_PATIENCE, listed).await?)
    }

    /// Replays or drops what a consumer at the broker gave up; how many letters there were.
    pub async fn settle_at_broker(
        &self,
        actor: &Actor,
        deed: Deed,
        letters: &BrokerLetters,
    ) -> Result<u64> {
        self.require(actor, "messages:manage")?;
        // What cannot be done is not on record as if it had been.
        within(LOOK_PATIENCE, self.must_be_there(letters)).await?;

        // Before it is done: the broker has no part in a transaction of ours, and after the deed a crash could come
        // before the record. So it may be on record and not done, but never done and not on record.
        self.put_on_record(AuditRecorded::done(actor, action(deed)), letters).await?;
        let settled = self.engine.settle_dead_letters(&letters.consumer, deed, letters.chosen);
        let settled = match within(DEED_PATIENCE, settled).await {
            // Somebody else was faster.
            Ok(0) => Err(DeadLetterError::NoDeadLetter),
            settled => settled,
        };
        if let Err(error) = &settled {
            let failed = AuditRecorded::failed(actor, action(deed), &error.to_string());
            self.put_on_record(failed, letters).await?;
        }
        Ok(settled?)
    }

    async fn must_be_there(&self, letters: &BrokerLetters) -> Result<(), DeadLetterError> {
        let after = match letters.chosen {
            Chosen::All => 0,
            Chosen::Sequence(sequence) => sequence.saturating_sub(1),
        };
        let page = self.engine.dead_letters(&letters.consumer, after, 1).await?;
        let found = page.letters.first().map(|letter| letter.sequence);
        let is_there = match letters.chosen {
            Chosen::All => found.is_some(),
            Chosen::Sequence(sequence) => found == Some(sequence),
        };
        is_there.then_some(()).ok_or(DeadLetterError::NoDeadLetter)
    }

    async fn put_on_record(&self, record: AuditRecorded, letters: &BrokerLetters) -> Result<()> {
        let BrokerConsumer { stream, name } = &letters.consumer;
        let which = match letters.chosen {
            Chosen::All => "*".to_owned(),
            Chosen::Sequence(sequence) => sequence.to_string(),
        };
        let record = record.on("DeadLetter", which);
        let tx = self.database.begin().await?;
        tx.publish(record.detail("name", name.as_str()).detail("stream", stream.as_str())).await?;
        Ok(tx.commit().await?)
    }
}

/// The same as for dead letters of services.
fn action(deed: Deed) -> &'static str {
    match deed {
        Deed::Replay => "messages:replay",
        Deed::Drop => "messages:drop",
    }
}

async fn within<T>(
    patience: Duration,
    asked: impl Future<Output = Result<T, DeadLetterError>>,
) -> Result<T, DeadLetterError> {
    let in_time = tokio::time::timeout(patience, asked).await;
    in_time.map_err(|_| messages::Error::Broker("it did not answer in time".into()))?
}
