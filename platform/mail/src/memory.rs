//! Letters in memory, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::{Letter, SendError};

/// Keeps what was sent. Clones share it.
#[derive(Clone, Default)]
pub struct Memory {
    letters: Arc<Mutex<Vec<Letter>>>,
    is_away: Arc<AtomicBool>,
}

impl Memory {
    /// Every letter so far, in order.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().clone()
    }

    /// From now on takes nothing.
    pub fn go_away(&self) {
        self.is_away.store(true, Ordering::SeqCst);
    }

    /// Takes letters again.
    pub fn come_back(&self) {
        self.is_away.store(false, Ordering::SeqCst);
    }

    pub(crate) fn send(&self, letter: &Letter) -> Result<(), SendError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(SendError::NotTaken("the mail server is away".into()));
        }
        self.letters.lock().push(letter.clone());
        Ok(())
    }
}
