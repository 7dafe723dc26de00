//! The part of a day that a person asks for, in German local time. A day that is over is refused by the contract; a part of
//! today that is over is only told of: the bank can still call, and a request must not be lost over an hour.

use jiff::Timestamp;
use usher_contract::appointment_request::v2::{AppointmentTime, ContactRequest};
use usher_wire::{Text, Warning};

use crate::instant;

/// A warning for each window that is over.
pub(crate) fn over<'a, S: Text<'a>>(contact: &ContactRequest<S>, now: Timestamp) -> Vec<Warning> {
    let windows = [
        ("/contactRequest/primaryAppointmentTime", contact.primary_appointment_date, &contact.primary_appointment_time),
        (
            "/contactRequest/secondaryAppointmentTime",
            contact.secondary_appointment_date,
            &contact.secondary_appointment_time,
        ),
    ];
    let over = windows
        .into_iter()
        .filter(|(_, date, window)| date.zip(window.as_ref()).is_some_and(|(date, window)| is_over(date, window, now)));
    let message = "this part of today is over in Germany";
    over.map(|(pointer, ..)| Warning { pointer: pointer.to_owned(), code: "window_over", message: message.into() })
        .collect()
}

fn is_over(unix_milliseconds: i64, window: &AppointmentTime, now: Timestamp) -> bool {
    let Some(end) = end_hour(window) else { return false };
    let Ok(instant) = Timestamp::from_millisecond(unix_milliseconds) else { return false };
    let end = instant::berlin_day(instant).at(end, 0, 0, 0).to_zoned(instant::berlin().clone());
    end.is_ok_and(|end| end.timestamp() <= now)
}

/// The hour at which a window ends; none for the whole day and for a time that is left open.
fn end_hour(window: &AppointmentTime) -> Option<i8> {
    match window {
        AppointmentTime::AllDay | AppointmentTime::Unknown => None,
        AppointmentTime::TenUntilEleven => Some(11),
        AppointmentTime::EightToTwelve | AppointmentTime::ElevenUntilTwelve => Some(12),
        AppointmentTime::TwelveUntilThirteen => Some(13),
        AppointmentTime::ThirteenUntilFourteen => Some(14),
        AppointmentTime::FourteenUntilFifteen => Some(15),
        AppointmentTime::TwelveToSixteen | AppointmentTime::FifteenUntilSixteen => Some(16),
        AppointmentTime::SixteenUntilSeventeen => Some(17),
        AppointmentTime::SeventeenUntilEighteen => Some(18),
        AppointmentTime::SixteenToNineteen | AppointmentTime::EighteenUntilNineteen => Some(19),
        AppointmentTime::NineteenUntilTwenty => Some(20),
        AppointmentTime::TwentyUntilTwentyone => Some(21),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_over_from_its_last_hour_in_berlin() {
        let date = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        use AppointmentTime::{AllDay, EightToTwelve, TenUntilEleven, TwentyUntilTwentyone, Unknown};
        for (day, window, now, expected) in [
            ("2026-11-21T00:00:00+01:00", EightToTwelve, "2026-11-21T10:59:59Z", false),
            ("2026-11-21T00:00:00+01:00", EightToTwelve, "2026-11-21T11:00:00Z", true),
            ("2026-11-21T23:59:00+01:00", EightToTwelve, "2026-11-21T11:00:00Z", true),
            ("2026-11-22T00:00:00+01:00", EightToTwelve, "2026-11-21T11:00:00Z", false),
            // The days on which the clocks go forward and back: the same local hours, other ones in UTC.
            ("2026-03-29T00:00:00+01:00", TenUntilEleven, "2026-03-29T08:59:59Z", false),
            ("2026-03-29T00:00:00+01:00", TenUntilEleven, "2026-03-29T09:00:00Z", true),
            ("2026-10-25T00:00:00+02:00", TenUntilEleven, "2026-10-25T09:59:59Z", false),
            ("2026-10-25T00:00:00+02:00", TenUntilEleven, "2026-10-25T10:00:00Z", true),
            ("2026-11-21T00:00:00+01:00", TwentyUntilTwentyone, "2026-11-21T20:00:00Z", true),
            ("2026-11-21T00:00:00+01:00", AllDay, "2026-11-21T22:59:59Z", false),
            ("2026-11-21T00:00:00+01:00", Unknown, "2026-11-21T22:59:59Z", false),
        ] {
            assert_eq!(is_over(date(day), &window, now.parse().unwrap()), expected, "{day} {window:?} {now}");
        }
    }
}
