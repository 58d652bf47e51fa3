//! Rows and queries of the audit log, and the only ones. There is none that changes a row.

use std::net::IpAddr;

use contracts::audit::{Object, Outcome, Party, PartyKind};
use contracts::ids::CustomerId;
use database::{Error as DatabaseError, Tx};
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{Condition, QueryOrder, QuerySelect, Select};
use service_kit::paging::Page;

use crate::domain::{ActorFilter, Details, Entry, EntryFilter, Position};
use crate::error::Result;

/// Entries that go in one transaction when their time is over.
pub const SWEPT_AT_ONCE: u64 = 2000;

mod entry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub entry_id: Uuid,
        pub at: i64,
        pub first_at: Option<i64>,
        pub service: String,
        pub action: String,
        pub outcome: String,
        pub actor_kind: String,
        pub actor_id: Option<String>,
        pub actor_label: Option<String>,
        pub address: Option<String>,
        pub agent: Option<String>,
        pub on_kind: Option<String>,
        pub on_id: Option<String>,
        pub customer_id: Option<Uuid>,
        pub details: String,
        pub count: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entry::{ActiveModel, Column, Entity, Model};

/// Writes an entry; one that is there already stays as it is.
pub async fn insert_entry(tx: &Tx, entry: &Entry) -> Result<()> {
    let already_here = OnConflict::column(Column::EntryId).do_nothing().to_owned();
    Entity::insert(row(entry)).on_conflict(already_here).exec_without_returning(tx).await?;
    Ok(())
}

/// Entries that match, the latest first, one more than the page has.
pub async fn list_entries(
    db: &impl ConnectionTrait,
    filter: &EntryFilter,
    page: &Page<Position>,
) -> Result<Vec<Entry>> {
    let mut query = matching(filter)
        .order_by_desc(Column::At)
        .order_by_desc(Column::EntryId)
        .limit(page.limit + 1);
    if let Some(Position { at, id }) = page.after {
        let at = at.as_millisecond();
        let same_moment = Column::At.eq(at).and(Column::EntryId.lt(id));
        query = query.filter(Condition::any().add(Column::At.lt(at)).add(same_moment));
    }
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Whether more than `max` entries match.
pub async fn has_more_than(
    db: &impl ConnectionTrait,
    filter: &EntryFilter,
    max: u64,
) -> Result<bool> {
    // PostgreSQL wants a limit where SQLite wants one beside the offset: both take this.
    let one_beyond = matching(filter).select_only().column(Column::EntryId).limit(1).offset(max);
    Ok(one_beyond.into_tuple::<Uuid>().one(db).await?.is_some())
}

/// Deletes some of the entries from before a moment: at most [`SWEPT_AT_ONCE`]. The number of those that went.
pub async fn delete_entries_before(tx: &Tx, before: Timestamp) -> Result<u64> {
    let oldest: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::EntryId)
        .filter(Column::At.lt(before.as_millisecond()))
        .order_by_asc(Column::At)
        .limit(SWEPT_AT_ONCE)
        .into_tuple()
        .all(tx)
        .await?;
    if oldest.is_empty() {
        return Ok(0);
    }
    let deleted = Entity::delete_many().filter(Column::EntryId.is_in(oldest)).exec(tx).await?;
    Ok(deleted.rows_affected)
}

fn matching(filter: &EntryFilter) -> Select<Entity> {
    let EntryFilter { actor, action, outcome, service, on_kind, on_id, customer_id, from, to } =
        filter;
    let actor = actor.as_ref().map(|actor| match actor {
        ActorFilter::Id(id) => Column::ActorId.eq(id.as_str()),
        ActorFilter::Label(label) => Column::ActorLabel.eq(label.as_str()),
    });
    let wanted = [
        actor,
        action.as_ref().map(|prefix| Column::Action.starts_with(prefix.as_str())),
        outcome.map(|outcome| Column::Outcome.eq(outcome.as_str())),
        service.as_deref().map(|service| Column::Service.eq(service)),
        on_kind.as_deref().map(|kind| Column::OnKind.eq(kind)),
        on_id.as_deref().map(|id| Column::OnId.eq(id)),
        customer_id.map(|customer| Column::CustomerId.eq(customer.0)),
        from.map(|from| Column::At.gte(from.as_millisecond())),
        to.map(|to| Column::At.lt(to.as_millisecond())),
    ];
    wanted.into_iter().flatten().fold(Entity::find(), |query, wanted| query.filter(wanted))
}

fn row(entry: &Entry) -> ActiveModel {
    let Party { kind, id, label, address, agent } = &entry.by;
    ActiveModel {
        entry_id: Set(entry.id),
        at: Set(entry.at.as_millisecond()),
        first_at: Set(entry.first_at.map(Timestamp::as_millisecond)),
        service: Set(entry.service.clone()),
        action: Set(entry.action.clone()),
        outcome: Set(entry.outcome.as_str().to_owned()),
        actor_kind: Set(kind.as_str().to_owned()),
        actor_id: Set(id.clone()),
        actor_label: Set(label.clone()),
        address: Set(address.map(|address| address.to_string())),
        agent: Set(agent.clone()),
        on_kind: Set(entry.on.as_ref().map(|on| on.kind.clone())),
        on_id: Set(entry.on.as_ref().map(|on| on.id.clone())),
        customer_id: Set(entry.customer_id.map(|customer| customer.0)),
        details: Set(entry.details.as_str().to_owned()),
        count: Set(entry.count),
    }
}

fn domain(row: Model) -> Result<Entry> {
    let id = row.entry_id;
    let unreadable = |what: &str| DatabaseError::Other(format!("entry `{id}`: bad {what}"));
    let time = |ms| Timestamp::from_millisecond(ms).map_err(|_| unreadable("time"));
    let address = row.address.as_deref().map(str::parse::<IpAddr>).transpose();
    let by = Party {
        kind: PartyKind::parse(&row.actor_kind).ok_or_else(|| unreadable("actor"))?,
        id: row.actor_id,
        label: row.actor_label,
        address: address.map_err(|_| unreadable("address"))?,
        agent: row.agent,
    };
    Ok(Entry {
        id,
        at: time(row.at)?,
        first_at: row.first_at.map(time).transpose()?,
        outcome: Outcome::parse(&row.outcome).map_err(|_| unreadable("outcome"))?,
        by,
        on: row.on_kind.zip(row.on_id).map(|(kind, id)| Object { kind, id }),
        customer_id: row.customer_id.map(CustomerId),
        details: Details::new(row.details),
        count: row.count,
        service: row.service,
        action: row.action,
    })
}
