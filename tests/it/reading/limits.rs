//! Every limit of the gateway at the limit and one past it, each refusal with its code and its exact place; and documents made
//! to cost much: how much of them is read, kept and reported is bounded, whatever their size.

use usher_contract::contact_request::v1::{Request, Withdrawal};
use usher_wire::{Json, Limits, Message, Mode, Parsed, Unreadable, parse};

use super::{canonical_text, options};

const GATEWAY: Limits = Limits::GATEWAY;

fn read<'a, T: Message<'a>>(text: &'a str, mode: Mode) -> Result<Parsed<T>, Unreadable> {
    parse(text.as_bytes(), &options(mode, GATEWAY))
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// An object of `count` members that no contract names: `{"m0":0,"m1":0}`.
fn unnamed(count: usize) -> String {
    let members: Vec<String> = (0..count).map(|index| format!("\"m{index}\":0")).collect();
    format!("{{{}}}", members.join(","))
}

/// Every row is read as any JSON and stepped over as the wrong type of a contract: the place is the same.
#[test]
fn each_refusal_has_its_code_and_its_exact_place() {
    let past_the_body = " ".repeat(GATEWAY.body_bytes_max + 1);
    let rows: &[(&[u8], &str, usize, usize, usize)] = &[
        (b"", "syntax", 0, 1, 1),
        (b" \n\n ", "syntax", 4, 3, 2),
        (b"\xef\xbb\xbf{}", "syntax", 0, 1, 1),
        (b"[1] x", "syntax", 4, 1, 5),
        (b"[1][2]", "syntax", 3, 1, 4),
        (b"[1,\n tru]", "syntax", 5, 2, 2),
        ("[\r\n\"é\" 1]".as_bytes(), "syntax", 8, 2, 5),
        (b"[1,]", "syntax", 3, 1, 4),
        (b"[\"a\0\"]", "syntax", 3, 1, 4),
        (b"[\"a\nb\"]", "syntax", 3, 1, 4),
        (b"[\"\\x\"]", "syntax", 2, 1, 3),
        (b"[\"\\u00g0\"]", "syntax", 2, 1, 3),
        (b"[\"open", "syntax", 6, 1, 7),
        (b"[1, 01]", "syntax", 4, 1, 5),
        (b"[1, -]", "syntax", 4, 1, 5),
        (b"[1, 2.]", "syntax", 4, 1, 5),
        (b"[NaN]", "syntax", 1, 1, 2),
        (b"[\n\"\xff\"]", "utf8", 3, 2, 2),
        (b"[\"\xc3\"]", "utf8", 2, 1, 3),
        (b"[\"\xc0\xaf\"]", "utf8", 2, 1, 3),
        (b"[\"\xed\xa0\x80\"]", "utf8", 2, 1, 3),
        (b"\xff\xfe[\0]\0", "utf8", 0, 1, 1),
        (b"[{\"a\":1,\"b\":2,\"\\u0061\":3}]", "duplicate_key", 24, 1, 25),
        ("[\"é\\ud800\"]".as_bytes(), "surrogate", 4, 1, 4),
        (b"[\"\\ud800\\u0041\"]", "surrogate", 2, 1, 3),
        (b"[\"\\udc00\\ud800\"]", "surrogate", 2, 1, 3),
        (b"[\"a\\u0000\"]", "nul", 3, 1, 4),
        (b"[{\"\\u0000\":1}]", "nul", 3, 1, 4),
        (b"[0,\n1e401]", "number_size", 4, 2, 1),
        (past_the_body.as_bytes(), "body_too_large", 0, 1, 1),
    ];
    for (bytes, code, offset, line, column) in rows {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
        for found in [
            canonical_text(bytes, GATEWAY).expect_err(&shown),
            parse::<Withdrawal>(bytes, &options(Mode::Strict, GATEWAY)).expect_err(&shown),
        ] {
            assert_eq!(
                (found.code, found.offset, found.line, found.column),
                (*code, *offset, *line, *column),
                "{shown:?}"
            );
        }
    }
}

#[test]
fn a_name_that_stands_twice_is_refused_wherever_it_stands() {
    for (text, offset) in [
        // A name of the contract: at its second colon.
        (r#"{"reason":"a","reason":"b"}"#, 22),
        (r#"{"reason":"a","re\u0061son" :"b"}"#, 28),
        // Another name: at the brace that closes the object.
        (r#"{"a":1,"reason":"b","a":2}"#, 25),
        (r#"{"a":{"b":1,"b":2}}"#, 17),
    ] {
        for mode in [Mode::Strict, Mode::Tolerant, Mode::Answer] {
            let found = read::<Withdrawal>(text, mode).expect_err(text);
            assert_eq!((found.code, found.offset), ("duplicate_key", offset), "{text}");
        }
    }
    // The member that tells variants apart is read ahead, and its twin is found all the same.
    let twice = r#"{"subject":{"productType":"GENERAL","intent":"ARRANGE","productType":"GENERAL"}}"#;
    assert_eq!(read::<Request>(twice, Mode::Strict).unwrap_err().code, "duplicate_key");
    // The same name in two objects is no twin.
    assert!(canonical_text(br#"{"a":{"a":1},"b":{"a":1}}"#, GATEWAY).is_ok());
}

#[test]
fn nesting_ends_at_32() {
    assert!(canonical_text(nested(32).as_bytes(), GATEWAY).is_ok());
    for depth in [33, 100_000] {
        let found = canonical_text(nested(depth).as_bytes(), GATEWAY).unwrap_err();
        assert_eq!((found.code, found.offset, found.column), ("depth", 32, 33));
    }
    // Objects count like arrays, and inside a member that a strict application may not send.
    for (inner, readable) in [(31, true), (32, false)] {
        let text = format!("{{\"more\":{}}}", nested(inner));
        for mode in [Mode::Strict, Mode::Tolerant] {
            assert_eq!(read::<Withdrawal>(&text, mode).is_ok(), readable, "{inner}");
        }
    }
    // A closed array is no depth: siblings do not add up.
    assert!(canonical_text(format!("[{0},{0},{0}]", nested(31)).as_bytes(), GATEWAY).is_ok());
}

#[test]
fn a_body_ends_at_256_kib() {
    assert_eq!(GATEWAY.body_bytes_max, 262_144);
    for (letters, readable) in [(262_142, true), (262_143, false)] {
        let text = format!("\"{}\"", "x".repeat(letters));
        assert_eq!(canonical_text(text.as_bytes(), GATEWAY).is_ok(), readable, "{letters}");
    }
}

#[test]
fn a_number_ends_at_128_digits_and_at_exponent_400() {
    let readable = |text: &str| match canonical_text(text.as_bytes(), GATEWAY) {
        Ok(canonical) => Ok(canonical),
        Err(unreadable) => Err((unreadable.code, unreadable.offset)),
    };
    let refused = |text: &str| assert_eq!(readable(text), Err(("number_size", 0)), "{text}");
    for digits in ["7".repeat(128), format!("-{}", "7".repeat(128)), format!("{}.{}", "7".repeat(60), "7".repeat(68))] {
        assert_eq!(readable(&digits), Ok(digits.clone()));
        refused(&format!("{digits}7"));
        refused(&format!("{digits}0e1"));
    }
    // Zeros are digits too: it is the length of the text that costs.
    assert!(readable(&format!("0.{}", "0".repeat(127))).is_ok());
    refused(&format!("0.{}", "0".repeat(128)));
    for sign in ["", "+", "-"] {
        assert!(readable(&format!("1e{sign}400")).is_ok());
        assert!(readable(&format!("1E{sign}0000400")).is_ok());
        refused(&format!("1e{sign}401"));
        refused(&format!("1e{sign}99999999999999999999999999"));
        refused(&format!("0e{sign}401"));
    }
    assert_eq!(readable("1e400"), Ok(format!("1{}", "0".repeat(400))));
    assert_eq!(readable("1e-400"), Ok(format!("0.{}1", "0".repeat(399))));
}

#[test]
fn fifty_violations_are_listed_and_the_fifty_first_is_said_to_exist() {
    for (count, listed, truncated) in [(49, 49, false), (50, 50, false), (51, 50, true), (5_000, 50, true)] {
        let text = unnamed(count);
        let violations = read::<Withdrawal>(&text, Mode::Strict).unwrap().violations;
        assert_eq!((violations.list.len(), violations.truncated), (listed, truncated), "{count}");
        // The first ones, in the order of the document.
        for (index, violation) in violations.list.iter().enumerate() {
            assert_eq!((violation.pointer.as_str(), violation.code), (format!("/m{index}").as_str(), "unknown_member"));
        }
    }
}

#[test]
fn fifty_warnings_are_listed_and_every_member_is_kept() {
    for count in [49, 50, 51, 5_000] {
        let text = unnamed(count);
        let parsed = read::<Withdrawal>(&text, Mode::Tolerant).unwrap();
        assert_eq!(parsed.warnings.len(), count.min(50));
        assert!(parsed.warnings.iter().all(|warning| warning.code == "unknown_member"));
        let (checked, _) = parsed.into_result().unwrap();
        assert_eq!(checked.unknown.members().len(), count);
    }
}

/// As many members as a body holds, and one more of a name that was there: found by sorting, not by comparing each with each.
#[test]
fn one_twin_among_tens_of_thousands_of_names_is_found() {
    let count = 20_000;
    let text = unnamed(count);
    assert!(text.len() < GATEWAY.body_bytes_max);
    let twin = format!("{},\"m0\":0}}", &text[..text.len() - 1]);
    for mode in [Mode::Strict, Mode::Tolerant, Mode::Answer] {
        assert!(read::<Withdrawal>(&text, mode).is_ok());
        assert!(read::<Json>(&text, mode).is_ok());
        assert_eq!(read::<Withdrawal>(&twin, mode).unwrap_err().code, "duplicate_key");
        assert_eq!(read::<Json>(&twin, mode).unwrap_err().code, "duplicate_key");
    }
}

/// What is reported about a body has a size of its own, not that of the body.
#[test]
fn reports_stay_small_whatever_the_body() {
    let long = "n".repeat(200_000);
    let loans = ["[]"; 60_000].join(",");
    let escapes = "\\u0041".repeat(20_000);
    let bodies = [
        unnamed(20_000),
        format!("{{\"{long}\":1}}"),
        format!("{{\"person\":{{\"{long}\":1}}}}"),
        format!("{{\"subject\":{{\"productType\":\"{long}\"}}}}"),
        format!("{{\"subject\":{{\"productType\":\"LOAN_CONSOLIDATION\",\"loans\":[{loans}]}}}}"),
        format!("{{\"message\":\"{escapes}\",\"email\":\"{escapes}\"}}"),
        format!("{{\"{escapes}\":1}}"),
    ];
    for body in &bodies {
        assert!(body.len() <= GATEWAY.body_bytes_max);
        for mode in [Mode::Strict, Mode::Tolerant] {
            let parsed = read::<Request>(body, mode).unwrap();
            let violations = parsed.violations.list.iter().map(|violation| {
                violation.pointer.len()
                    + violation.message.len()
                    + violation.limit.as_ref().map_or(0, |limit| limit.len())
            });
            let warnings = parsed.warnings.iter().map(|warning| warning.pointer.len() + warning.message.len());
            let bytes = violations.chain(warnings).sum::<usize>();
            assert!(bytes < 16 * 1024, "{bytes} bytes about {}", &body[..40]);
        }
    }
}

#[test]
fn a_string_of_escapes_is_its_characters() {
    let text = format!("\"{}\"", "\\ud83d\\ude00\\n".repeat(18_000));
    let canonical = canonical_text(text.as_bytes(), GATEWAY).unwrap();
    assert_eq!(canonical, format!("\"{}\"", "\u{1f600}\\n".repeat(18_000)));
}
