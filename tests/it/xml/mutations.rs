//! Random documents: JSON and XML say the same of each, and bytes changed at random are refused or read, as another parser
//! does.

use usher_wire::Mode;

use super::twin::{self, Json};
use super::{verdict, verdict_of_xml};
use crate::contract::examples::{examples, facts};
use usher_testkit::random::{Random, seed};

const DOCUMENTS: usize = 10_000;

/// Texts that mean something in one of the forms.
const TEXTS: [&str; 30] = [
    "",
    " ",
    "x",
    "true",
    "false",
    "0",
    "1",
    "-0",
    "1.50",
    "2e3",
    "01",
    "+1",
    ".5",
    "5.",
    "1,5",
    " 7 ",
    "<",
    "&amp;",
    "]]>",
    "\"",
    "\\",
    "a\tb\nc",
    "a\r\nb",
    "é",
    "\u{ff5e}",
    "😀",
    "EMPLOYED",
    "10115",
    "1276009001002",
    "4081449600000",
];

/// Changes one place of a document, so that both forms still can say it.
fn mutate(value: &mut Json, random: &mut Random) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            let at = random.below(members.len());
            match random.below(12) {
                0 if members.len() > 1 => drop(members.remove(at)),
                1 if !members.iter().any(|(name, _)| name == "extra") => {
                    let text = Json::Text(TEXTS[random.below(TEXTS.len())].to_owned());
                    let extra = match random.below(3) {
                        0 => Json::Object(vec![("inner".to_owned(), text)]),
                        1 => Json::Array(vec![text.clone(), text]),
                        _ => text,
                    };
                    members.push(("extra".to_owned(), extra));
                }
                _ => mutate(&mut members[at].1, random),
            }
        }
        Json::Array(items) => {
            let at = random.below(items.len());
            match random.below(4) {
                0 => {
                    let item = items[at].clone();
                    items.extend(std::iter::repeat_n(item, random.below(22)));
                }
                _ => mutate(&mut items[at], random),
            }
        }
        Json::Text(text) => *text = TEXTS[random.below(TEXTS.len())].to_owned(),
        Json::Bare(text) if text == "true" || text == "false" => *text = ["true", "false"][random.below(2)].to_owned(),
        Json::Bare(text) => {
            *text =
                ["0", "-1", "1", "2.5", "100", "100.0001", "1e3", "0.005", "4081449600000"][random.below(9)].to_owned();
        }
        _ => {}
    }
}

/// The document with its siblings in another order. Those that the schema does not name keep theirs: they are told in it.
fn shuffled(object: &str, value: &Json, random: &mut Random) -> Json {
    match value {
        Json::Object(members) => {
            let members: Vec<(String, Json)> =
                members.iter().map(|(name, value)| (name.clone(), shuffled(name, value, random))).collect();
            let is_unknown = |member: &(String, Json)| twin::is_unknown(object, &member.0);
            let mut order: Vec<usize> = (0..members.len()).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at + 1));
            }
            let mut unknown = members.iter().filter(|member| is_unknown(member));
            let next = |at: usize| if is_unknown(&members[at]) { unknown.next() } else { Some(&members[at]) };
            Json::Object(order.into_iter().filter_map(next).cloned().collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| shuffled(object, item, random)).collect()),
        other => other.clone(),
    }
}

/// The document with white space or comments that mean nothing.
fn noisy(xml: &str, random: &mut Random) -> String {
    let noise = ["\n  ", "<!-- a comment -->", "\t\r\n", ""][random.below(4)];
    // Between an end tag and the next tag stands no text of ours.
    xml.replace("><c", &format!(">{noise}<c")).replace("></c:", &format!(">{noise}</c:"))
}

/// The examples that have one verdict in both forms as they are.
fn bodies() -> Vec<Json> {
    let all = ["valid", "invalid"].map(|kind| examples("appointment_request/v2", kind, "request"));
    let body = |example: &crate::contract::examples::Example| match example.path.contains("/valid/") {
        true => Json::parse(&example.text),
        false => Json::parse(&crate::contract::examples::body_of(example)),
    };
    let facts = facts();
    let agrees = |body: &Json| {
        let json = verdict(body.to_text().as_bytes(), Mode::Strict, &facts);
        twin::of(body).is_some_and(|xml| verdict_of_xml(xml.as_bytes(), Mode::Strict, &facts) == json)
    };
    all.iter().flatten().map(body).map(|body| twin::in_order("", &twin::typed(&body))).filter(agrees).collect()
}

#[test]
fn random_documents_have_one_verdict_in_both_forms_whatever_their_order() {
    let (facts, bodies, seed) = (facts(), bodies(), seed());
    assert!(bodies.len() > 150, "{}", bodies.len());
    let mut random = Random(seed);
    let mut accepted = 0;
    for round in 0..DOCUMENTS {
        let mut body = bodies[random.below(bodies.len())].clone();
        for _ in 0..random.below(4) {
            mutate(&mut body, &mut random);
        }
        let body = twin::typed(&body);
        let mode = if random.below(2) == 0 { Mode::Strict } else { Mode::Tolerant };
        let json = verdict(body.to_text().as_bytes(), mode, &facts).unwrap();
        let Some(xml) = twin::of(&shuffled("", &body, &mut random)) else { panic!("{}", body.to_text()) };
        let xml = noisy(&xml, &mut random);
        let found = verdict_of_xml(xml.as_bytes(), mode, &facts);
        assert_eq!(found.as_ref(), Ok(&json), "round {round} of seed {seed}\n{}\n{xml}", body.to_text());
        accepted += usize::from(json.violations.is_empty());
    }
    assert!(accepted > DOCUMENTS / 20 && accepted < DOCUMENTS * 19 / 20, "{accepted} accepted");
}

/// Fragments that are put into documents.
const FRAGMENTS: [&str; 31] = [
    "<",
    ">",
    "/",
    "&",
    ";",
    "\"",
    "'",
    "=",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "--",
    "<?",
    "?>",
    "<!DOCTYPE a>",
    "&lt;",
    "&x;",
    "&#0;",
    "&#65;",
    "xmlns=\"\"",
    " xmlns:a=\"b\"",
    "a:",
    " a=\"1\"",
    "<a>",
    "</a>",
    "<a/>",
    "\u{0}",
    "\u{fffe}",
    "\u{1}",
    "é",
];

#[test]
fn documents_with_random_bytes_are_refused_or_read_as_another_parser_does() {
    let (facts, bodies, seed) = (facts(), bodies(), seed());
    let mut random = Random(seed);
    let (mut read, mut refused) = (0, 0);
    for round in 0..DOCUMENTS {
        let body = &bodies[random.below(bodies.len())];
        let mut xml = twin::of(body).unwrap();
        for _ in 0..=random.below(2) {
            let mut at = random.below(xml.len());
            while !xml.is_char_boundary(at) {
                at -= 1;
            }
            match random.below(3) {
                0 => xml.insert_str(at, FRAGMENTS[random.below(FRAGMENTS.len())]),
                1 => drop(xml.remove(at)),
                _ => {
                    xml.remove(at);
                    xml.insert_str(at, FRAGMENTS[random.below(FRAGMENTS.len())]);
                }
            }
        }
        // The other parser takes an empty prefix, which namespaces do not.
        if ["<:", "/:", " :"].iter().any(|colon| xml.contains(colon)) {
            continue;
        }
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
        let other = roxmltree::Document::parse_with_options(&xml, options);
        let context = || format!("round {round} of seed {seed}: {:?}\n{xml}", other.as_ref().err());
        match verdict_of_xml(xml.as_bytes(), Mode::Tolerant, &facts) {
            Ok(_) => {
                read += 1;
                assert!(other.is_ok(), "{}", context());
            }
            // What is refused although it is XML has a name.
            Err(unreadable) => {
                refused += 1;
                let is_policy = match unreadable.code {
                    "doctype" | "entity" | "root_element" | "duplicate_key" | "number_size" | "utf8" => true,
                    "syntax" => {
                        ["processing instructions", "XML 1.0"].iter().any(|part| unreadable.message.contains(part))
                    }
                    _ => false,
                };
                assert!(other.is_err() || is_policy, "{unreadable} ({})\n{}", unreadable.code, context());
            }
        }
    }
    assert!(read > DOCUMENTS / 20 && refused > DOCUMENTS / 20, "{read} read, {refused} refused");
}
