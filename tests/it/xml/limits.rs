//! The limits of the gateway, at and one past, and documents made to cost much.

use std::time::{Duration, Instant};

use usher_wire::Mode;

use super::twin::{CONSTRUCTION, FINANCING, INSTANCE};
use super::verdict_of_xml;
use crate::contract::examples::facts;

/// No document may cost more, even unoptimised on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(2);

const BYTES_MAX: usize = 256 * 1024;

fn document(attributes: &str, content: &str) -> String {
    format!("<c:appointmentRequest xmlns:c=\"{CONSTRUCTION}\"{attributes}>{content}</c:appointmentRequest>")
}

/// The code of what cannot be read, if that is so.
#[track_caller]
fn code(xml: &str) -> Option<&'static str> {
    let begun = Instant::now();
    let found = verdict_of_xml(xml.as_bytes(), Mode::Tolerant, &facts());
    assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
    found.err().map(|unreadable| unreadable.code)
}

fn nested(levels: usize) -> String {
    format!("{}x{}", "<a>".repeat(levels), "</a>".repeat(levels))
}

#[test]
fn documents_are_nested_as_deep_as_in_json() {
    // The root is one level; the innermost element holds text, which is none.
    assert_eq!(code(&document("", &nested(32))), None);
    assert_eq!(code(&document("", &nested(33))), Some("depth"));
    // Elements that are an array are a level more; an attribute makes an object of the innermost.
    let two = |levels| document("", &format!("{}<b>1</b>", nested(levels)).replace("<b>1</b>", &nested(levels)));
    assert_eq!(code(&two(31)), None);
    assert_eq!(code(&two(32)), Some("depth"));
    let with_attribute = |levels| document("", &nested(levels).replacen("<a>x", "<a b=\"1\">x", 1));
    assert_eq!(code(&with_attribute(31)), None);
    assert_eq!(code(&with_attribute(32)), Some("depth"));
}

#[test]
fn a_document_has_the_size_of_a_body() {
    let length = document("", "<a></a>").len();
    let of = |bytes: usize| document("", &format!("<a>{}</a>", "x".repeat(bytes - length)));
    assert_eq!(code(&of(BYTES_MAX)), None);
    assert_eq!(code(&of(BYTES_MAX + 1)), Some("body_too_large"));
}

#[test]
fn numbers_have_as_many_digits_and_exponents_as_in_json() {
    let income = |text: &str| document("", &format!("<contactRequest><netIncome>{text}</netIncome></contactRequest>"));
    assert_eq!(code(&income(&"1".repeat(128))), None);
    assert_eq!(code(&income(&"1".repeat(129))), Some("number_size"));
    assert_eq!(code(&income(&format!("&#49;{}", "1".repeat(128)))), Some("number_size"));
    assert_eq!(code(&income("1e400")), None);
    assert_eq!(code(&income("1e401")), Some("number_size"));
    // What is no number is text, however long.
    assert_eq!(code(&income(&format!("{}x", "1".repeat(200)))), None);
    let surname = format!("<contactRequest><surname>{}</surname></contactRequest>", "1".repeat(200));
    assert_eq!(code(&document("", &surname)), None);
}

#[test]
fn an_element_has_so_many_attributes_and_namespaces() {
    let attributes = |count: usize| (0..count).map(|number| format!(" a{number}=\"\"")).collect::<String>();
    // One declares the namespace of the root.
    assert_eq!(code(&document(&attributes(255), "")), None);
    assert_eq!(code(&document(&attributes(256), "")), Some("markup_size"));
    let namespaces = |count: usize| (0..count).map(|number| format!(" xmlns:n{number}=\"n\"")).collect::<String>();
    assert_eq!(code(&document(&namespaces(63), "")), None);
    assert_eq!(code(&document(&namespaces(64), "")), Some("markup_size"));
    let nested = format!("<a{}><b{}/></a>", namespaces(40), namespaces(24));
    assert_eq!(code(&document("", &nested)), Some("markup_size"));
    let side_by_side = format!("<a{}/><b{}/>", namespaces(40), namespaces(40));
    assert_eq!(code(&document("", &side_by_side)), None);
}

#[test]
fn no_document_costs_much() {
    let fill = |unit: &str| unit.repeat((BYTES_MAX - 1024) / unit.len());
    let tagged = format!(
        "<contactRequest><financingTerms><financing xmlns:f=\"{FINANCING}\" xmlns:i=\"{INSTANCE}\" i:type=\"f:PurchaseFinancing\">{}</financing></financingTerms></contactRequest>",
        fill("<a/>")
    );
    let numbered: String = (0..20_000).map(|number| format!("<e{number}/>")).collect();
    let attributes: String = (0..100)
        .map(|line| {
            let all: String = (0..200).map(|number| format!(" a{number}=\"\"")).collect();
            format!("<b{line}{all}/>")
        })
        .collect();
    for content in [
        fill("<a/>"),
        fill("<referredOffers/>"),
        fill("<referredOffers/><a/>"),
        fill("<referredOffers><providerId>1</providerId></referredOffers>"),
        fill("<!---->"),
        fill("<![CDATA[]]>"),
        fill("&#13;"),
        fill("&amp;"),
        fill("]"),
        fill("\u{ff5e}"),
        fill("<a"),
        fill("<"),
        fill("&"),
        format!("&{}", "a".repeat(BYTES_MAX - 1024)),
        fill("<a>"),
        fill("<a>x</a>"),
        tagged,
        numbered,
        attributes,
    ] {
        assert!(content.len() < BYTES_MAX, "{}", content.len());
        code(&document("", &content));
    }
    code(&document("", "<!--"));
    code(&document("", "<![CDATA["));
}
