//! Times and days as the contracts mean them. The zone data is part of the program, so every machine decides alike.

use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// Youngest age a borrower may have, in completed years.
pub const AGE_MIN: i16 = 18;
/// Oldest age a borrower may have, in completed years.
pub const AGE_MAX: i16 = 120;

/// A text that is no time or day of the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATime;

/// Whether an RFC 3339 time with offset lies before `now`. A time equal to `now` does not.
pub fn is_past(text: &str, now: Timestamp) -> Result<bool, NotATime> {
    let (local, offset) = rfc3339(text).ok_or(NotATime)?;
    // Compared as local times of the same offset: the last hours of year 9999 have no timestamp.
    Ok(local < offset.to_datetime(now))
}

/// Whether the day of an instant, given in Unix milliseconds, is over in Berlin.
pub fn is_berlin_day_past(unix_milliseconds: i64, now: Timestamp) -> bool {
    match Timestamp::from_millisecond(unix_milliseconds) {
        Ok(instant) => berlin_day(instant) < berlin_day(now),
        // Outside the years the calendar knows: far before now or far after.
        Err(_) => unix_milliseconds < 0,
    }
}

/// Whether a person born on that day (`YYYY-MM-DD`) is 18 to 120 years old on today's day in Berlin.
pub fn is_age_in_range(date_of_birth: &str, now: Timestamp) -> Result<bool, NotATime> {
    let birth = date(date_of_birth.as_bytes()).ok_or(NotATime)?;
    let today = berlin_day(now);
    let had_birthday = (today.month(), today.day()) >= (birth.month(), birth.day());
    let age = today.year() - birth.year() - i16::from(!had_birthday);
    Ok((AGE_MIN..=AGE_MAX).contains(&age))
}

/// Whether the IANA database has a zone of exactly this name.
pub fn is_time_zone(name: &str) -> bool {
    let zones = TimeZoneDatabase::bundled();
    // The lookup ignores case, the names of the database do not.
    zones.get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
}

/// The day of an instant in Berlin.
pub fn berlin_day(instant: Timestamp) -> Date {
    berlin().to_datetime(instant).date()
}

/// The time zone of Berlin.
pub fn berlin() -> &'static TimeZone {
    static BERLIN: OnceLock<TimeZone> = OnceLock::new();
    BERLIN.get_or_init(|| {
        TimeZoneDatabase::bundled().get("Europe/Berlin").expect("the zone data in the program has Berlin")
    })
}

/// The instant of an RFC 3339 text with offset; none where it is no such text or the calendar has no instant for it.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let (local, offset) = rfc3339(text)?;
    offset.to_timestamp(local).ok()
}

/// Local time and offset of an RFC 3339 text.
fn rfc3339(text: &str) -> Option<(DateTime, Offset)> {
    let bytes = text.as_bytes();
    let (day, rest) = bytes.split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let [b'T' | b't', hour @ .., b':', _, _, b':', _, _] = time else { return None };
    // A leap second counts as the second before it.
    let second = number(&time[7..9])?;
    let second = if second == 60 { 59 } else { second };
    let (nanosecond, zone) = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (nanoseconds(&fraction[..length])?, &fraction[length..])
        }
        None => (0, rest),
    };
    let time = Time::new(number(hour)?, number(&time[4..6])?, second, nanosecond).ok()?;
    Some((DateTime::from_parts(date(day)?, time), offset(zone)?))
}

fn offset(zone: &[u8]) -> Option<Offset> {
    let (sign, clock) = match zone {
        [b'Z' | b'z'] => return Some(Offset::UTC),
        [b'+', clock @ ..] => (1, clock),
        [b'-', clock @ ..] => (-1, clock),
        _ => return None,
    };
    let [_, _, b':', _, _] = clock else { return None };
    let (hours, minutes): (i8, i8) = (number(&clock[..2])?, number(&clock[3..])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

/// A day as `YYYY-MM-DD`.
fn date(text: &[u8]) -> Option<Date> {
    let [_, _, _, _, b'-', _, _, b'-', _, _] = text else { return None };
    let year = i16::from(number(&text[..2])?) * 100 + i16::from(number(&text[2..4])?);
    Date::new(year, number(&text[5..7])?, number(&text[8..])?).ok()
}

/// Two digits.
fn number(digits: &[u8]) -> Option<i8> {
    match digits {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok(),
        _ => None,
    }
}

/// The digits of a fraction, of which those behind the ninth cannot change a verdict worth having.
fn nanoseconds(fraction: &[u8]) -> Option<i32> {
    if fraction.is_empty() {
        return None;
    }
    let places = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some(places.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_before_now_is_past_and_now_is_not() {
        let now = at("2026-11-21T12:00:00Z");
        for (text, past) in [
            ("2026-11-21T12:00:00Z", false),
            ("2026-11-21T11:59:59Z", true),
            ("2026-11-21T11:59:59.999999999Z", true),
            ("2026-11-21T12:00:00.0000000001Z", false),
            ("2026-11-21T13:00:00+01:00", false),
            ("2026-11-21T12:59:59+01:00", true),
            ("2026-11-21t07:00:00-05:00", false),
            ("2026-11-21T06:59:59-05:00", true),
            ("2026-11-21T12:00:00-00:00", false),
            ("2026-11-22T11:59:00+23:59", false),
            ("2026-11-22T11:58:59+23:59", true),
            ("9999-12-31T23:59:59-23:59", false),
            ("0000-01-01T00:00:00+23:59", true),
            ("2026-12-31T23:59:60Z", false),
            ("2016-12-31T23:59:60z", true),
        ] {
            assert_eq!(is_past(text, now), Ok(past), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_rfc_3339_time_has_no_verdict() {
        for text in [
            "",
            "tomorrow",
            "2026-11-21",
            "2026-11-21T12:00Z",
            "2026-11-21T12:00:00",
            "2026-11-21 12:00:00Z",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00+0100",
            "2026-11-21T12:00:00+24:00",
            "2026-11-21T12:00:00+01:60",
            "2026-11-21T12:00:00Zulu",
            "2026-11-21T24:00:00Z",
            "2026-11-21T12:60:00Z",
            "2026-11-21T12:00:61Z",
            "2026-13-21T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "+026-11-21T12:00:00Z",
            "2026-11-21T12:00:00Z[Europe/Prague]",
            "２026-11-21T12:00:00Z",
        ] {
            assert_eq!(is_past(text, at("2026-11-21T12:00:00Z")), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn a_day_is_past_when_it_is_over_in_berlin() {
        for (instant, now, past) in [
            // Winter time: the day of 21 November begins at 23:00 UTC of the 20th.
            ("2026-11-20T23:00:00Z", "2026-11-21T12:00:00Z", false),
            ("2026-11-20T22:59:59.999Z", "2026-11-21T12:00:00Z", true),
            ("2026-11-21T00:00:00Z", "2026-11-21T22:59:59Z", false),
            ("2026-11-21T00:00:00Z", "2026-11-21T23:00:00Z", true),
            // Summer time: the day begins at 22:00 UTC.
            ("2026-07-20T22:00:00Z", "2026-07-21T12:00:00Z", false),
            ("2026-07-20T21:59:59.999Z", "2026-07-21T12:00:00Z", true),
            // The day the clocks go forward, 23 hours long, and the day they go back, 25 hours long.
            ("2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", false),
            ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", true),
            ("2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", false),
            ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", true),
            // A leap day.
            ("2028-02-29T00:00:00Z", "2028-02-29T22:59:59Z", false),
            ("2028-02-29T00:00:00Z", "2028-02-29T23:00:00Z", true),
        ] {
            let milliseconds = at(instant).as_millisecond();
            assert_eq!(is_berlin_day_past(milliseconds, at(now)), past, "{instant} at {now}");
        }
    }

    #[test]
    fn an_instant_beyond_the_calendar_is_before_or_after_every_day() {
        let now = at("2026-11-21T12:00:00Z");
        assert!(is_berlin_day_past(i64::MIN, now));
        assert!(is_berlin_day_past(1, now));
        assert!(!is_berlin_day_past(i64::MAX, now));
    }

    #[test]
    fn a_borrower_is_18_to_120_on_the_day_in_berlin() {
        for (birth, now, expected) in [
            ("2008-11-21", "2026-11-21T12:00:00Z", true),
            ("2008-11-22", "2026-11-21T12:00:00Z", false),
            // In Berlin it is already the 22nd.
            ("2008-11-22", "2026-11-21T23:00:00Z", true),
            ("1906-11-21", "2026-11-21T12:00:00Z", true),
            ("1905-11-22", "2026-11-21T12:00:00Z", true),
            ("1905-11-21", "2026-11-21T12:00:00Z", false),
            ("2026-11-22", "2026-11-21T12:00:00Z", false),
            ("0000-01-01", "2026-11-21T12:00:00Z", false),
            ("9999-12-31", "2026-11-21T12:00:00Z", false),
            // Born on a leap day: of age on 1 March.
            ("2008-02-29", "2026-02-28T12:00:00Z", false),
            ("2008-02-29", "2026-03-01T12:00:00Z", true),
        ] {
            assert_eq!(is_age_in_range(birth, at(now)), Ok(expected), "{birth} at {now}");
        }
        for text in ["", "2008-2-29", "2009-02-29", "20080229", "2008-02-29T00:00:00Z", "-008-02-29", "2008-02-2é"] {
            assert_eq!(is_age_in_range(text, at("2026-11-21T12:00:00Z")), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn a_time_zone_is_a_name_of_the_iana_database() {
        for (name, exists) in [
            ("Europe/Prague", true),
            ("Europe/Istanbul", true),
            ("America/Argentina/Buenos_Aires", true),
            ("UTC", true),
            ("europe/prague", false),
            ("Europe/Pragu", false),
            ("Europe", false),
            ("CEST", false),
            ("+01:00", false),
            ("", false),
            ("../Europe/Prague", false),
        ] {
            assert_eq!(is_time_zone(name), exists, "{name}");
        }
    }
}
