//! Twins in this process: two calls with one idempotency key at the same time.
//!
//! This only spares the second one its work. What is stored once is decided by the commit, not here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use crate::{Digest, Scope};

type Attempt = (Scope, &'static str, Digest);

/// The first call with this key has not been answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a call with this idempotency key is still running")]
pub struct StillRunning;

/// All keys with a running call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(Arc<Mutex<HashSet<Attempt>>>);

impl Attempts {
    pub(crate) fn begin(&self, attempt: Attempt) -> Result<Running, StillRunning> {
        if !self.lock().insert(attempt) {
            return Err(StillRunning);
        }
        Ok(Running { attempts: self.clone(), attempt })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Attempt>> {
        // The set is whole after any single call on it, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running call; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the call counts as ended as soon as this is dropped"]
pub struct Running {
    attempts: Attempts,
    attempt: Attempt,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.attempts.lock().remove(&self.attempt);
    }
}
