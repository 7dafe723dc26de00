//! Which content of a request is erased when its time is over, and which is not.

use usher_storage::{Expired, Millis, Retention, Store, StoreError};
use uuid::Uuid;

use crate::commission::TERMS;

/// Looks at up to `limit` records after one, oldest first, and erases the content of those whose time is over: closed and
/// acknowledged before the first of `bounds`, or parked before the second. The terms of commission stay, as what is owed
/// is corrected by them for longer than a request is of use.
///
/// # Errors
/// The store cannot be read or written.
pub async fn erase_expired(
    store: &Store,
    bounds: (Millis, Millis),
    after: Option<Uuid>,
    limit: u32,
) -> Result<(usize, Expired), StoreError> {
    let (closed_before, parked_before) = bounds;
    store.erase(Retention { closed_before, parked_before, kept_parts: &[TERMS] }, after, limit).await
}
