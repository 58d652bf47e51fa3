//! The use cases. REST and tests call these; each authorizes in its first line.

use std::sync::Arc;

use contracts::audit::AuditRecorded;
use futures::Stream;
use futures::stream::try_unfold;
use policies::{Actor, Resource};
use service_kit::paging::Page;

use crate::Audit;
use crate::domain::{Entry, EntryFilter, Position};
use crate::error::{Error, Result};
use crate::store;

/// Most entries of one export. Whoever needs more takes them month by month.
pub const EXPORT_ENTRIES_MAX: u64 = 100_000;
/// Entries of an export that are in memory at a time.
const EXPORT_PAGE: u64 = 500;

impl Audit {
    /// A page of entries, the latest first, and one more if there are more.
    pub async fn list_entries(
        &self,
        actor: &Actor,
        filter: &EntryFilter,
        page: &Page<Position>,
    ) -> Result<Vec<Entry>> {
        self.require(actor, "audit:read", &Resource::any("Entry"))?;
        store::list_entries(self.database.read(), filter, page).await
    }

    /// All entries that match, the latest first, some at a time. That somebody took them away is on record as well.
    pub async fn export_entries(
        self: Arc<Self>,
        actor: &Actor,
        filter: EntryFilter,
        format: &str,
    ) -> Result<impl Stream<Item = Result<Vec<Entry>>> + use<>> {
        self.require(actor, "audit:read", &Resource::any("Entry"))?;
        let db = self.database.read();
        if store::has_more_than(db, &filter, EXPORT_ENTRIES_MAX).await? {
            return Err(Error::TooManyEntries { max: EXPORT_ENTRIES_MAX });
        }
        let tx = self.database.begin().await?;
        tx.publish(
            AuditRecorded::done(actor, "audit:export")
                .on("Entry", "*")
                .detail("format", format)
                .detail("filteredBy", filter.names()),
        )
        .await?;
        tx.commit().await?;
        Ok(try_unfold(Some(None), move |after| {
            let (audit, filter) = (self.clone(), filter.clone());
            async move { audit.next_of_export(&filter, after).await }
        }))
    }

    /// The next entries of an export and after which the ones after that come: `None` when these were the last.
    async fn next_of_export(
        &self,
        filter: &EntryFilter,
        after: Option<Option<Position>>,
    ) -> Result<Option<(Vec<Entry>, Option<Option<Position>>)>> {
        let Some(after) = after else { return Ok(None) };
        let page = Page { limit: EXPORT_PAGE, after };
        let mut entries = store::list_entries(self.database.read(), filter, &page).await?;
        let has_more = entries.len() as u64 > EXPORT_PAGE;
        entries.truncate(EXPORT_PAGE as usize);
        let last = entries.last().filter(|_| has_more).map(Entry::position);
        Ok(Some((entries, last.map(Some))))
    }

    fn require(&self, actor: &Actor, action: &str, resource: &Resource) -> Result<()> {
        Ok(self.policies.require(actor, action, resource)?)
    }
}
