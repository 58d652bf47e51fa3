//! Letters that wait to be sent, and how many an address may have.

use database::Tx;
use jiff::{SignedDuration, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{QueryOrder, QuerySelect};

use crate::domain::{Email, LetterKind, LetterText};
use crate::error::Result;

mod letter {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "letter")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub recipient: String,
        pub subject: String,
        pub body: Option<String>,
        pub due_at: Option<i64>,
        pub tries: i64,
        pub created_at: i64,
        pub sent_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod allowance {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "letter_allowance")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub recipient: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        pub latest: i64,
        pub second: i64,
        pub third: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// In which an address gets three letters of a kind.
const ALLOWANCE_PERIOD: SignedDuration = SignedDuration::from_hours(1);

/// A letter that waits, as it was read.
pub struct WaitingLetter {
    pub id: Uuid,
    pub recipient: String,
    pub subject: String,
    pub body: String,
    pub tries: i64,
    due_at: i64,
}

/// Takes one of the three letters that an address may have in an hour; `false` if there is none left. One
/// statement, which moves the three times on if the oldest is old enough, so that of several at once no
/// more get through than there are left.
pub async fn claim_letter(
    tx: &Tx,
    recipient: &Email,
    kind: LetterKind,
    now: Timestamp,
) -> Result<bool> {
    use allowance::{ActiveModel, Column, Entity};
    let row = ActiveModel {
        recipient: Set(recipient.to_string()),
        kind: Set(kind.as_str().to_owned()),
        latest: Set(now.as_millisecond()),
        second: Set(0),
        third: Set(0),
    };
    let present = |column: Column| Expr::col((Entity, column));
    let long_ago = (now - ALLOWANCE_PERIOD).as_millisecond();
    let move_on = OnConflict::columns([Column::Recipient, Column::Kind])
        .value(Column::Third, present(Column::Second))
        .value(Column::Second, present(Column::Latest))
        .value(Column::Latest, Expr::value(now.as_millisecond()))
        .action_and_where(present(Column::Third).lte(long_ago))
        .to_owned();
    Ok(Entity::insert(row).on_conflict(move_on).exec_without_returning(tx).await? == 1)
}

/// Writes a letter that is to be sent as soon as this transaction has committed.
pub async fn insert_letter(
    tx: &Tx,
    recipient: &Email,
    letter: LetterText,
    now: Timestamp,
) -> Result<()> {
    let row = letter::ActiveModel {
        id: Set(Uuid::now_v7()),
        recipient: Set(recipient.to_string()),
        subject: Set(letter.subject.to_owned()),
        body: Set(Some(letter.text)),
        due_at: Set(Some(now.as_millisecond())),
        tries: Set(0),
        created_at: Set(now.as_millisecond()),
        sent_at: Set(None),
    };
    letter::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Letters whose time has come, those that wait longest first.
pub async fn due_letters(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<WaitingLetter>> {
    use letter::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::DueAt.lte(now.as_millisecond()))
        .order_by_asc(Column::DueAt)
        .limit(limit)
        .all(db)
        .await?;
    let waiting = |row: letter::Model| {
        let (body, due_at) = row.body.zip(row.due_at)?;
        let letter::Model { id, recipient, subject, tries, .. } = row;
        Some(WaitingLetter { id, recipient, subject, body, tries, due_at })
    };
    Ok(rows.into_iter().filter_map(waiting).collect())
}

/// Takes a letter until `until`, for one more try; `false` if another replica has it. When that time is over
/// and nobody has said what became of it, whoever had it is gone.
pub async fn take_letter(tx: &Tx, letter: &mut WaitingLetter, until: Timestamp) -> Result<bool> {
    use letter::Column;
    let until = until.as_millisecond();
    let taken = update_letter(letter)
        .col_expr(Column::DueAt, until.into())
        .col_expr(Column::Tries, (letter.tries + 1).into())
        .exec(tx)
        .await?;
    letter.due_at = until;
    letter.tries += 1;
    Ok(taken.rows_affected == 1)
}

/// Puts a letter back that was taken.
pub async fn postpone_letter(tx: &Tx, letter: &WaitingLetter, until: Timestamp) -> Result<()> {
    let due_at = letter::Column::DueAt;
    update_letter(letter).col_expr(due_at, until.as_millisecond().into()).exec(tx).await?;
    Ok(())
}

/// Is done with a letter that was taken, and forgets what it said. `sent_at` is `None` when it was given up.
pub async fn finish_letter(
    tx: &Tx,
    letter: &WaitingLetter,
    sent_at: Option<Timestamp>,
) -> Result<()> {
    use letter::Column;
    update_letter(letter)
        .col_expr(Column::Body, Option::<String>::None.into())
        .col_expr(Column::DueAt, Option::<i64>::None.into())
        .col_expr(Column::SentAt, sent_at.map(Timestamp::as_millisecond).into())
        .exec(tx)
        .await?;
    Ok(())
}

/// Of this letter, if it still is as it was read or taken.
fn update_letter(letter: &WaitingLetter) -> sea_orm::UpdateMany<letter::Entity> {
    letter::Entity::update_many()
        .filter(letter::Column::Id.eq(letter.id))
        .filter(letter::Column::DueAt.eq(letter.due_at))
}

/// Forgets letters that were done with before `before`, and what addresses had before the last hour.
pub async fn sweep_letters(tx: &Tx, before: Timestamp, now: Timestamp) -> Result<()> {
    use letter::Column;
    letter::Entity::delete_many()
        .filter(Column::CreatedAt.lt(before.as_millisecond()))
        .filter(Column::DueAt.is_null())
        .exec(tx)
        .await?;
    let long_ago = (now - ALLOWANCE_PERIOD).as_millisecond();
    let is_over = allowance::Column::Latest.lte(long_ago);
    allowance::Entity::delete_many().filter(is_over).exec(tx).await?;
    Ok(())
}

mod request {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reset_request")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub email: String,
        pub requested_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Writes down that somebody asked for a new password; asking again before that is answered changes nothing.
pub async fn insert_reset_request(tx: &Tx, email: &Email, now: Timestamp) -> Result<()> {
    let row = request::ActiveModel {
        email: Set(email.to_string()),
        requested_at: Set(now.as_millisecond()),
    };
    let asked_already = OnConflict::column(request::Column::Email).do_nothing().to_owned();
    request::Entity::insert(row).on_conflict(asked_already).exec_without_returning(tx).await?;
    Ok(())
}

/// Requests that wait, the oldest first.
pub async fn reset_requests(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Email>> {
    let rows = request::Entity::find()
        .order_by_asc(request::Column::RequestedAt)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| Email::stored(row.email)).collect())
}

/// Takes a request; `false` if another replica has answered it.
pub async fn take_reset_request(tx: &Tx, email: &Email) -> Result<bool> {
    let deleted = request::Entity::delete_by_id(email.to_string()).exec(tx).await?;
    Ok(deleted.rows_affected == 1)
}
