//! The work for one request must end: in time, and without its panic reaching another request or telling anybody what it
//! was about.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Once;
use std::task::Poll;

use tokio::time::{Instant, sleep_until};

/// Why work did not come to its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It took too long.
    Late,
    /// It panicked.
    Panicked,
}

/// Runs `work` to its end, to its panic or to `deadline`. It is taken pinned where it stands: the work of a request is
/// some kilobytes, and every wrapper by value would copy them.
pub(crate) async fn contain<T>(mut work: Pin<&mut impl Future<Output = T>>, deadline: Instant) -> Result<T, Cut> {
    let mut late = pin!(sleep_until(deadline));
    poll_fn(|cx| {
        // Nothing of the work is used after a panic, so it does not matter in what state it was left.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Ok(Poll::Pending) => late.as_mut().poll(cx).map(|()| Err(Cut::Late)),
            Err(_) => Poll::Ready(Err(Cut::Panicked)),
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
