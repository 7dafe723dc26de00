//! When a message that could not be delivered is tried again, and when it is given up.

use std::time::Duration;

use usher_storage::Millis;

/// How long a message is tried, from the first attempt on.
pub const ATTEMPTS_FOR: Duration = Duration::from_secs(72 * 60 * 60);

/// The longest pause after the first failure; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The longest pause of all: a bank that is back hears of everything within it.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// The shortest pause.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// No pause before that many failures is shorter than [`PAUSE_MAX`].
const DOUBLINGS_MAX: u32 = 10;

/// When to try again after so many attempts, the last of which has just failed; none when it is time to give up.
///
/// The pause is drawn evenly between one second and a bound that doubles (full jitter), so that what failed together
/// does not come back together. `random` is any number. The last attempt is made when the time for attempts ends.
pub fn next_attempt(attempts: u32, first_tried_at: Millis, now: Millis, random: u64) -> Option<Millis> {
    let end = first_tried_at.saturating_add(millis(ATTEMPTS_FOR));
    if now >= end {
        return None;
    }
    let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
    let bound = millis((PAUSE_FIRST * 2_u32.pow(doublings)).min(PAUSE_MAX));
    let least = millis(PAUSE_MIN);
    // The span is so small that no number is noticeably more likely than another.
    let span = u64::try_from(bound - least).unwrap_or(0) + 1;
    let pause = least + Millis::try_from(random % span).unwrap_or(0);
    Some(now.saturating_add(pause).min(end))
}

pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    #[test]
    fn the_bound_of_the_pause_doubles_up_to_an_hour() {
        for (attempts, seconds) in
            [(0, 5), (1, 5), (2, 10), (3, 20), (9, 1_280), (10, 2_560), (11, 3_600), (u32::MAX, 3_600)]
        {
            let bound = seconds * 1_000;
            // The span of pauses is 1,000 to `bound` milliseconds; these are its two ends.
            assert_eq!(next_attempt(attempts, NOW, NOW, 0), Some(NOW + 1_000), "{attempts}");
            let last = u64::try_from(bound - 1_000).unwrap();
            assert_eq!(next_attempt(attempts, NOW, NOW, last), Some(NOW + bound), "{attempts}");
            assert_eq!(next_attempt(attempts, NOW, NOW, last + 1), Some(NOW + 1_000), "{attempts}");
        }
    }

    #[test]
    fn the_last_attempt_is_made_at_the_end_of_three_days_and_none_after_it() {
        let end = NOW + 72 * 60 * 60 * 1_000;
        assert_eq!(next_attempt(80, NOW, end - 500, 7), Some(end));
        assert_eq!(next_attempt(80, NOW, end - 1, u64::MAX), Some(end));
        assert_eq!(next_attempt(81, NOW, end, 0), None);
        assert_eq!(next_attempt(81, NOW, end + 1, 0), None);
    }

    #[test]
    fn a_clock_that_went_back_gives_nothing_up() {
        assert_eq!(next_attempt(1, NOW, NOW - 1_000_000, 0), Some(NOW - 999_000));
    }
}
