//! What a receiver says about when to come again.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The bounds of what is heeded: who says less is spared all the same, who says more cannot stop delivery for days.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60 * 60);

static PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// `Retry-After`, a number of seconds or a date, within bounds; none when it is neither.
pub(crate) fn retry_after(value: &[u8], now: Timestamp) -> Option<Duration> {
    let text = String::from_utf8_lossy(value);
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(MOST, Duration::from_secs)
    } else {
        let at = PARSER.parse_timestamp(text).ok()?;
        Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.clamp(LEAST, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_heeded_within_bounds_and_anything_else_is_not() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (value, seconds) in [
            (&b"120"[..], Some(120)),
            (b" 120 ", Some(120)),
            (b"0", Some(1)),
            (b"3600", Some(3600)),
            (b"3601", Some(3600)),
            (b"99999999999999999999999", Some(3600)),
            (b"Sat, 21 Nov 2026 12:05:00 GMT", Some(300)),
            // The day of the week is wrong; the date is not.
            (b"Mon, 21 Nov 2026 12:05:00 GMT", Some(300)),
            (b"Sat, 21 Nov 2026 11:00:00 GMT", Some(1)),
            (b"Fri, 31 Dec 2099 23:59:59 GMT", Some(3600)),
            (b"", None),
            (b"-1", None),
            (b"+1", None),
            (b"1.5", None),
            (b"soon", None),
            (b"\xff\xfe", None),
            (b"2026-11-21T12:05:00Z", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(value, now), expected, "{}", String::from_utf8_lossy(value));
        }
    }
}
