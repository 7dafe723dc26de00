//! A panic while one request is worked on must not reach another, nor tell anybody what it was about.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

/// The work panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs `work` to its end, or to its panic.
pub(crate) async fn contain<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        // Nothing of the work is used after a panic, so it does not matter in what state it was left.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(text) => {
                drop(text);
                Poll::Ready(Err(Panicked))
            }
        }
    })
    .await
}

/// Makes every panic of this process log where it happened instead of printing what it says: the text of a panic may hold
/// anything, a value of a request too.
pub fn log_panics_without_text() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
            tracing::error!(file, line, "panic");
        }));
    });
}
