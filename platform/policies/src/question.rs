//! What a decision is about, and the questions that were answered with yes.
//!
//! A [`Question`] holds everything that Cedar is shown, so the same question always has the same answer: what a role
//! gains or loses makes it another one.

use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::engine::Resource;
use crate::permission::Reach;

/// Questions that are kept; the ones not asked again go first.
const REMEMBERED_MAX: usize = 4_096;

/// May this asker do this action to this resource?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub asker: Asker,
    pub action: String,
    pub resource: Resource,
}

/// What a decision knows of who acts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    Anonymous,
    Service(String),
    /// A person or a program, and how far the permission for the action reaches.
    User {
        id: Uuid,
        reach: Reach,
    },
}

impl Question {
    pub fn new(actor: &Actor, action: &str, resource: &Resource) -> Self {
        let asker = match actor.principal() {
            Principal::Anonymous => Asker::Anonymous,
            Principal::Service(name) => Asker::Service(name.clone()),
            Principal::User { id, .. } | Principal::Client { id, .. } => {
                Asker::User { id: *id, reach: actor.reach(action) }
            }
        };
        Self { asker, action: action.to_owned(), resource: resource.clone() }
    }
}

/// Questions answered with yes. A no is not kept: those who hear it are told why, and ask seldom.
pub(crate) struct Permitted(Cache<Question, ()>);

impl Permitted {
    pub fn new() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }

    pub fn contains(&self, question: &Question) -> bool {
        self.0.get(question).is_some()
    }

    pub fn remember(&self, question: Question) {
        self.0.insert(question, ());
    }
}
