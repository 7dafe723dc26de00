//! What is tried again, when, and for how long. The clock stands still; only pauses move it.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{RetryPolicy, TimeLimits, repeat};
use crate::error::NetworkFault;
use crate::http::{Fault, Response};

fn answer(status: u16, retry_after_seconds: Option<u64>) -> Result<Response, Fault> {
    let retry_after = retry_after_seconds.map(Duration::from_secs);
    Ok(Response { status, retry_after, location: None, is_replayed: false, body: Vec::new() })
}

fn fault(kind: NetworkFault) -> Result<Response, Fault> {
    Err(Fault { kind, cause: None, source: None })
}

/// Runs a call whose attempts end as `outcomes` say, then in 201. Returns the status (or 0), the attempts and the time.
async fn run(policy: RetryPolicy, is_repeatable: bool, outcomes: Vec<Result<Response, Fault>>) -> (u16, u32, Duration) {
    let begun = Instant::now();
    let outcomes = RefCell::new(outcomes.into_iter());
    let attempt = || std::future::ready(outcomes.borrow_mut().next().unwrap_or_else(|| answer(201, None)));
    let (outcome, attempt_count) = repeat(&TimeLimits::default(), &policy, is_repeatable, attempt).await;
    (outcome.map_or(0, |response| response.status), attempt_count, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn trouble_that_passes_is_tried_again() {
    type Outcome = fn() -> Result<Response, Fault>;
    let cases: [(Outcome, bool); 19] = [
        (|| fault(NetworkFault::Connect), true),
        (|| fault(NetworkFault::Timeout), true),
        (|| fault(NetworkFault::Interrupted), true),
        (|| fault(NetworkFault::Tls), false),
        (|| answer(408, None), true),
        (|| answer(409, Some(1)), true),
        (|| answer(409, None), false),
        (|| answer(429, None), true),
        (|| answer(502, None), true),
        (|| answer(503, Some(5)), true),
        (|| answer(504, None), true),
        (|| answer(200, Some(1)), false),
        (|| answer(307, Some(1)), false),
        (|| answer(400, Some(1)), false),
        (|| answer(401, None), false),
        (|| answer(404, None), false),
        (|| answer(422, Some(1)), false),
        (|| answer(500, None), false),
        (|| answer(501, Some(1)), false),
    ];
    for (index, (outcome, is_tried_again)) in cases.into_iter().enumerate() {
        let (status, attempt_count, _) = run(RetryPolicy::default(), true, vec![outcome()]).await;
        let expected = if is_tried_again { (201, 2) } else { (outcome().map_or(0, |answer| answer.status), 1) };
        assert_eq!((status, attempt_count), expected, "case {index}");
        let (_, attempt_count, _) = run(RetryPolicy::default(), false, vec![outcome()]).await;
        assert_eq!(attempt_count, 1, "what may duplicate is sent once, case {index}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_of_attempts_is_bounded_and_the_last_outcome_told() {
    for attempt_count_max in [1, 2, 5] {
        let policy = RetryPolicy { attempt_count_max, ..RetryPolicy::default() };
        let outcomes = (0..10).map(|_| answer(503, None)).collect();
        let (status, attempt_count, _) = run(policy, true, outcomes).await;
        assert_eq!((status, attempt_count), (503, attempt_count_max));
    }
    let (_, attempt_count, _) = run(RetryPolicy::never(), true, vec![answer(503, None)]).await;
    assert_eq!(attempt_count, 1);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_but_not_for_ever() {
    let (status, attempt_count, took) = run(RetryPolicy::default(), true, vec![answer(503, Some(7))]).await;
    assert_eq!((status, attempt_count), (201, 2));
    assert!(took >= Duration::from_secs(7) && took <= Duration::from_millis(7_251), "{took:?}");

    for seconds in [31, 3_600, u64::MAX] {
        let (status, attempt_count, took) = run(RetryPolicy::default(), true, vec![answer(429, Some(seconds))]).await;
        assert_eq!((status, attempt_count, took), (429, 1, Duration::ZERO), "{seconds} s are the caller's to wait");
    }
}

#[test]
fn pauses_double_up_to_the_longest_and_are_drawn_from_all_of_it() {
    let policy = RetryPolicy { attempt_count_max: u32::MAX, ..RetryPolicy::default() };
    let pause =
        |attempt_count, draw| policy.pause(attempt_count, &answer(503, None), draw).expect("a pause").as_millis();
    let longest: Vec<u128> = (1..=8).map(|attempt_count| pause(attempt_count, u64::MAX)).collect();
    assert_eq!(longest, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    assert_eq!(pause(3, 0), 0);
    assert_eq!(pause(3, u64::MAX / 2), 499);
    assert_eq!(pause(4_000_000_000, u64::MAX), 8_000);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_and_the_whole_call_end_in_time() {
    let limits = TimeLimits::default();
    let begun = Instant::now();
    let policy = RetryPolicy { attempt_count_max: 100, ..RetryPolicy::default() };
    let never = || async {
        sleep(Duration::from_secs(1_000_000)).await;
        answer(201, None)
    };
    let (outcome, attempt_count) = repeat(&limits, &policy, true, never).await;
    assert!(matches!(outcome, Err(Fault { kind: NetworkFault::Timeout, .. })));
    // Two of 35 s, and a third for what is left.
    assert_eq!(attempt_count, 3);
    assert!(begun.elapsed() <= limits.call_time_max, "{:?}", begun.elapsed());

    let begun = Instant::now();
    let (_, attempt_count) = repeat(&limits, &policy, false, never).await;
    assert_eq!((attempt_count, begun.elapsed()), (1, limits.attempt_time_max));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_outlasts_the_call_is_not_begun() {
    let limits = TimeLimits { call_time_max: Duration::from_secs(20), ..TimeLimits::default() };
    let begun = Instant::now();
    let busy = || std::future::ready(answer(503, Some(15)));
    let (outcome, attempt_count) = repeat(&limits, &RetryPolicy::default(), true, busy).await;
    assert_eq!((outcome.map_or(0, |answer| answer.status), attempt_count), (503, 2));
    assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
}
