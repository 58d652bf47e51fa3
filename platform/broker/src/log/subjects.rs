//! The subjects of a log, each kept once: how many messages it has and which was its last.
//!
//! Owns the names and their numbers. A subject without messages is forgotten and its number used again.

use std::collections::HashMap;

use crate::subject::{Filter, Subject};

pub(crate) type SubjectId = u32;

#[derive(Clone, Debug)]
pub(crate) struct SubjectState {
    pub subject: Subject,
    pub messages: u64,
    /// No living message of it is before this one.
    pub first_seq: u64,
    /// Its last living message; `None` when that was removed and the one before has not been looked for yet.
    pub last_seq: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Subjects {
    ids: HashMap<Subject, SubjectId>,
    states: Vec<Option<SubjectState>>,
    free: Vec<SubjectId>,
}

impl Subjects {
    /// Counts a message of a subject.
    pub fn add(&mut self, subject: Subject, seq: u64) -> SubjectId {
        let id = match self.ids.get(&subject) {
            Some(id) => *id,
            None => self.insert(subject, seq),
        };
        if let Some(state) = self.get_mut(id) {
            state.messages += 1;
            state.last_seq = Some(seq);
        }
        id
    }

    fn insert(&mut self, subject: Subject, seq: u64) -> SubjectId {
        let state =
            SubjectState { subject: subject.clone(), messages: 0, first_seq: seq, last_seq: None };
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.states.push(None);
                self.states.len() as SubjectId - 1
            }
        };
        self.states[id as usize] = Some(state);
        self.ids.insert(subject, id);
        id
    }

    /// A message of the subject is gone.
    pub fn subtract(&mut self, id: SubjectId, seq: u64) {
        let Some(state) = self.get_mut(id) else { return };
        state.messages -= 1;
        if state.messages == 0 {
            let subject = state.subject.clone();
            self.ids.remove(&subject);
            self.states[id as usize] = None;
            self.free.push(id);
            return;
        }
        if state.first_seq == seq {
            state.first_seq = seq + 1;
        }
        if state.last_seq == Some(seq) {
            state.last_seq = None;
        }
    }

    pub fn get(&self, id: SubjectId) -> Option<&SubjectState> {
        self.states.get(id as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, id: SubjectId) -> Option<&mut SubjectState> {
        self.states.get_mut(id as usize)?.as_mut()
    }

    pub fn id_of(&self, subject: &str) -> Option<SubjectId> {
        let subject = Subject::parse(subject.to_owned())?;
        self.ids.get(&subject).copied()
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (SubjectId, &SubjectState)> {
        let states = self.states.iter().enumerate();
        states.filter_map(|(id, state)| Some((id as SubjectId, state.as_ref()?)))
    }
}

/// Which subjects are meant, asked once for each subject and not for each message.
pub(crate) enum Selection<'a> {
    All,
    One(SubjectId),
    Nothing,
    Matching { filters: &'a [Filter], verdicts: Vec<Option<bool>> },
}

impl<'a> Selection<'a> {
    /// No filters mean everything.
    pub fn new(filters: &'a [Filter], subjects: &Subjects) -> Self {
        match filters {
            [] => Self::All,
            filters if filters.iter().any(|filter| filter.as_str() == ">") => Self::All,
            [filter] if !filter.has_wildcard() => {
                subjects.id_of(filter.as_str()).map_or(Self::Nothing, Self::One)
            }
            filters => Self::Matching { filters, verdicts: Vec::new() },
        }
    }

    pub fn has(&mut self, id: SubjectId, subjects: &Subjects) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => *one == id,
            Self::Nothing => false,
            Self::Matching { filters, verdicts } => {
                let place = id as usize;
                if verdicts.len() <= place {
                    verdicts.resize(place + 1, None);
                }
                *verdicts[place].get_or_insert_with(|| is_match(filters, subjects.get(id)))
            }
        }
    }
}

fn is_match(filters: &[Filter], state: Option<&SubjectState>) -> bool {
    state.is_some_and(|state| filters.iter().any(|filter| filter.matches(&state.subject)))
}
