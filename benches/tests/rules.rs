//! The benchmark of the rules, on a small input, so that it cannot rot; and what does not depend on the machine.

use usher_benches::rules::{CODES, LIST_BYTES_MAX, Plan, load_list, measure};

#[test]
fn every_step_is_measured() {
    let plan = Plan { documents: 1, rounds: 1, requests: 1 };
    let table = measure(&plan, None, &std::env::temp_dir()).expect("a table");
    assert_eq!(table.lines.len(), 5);
    assert!(table.lines.iter().all(|line| line.numbers[0].is_some_and(|micros| micros >= 0.0)), "{table}");
}

#[test]
fn a_hundred_thousand_codes_take_at_most_20_mb() {
    let (bytes, _) = load_list(CODES).expect("a list");
    assert!(bytes <= LIST_BYTES_MAX, "{bytes} bytes");
}
