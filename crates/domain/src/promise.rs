//! Until when a person was promised to hear from the bank: the time they asked for, else what the product promises.
//!
//! Only the deadline is made here. Which statuses keep it stands in `status.rs`.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use usher_contract::appointment_request::v2 as appointment;
use usher_contract::appointment_request::v2::AppointmentTime;
use usher_contract::contact_request::v1 as contact;
use usher_wire::Text;

use crate::instant;
use crate::products::{Promise, Service};

/// One request that was promised a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When it was accepted.
    pub received_at: Timestamp,
    /// Until when a contact was promised.
    pub promised_at: Option<Timestamp>,
    /// When somebody first got in touch, or tried to.
    pub first_contact_at: Option<Timestamp>,
}

/// How soon persons heard from the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Requests.
    pub count: usize,
    /// Those with a first contact.
    pub reached: usize,
    /// Median of the time to first contact, in whole seconds; of an even number, the mean of the middle two.
    pub median_seconds: Option<i64>,
    /// The shortest time within which nine of ten of the reached ones were.
    pub p90_seconds: Option<i64>,
    /// Requests whose promised time is over, or was kept before.
    pub promised: usize,
    /// Those of them with a first contact by then.
    pub kept: usize,
}

impl Figures {
    /// The figures of these requests, as they stand now.
    pub fn of(waits: &[Wait], now: Timestamp) -> Figures {
        let took = |wait: &Wait| Some(wait.first_contact_at?.duration_since(wait.received_at).as_secs());
        let mut times: Vec<i64> = waits.iter().filter_map(took).collect();
        times.sort_unstable();
        let median = times.get(times.len() / 2).map(|upper| match times.len() % 2 {
            0 => (times[times.len() / 2 - 1] + upper) / 2,
            _ => *upper,
        });
        // The nearest rank: nine tenths of the number, rounded up.
        let rank = (times.len() * 9).div_ceil(10);
        let p90 = rank.checked_sub(1).and_then(|index| times.get(index)).copied();
        let is_kept = |wait: &&Wait| {
            wait.promised_at.zip(wait.first_contact_at).is_some_and(|(promised, contact)| contact <= promised)
        };
        let is_over = |wait: &&Wait| wait.promised_at.is_some_and(|promised| promised < now);
        Figures {
            count: waits.len(),
            reached: times.len(),
            median_seconds: median,
            p90_seconds: p90,
            promised: waits.iter().filter(|wait| is_kept(wait) || is_over(wait)).count(),
            kept: waits.iter().filter(is_kept).count(),
        }
    }

    /// The kept ones by the promised ones, in ten-thousandths, rounded to the nearest.
    pub fn kept_ten_thousandths(&self) -> Option<i64> {
        let promised = i64::try_from(self.promised).ok().filter(|promised| *promised > 0)?;
        Some((i64::try_from(self.kept).ok()? * 20_000 + promised) / (2 * promised))
    }
}

/// Days after which the search for service hours ends: a service of one minute a week would go on for centuries.
const SEARCH_DAYS_MAX: u32 = 3_660;

/// Until when the bank has to get in touch: at the time that was asked for, if it was one and still lies ahead, else when
/// the product's hours are over.
pub fn promised_at(promise: &Promise, asked: Option<Timestamp>, received_at: Timestamp) -> Timestamp {
    if let Some(asked) = asked.filter(|asked| *asked > received_at) {
        return asked;
    }
    let hours = SignedDuration::from_hours(promise.hours.into());
    match &promise.service {
        None => received_at.checked_add(hours).unwrap_or(Timestamp::MAX),
        Some(service) => service_end(service, received_at, hours),
    }
}

/// The time a contact request asks for.
pub fn asked_by_contact_request<'a, S: Text<'a>>(request: &contact::Request<S>) -> Option<Timestamp> {
    match request.recontact.as_ref()? {
        contact::Recontact::At(wish) => instant::timestamp(wish.at.as_str()),
        contact::Recontact::AsSoonAsPossible(_) => None,
    }
}

/// The time an appointment request asks for: the beginning of the earlier of its windows that is not over yet.
pub fn asked_by_appointment_request<'a, S: Text<'a>>(
    request: &appointment::Request<S>,
    received_at: Timestamp,
) -> Option<Timestamp> {
    let wish = &request.contact_request;
    let windows = [
        (wish.primary_appointment_date, wish.primary_appointment_time.as_ref()),
        (wish.secondary_appointment_date, wish.secondary_appointment_time.as_ref()),
    ];
    let begin = |(date, time): (Option<i64>, Option<&AppointmentTime>)| window_begin(date?, time?);
    windows.into_iter().filter_map(begin).filter(|begin| *begin > received_at).min()
}

/// When a window begins. Where the part of the day is open, the day begins with the first part that has a name.
fn window_begin(unix_milliseconds: i64, time: &AppointmentTime) -> Option<Timestamp> {
    let hour = match time {
        AppointmentTime::AllDay | AppointmentTime::Unknown | AppointmentTime::EightToTwelve => 8,
        AppointmentTime::TenUntilEleven => 10,
        AppointmentTime::ElevenUntilTwelve => 11,
        AppointmentTime::TwelveToSixteen | AppointmentTime::TwelveUntilThirteen => 12,
        AppointmentTime::ThirteenUntilFourteen => 13,
        AppointmentTime::FourteenUntilFifteen => 14,
        AppointmentTime::FifteenUntilSixteen => 15,
        AppointmentTime::SixteenToNineteen | AppointmentTime::SixteenUntilSeventeen => 16,
        AppointmentTime::SeventeenUntilEighteen => 17,
        AppointmentTime::EighteenUntilNineteen => 18,
        AppointmentTime::NineteenUntilTwenty => 19,
        AppointmentTime::TwentyUntilTwentyone => 20,
    };
    let day = instant::berlin_day(Timestamp::from_millisecond(unix_milliseconds).ok()?);
    local(day, hour * 60, instant::berlin())
}

/// When so much service time has passed since `begin`. Hours are real ones: on the day a clock is set forward within the
/// service, there is one less of them.
fn service_end(service: &Service, begin: Timestamp, duration: SignedDuration) -> Timestamp {
    let mut left = duration;
    let mut reached = begin;
    let mut day = service.zone.to_datetime(begin).date();
    for _ in 0..SEARCH_DAYS_MAX {
        let is_open = service.days[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())];
        let opens = local(day, service.from_minute.into(), &service.zone);
        let closes = local(day, service.to_minute.into(), &service.zone);
        if let (true, Some(opens), Some(closes)) = (is_open, opens, closes) {
            let from = opens.max(begin);
            let open = closes.duration_since(from);
            if open >= left {
                return from.checked_add(left).unwrap_or(Timestamp::MAX);
            }
            if open > SignedDuration::ZERO {
                left -= open;
                reached = closes;
            }
        }
        match day.tomorrow() {
            Ok(tomorrow) => day = tomorrow,
            Err(_) => break,
        }
    }
    reached
}

/// The instant of a minute of a day. One that a clock set forward skips is as much later; of one that comes twice, the
/// first.
fn local(day: Date, minute: i32, zone: &TimeZone) -> Option<Timestamp> {
    let time = day.to_datetime(Time::midnight()).checked_add(minute.minutes()).ok()?;
    zone.to_ambiguous_timestamp(time).compatible().ok()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;
    use serde_json::{Value, json};

    use super::*;
    use crate::test_support::{decided, schema, with};

    const WEEK: [bool; 7] = [true, true, true, true, true, false, false];

    fn service(days: [bool; 7], from: u16, to: u16) -> Service {
        let zone = TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
        Service { days, from_minute: from * 60, to_minute: to * 60, zone }
    }

    #[track_caller]
    fn check(hours: u16, service: Option<Service>, received_at: &str, expected: &str) {
        let promised = promised_at(&Promise { hours, service }, None, received_at.parse().unwrap());
        assert_eq!(promised, expected.parse::<Timestamp>().unwrap());
    }

    #[test]
    fn without_service_hours_the_clock_never_stops() {
        check(4, None, "2026-11-20T22:30:00Z", "2026-11-21T02:30:00Z");
        check(2160, None, "2026-11-20T22:30:00Z", "2027-02-18T22:30:00Z");
    }

    // shows: KB-008, KB-015
    #[test]
    fn only_service_hours_count() {
        let office = || Some(service(WEEK, 9, 17));
        // A Friday in Berlin, an hour ahead of UTC: within, across the weekend, before it opens, and on a Saturday.
        check(4, office(), "2026-11-20T09:00:00Z", "2026-11-20T13:00:00Z");
        check(8, office(), "2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z");
        check(2, office(), "2026-11-20T05:00:00Z", "2026-11-20T10:00:00Z");
        check(2, office(), "2026-11-20T16:00:00Z", "2026-11-23T10:00:00Z");
        check(2, office(), "2026-11-21T12:00:00Z", "2026-11-23T10:00:00Z");
        check(8, office(), "2026-11-23T08:00:00Z", "2026-11-23T16:00:00Z");
        check(40, office(), "2026-11-23T08:00:00Z", "2026-11-27T16:00:00Z");
        check(24, Some(service([true; 7], 0, 24)), "2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z");
    }

    #[test]
    fn a_clock_that_is_set_changes_no_number_of_hours() {
        // In Berlin 2026-03-29 has 23 hours and 2026-10-25 has 25.
        check(24, Some(service([true; 7], 0, 24)), "2026-03-28T23:00:00Z", "2026-03-29T23:00:00Z");
        check(24, Some(service([true; 7], 0, 24)), "2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z");
        check(8, Some(service([true; 7], 9, 17)), "2026-03-28T08:00:00Z", "2026-03-28T16:00:00Z");
        check(8, Some(service([true; 7], 9, 17)), "2026-03-28T12:00:00Z", "2026-03-29T11:00:00Z");
        check(8, Some(service([true; 7], 9, 17)), "2026-10-24T11:00:00Z", "2026-10-25T12:00:00Z");
    }

    #[test]
    fn a_service_that_hardly_ever_opens_ends_the_search() {
        let rarely = Service { to_minute: 541, ..service([false, false, true, false, false, false, false], 9, 17) };
        let promised = promised_at(&Promise { hours: 2160, service: Some(rarely) }, None, crate::test_support::now());
        assert!(
            promised > "2036-01-01T00:00:00Z".parse().unwrap() && promised < "2037-01-01T00:00:00Z".parse().unwrap()
        );
    }

    #[test]
    fn figures_are_those_of_the_book() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let wait = |contact: Option<i64>, promised: Option<i64>| Wait {
            received_at: at(0),
            promised_at: promised.map(at),
            first_contact_at: contact.map(at),
        };
        let none = Figures::of(&[], at(60));
        assert_eq!(
            (none.count, none.median_seconds, none.p90_seconds, none.kept_ten_thousandths()),
            (0, None, None, None)
        );
        // Kept at the last moment, kept early while not yet due, broken late, broken so far, not due, never promised.
        let waits = [
            wait(Some(10), Some(10)),
            wait(Some(30), Some(90)),
            wait(Some(20), Some(10)),
            wait(None, Some(59)),
            wait(None, Some(60)),
            wait(Some(50), None),
        ];
        let figures = Figures::of(&waits, at(60));
        assert_eq!((figures.count, figures.reached, figures.promised, figures.kept), (6, 4, 4, 2));
        assert_eq!((figures.median_seconds, figures.p90_seconds), (Some(25 * 60), Some(50 * 60)));
        assert_eq!(figures.kept_ten_thousandths(), Some(5_000));
        let ten: Vec<Wait> = (1..=10).map(|minute| wait(Some(minute), Some(3))).collect();
        let figures = Figures::of(&ten, at(60));
        assert_eq!((figures.median_seconds, figures.p90_seconds), (Some(330), Some(9 * 60)));
        let third = Figures { promised: 3, kept: 2, ..figures };
        assert_eq!(third.kept_ten_thousandths(), Some(6_667));
    }

    #[test]
    fn a_time_that_was_asked_for_is_the_promise_unless_it_is_over() {
        let promise = Promise { hours: 1, service: None };
        let received_at = crate::test_support::now();
        let later = "2026-12-01T08:00:00Z".parse().unwrap();
        assert_eq!(promised_at(&promise, Some(later), received_at), later);
        let over = Some(received_at);
        assert_eq!(promised_at(&promise, over, received_at), "2026-11-21T13:00:00Z".parse().unwrap());
    }

    // shows: KB-016
    #[test]
    fn a_contact_request_asks_for_the_time_of_its_recontact() {
        let body = schema("contact_request/v1/examples/valid/request/general.json");
        let asked = |recontact: Value| {
            let mut body = body.clone();
            body["recontact"] = recontact;
            decided::<contact::Request, _>(&body, |accept| asked_by_contact_request(accept.request))
        };
        assert_eq!(asked(json!({"mode": "AS_SOON_AS_POSSIBLE"})), None);
        let at = json!({"mode": "AT", "at": "2099-03-01T09:30:00+01:00"});
        assert_eq!(asked(at), Some("2099-03-01T08:30:00Z".parse().unwrap()));
    }

    #[test]
    fn an_appointment_request_asks_for_the_beginning_of_its_earlier_window() {
        let body = schema("appointment_request/v2/examples/valid/request/minimal.json");
        let day = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let asked = |windows: [Option<(i64, &str)>; 2]| {
            let mut body = body.clone();
            for (name, window) in ["primary", "secondary"].into_iter().zip(windows) {
                let Some((date, time)) = window else { continue };
                body = with(&body, &format!("/contactRequest/{name}AppointmentDate"), date.into());
                body = with(&body, &format!("/contactRequest/{name}AppointmentTime"), time.into());
            }
            decided::<appointment::Request, _>(&body, |accept| {
                asked_by_appointment_request(accept.request, accept.now).map(|asked| asked.to_string())
            })
        };
        // Any time of the day stands for the day in Berlin, where the first of these is the 2nd of June already.
        let summer = day("2099-06-01T23:30:00Z");
        let winter = day("2099-01-05T12:00:00Z");
        assert_eq!(asked([None, None]), None);
        assert_eq!(asked([Some((summer, "TEN_UNTIL_ELEVEN")), None]).unwrap(), "2099-06-02T08:00:00Z");
        assert_eq!(asked([Some((summer, "ALL_DAY")), None]).unwrap(), "2099-06-02T06:00:00Z");
        let both = [Some((summer, "ALL_DAY")), Some((winter, "SIXTEEN_TO_NINETEEN"))];
        assert_eq!(asked(both).unwrap(), "2099-01-05T15:00:00Z");
        // It is one o'clock in Berlin: the morning of today is over, the evening is not.
        let today = day("2026-11-21T09:00:00Z");
        assert_eq!(asked([Some((today, "EIGHT_TO_TWELVE")), None]), None);
        let both = [Some((today, "EIGHT_TO_TWELVE")), Some((today, "EIGHTEEN_UNTIL_NINETEEN"))];
        assert_eq!(asked(both).unwrap(), "2026-11-21T17:00:00Z");
    }
}
