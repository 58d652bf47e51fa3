//! Crew members are accounts with crew data.

use contracts::ids::UserId;
use contracts::messages::{CrewCreated, CrewUpdated};
use policies::Actor;
use service_kit::http::IfMatch;

use super::{lock_user, on_record};
use crate::Users;
use crate::domain::{Crew, User};
use crate::error::Result;
use crate::store;

impl Users {
    /// Makes an account a crew member, or changes what it is as one.
    pub async fn save_crew(
        &self,
        actor: &Actor,
        id: UserId,
        if_match: IfMatch,
        crew: Crew,
    ) -> Result<User> {
        self.permitted(actor, "users:manage-crew", id).await?;
        let tx = self.database.begin().await?;
        let user = lock_user(&tx, id).await?;
        if_match.require(user.version)?;
        let is_new = user.crew.is_none();
        let Crew { category, skills, is_active, .. } = crew.clone();
        let user = user.with_crew(crew, self.clock.now());
        store::update_user(&tx, &user).await?;
        if is_new {
            tx.publish(CrewCreated { user_id: id, category, skills, is_active }).await?;
        } else {
            tx.publish(CrewUpdated { user_id: id, category, skills, is_active }).await?;
        }
        tx.publish(on_record(actor, "users:manage-crew", &user)).await?;
        tx.commit().await?;
        Ok(user)
    }
}
