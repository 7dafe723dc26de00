//! What lists promise, on texts of our own and on the published files that USHER_DATA names.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::{Date, date};

use super::form::{Given, read, write};
use super::list::{CodeList, Search};
use super::problem::{PROBLEMS_MAX, Problems};
use super::source::{Form, import};
use super::subject::{FieldClass, Market, Subject};
use super::{Agreement, Consulted, Existence, InForce, Reference};
use crate::environment::Environment::{self, Production, Sandbox};

const TODAY: Date = date(2026, 11, 21);

fn list(text: &str) -> CodeList {
    read(text, &Given::default(), &mut |_, _| ()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str) -> Problems {
    read(text, &Given::default(), &mut |_, _| ()).expect_err("the file has mistakes")
}

fn reference(texts: &[&str]) -> Reference {
    Reference::new(texts.iter().map(|text| Arc::new(list(text))).collect())
}

fn in_force(reference: &Reference, environment: Environment) -> InForce<'_> {
    reference.in_force(TODAY, environment)
}

#[test]
fn a_list_reads_back_as_it_was_written() {
    for text in [
        "#name: plain\n#version: 1\ncode\n1\n2\n",
        "#name: all\n#version: 2026-01\n#title: All, \"quoted\"\n#subject: town\n#valid_from: 2026-01-01\n#valid_to: 2027-12-31\n\
         #source: the bank\n#licence: own\n#credit: the bank\ncode,label,parent,valid_from,valid_to\n\
         06000010000,\"Örnek, Köy|Eski\",06,2026-01-01,2026-06-30\n06000010000,Yeni,06,2026-07-01,\n",
        "#name: words\n#version: 1\n#subject: blocked_term\n#language: de\n#fields: name text\ncode\n\"a;b\"\nzwei Wörter\n",
    ] {
        let first = list(text);
        let written = write(&first);
        assert_eq!(list(&written), first, "{written}");
        assert_eq!(write(&list(&written)), written);
    }
}

#[test]
fn without_a_version_the_content_is_the_version() {
    let (a, b, c) = (list("#name: a\ncode\n1\n2\n"), list("#name: a\ncode\n2\n1\n"), list("#name: a\ncode\n1\n"));
    assert_eq!(a.about().version, b.about().version);
    assert_ne!(a.about().version, c.about().version);
    assert!(a.about().reference().starts_with("a@sha-"), "{}", a.about().reference());
}

#[test]
fn every_mistake_is_told_with_its_line_and_column() {
    let text = "#name: Bad Name\n#colour: red\n#valid_from: soon\ncode,label,parent,valid_from,valid_to\n\
                1,a,,2026-13-01,\n,no code,,,\n2,\"a||b\",,,\n3,c,,2026-02-01,2026-01-31\n4,d,,,,extra\n1,a,,,\n5,\"open\n";
    let expected = "line 1, column 1: a list needs a name: 1 to 64 of a-z, 0-9 and _\n\
                    line 2, column 1: there is no `colour` in the head of a list\n\
                    line 3, column 1: a day is written YYYY-MM-DD\n\
                    line 5, column 6: a day is written YYYY-MM-DD\n\
                    line 6, column 1: the code is missing\n\
                    line 7, column 3: labels are apart by a single |, without blanks around and without control characters\n\
                    line 8, column 17: the last day lies before the first\n\
                    line 9, column 8: the row has more fields than the table has columns\n\
                    line 10, column 1: the code stands there twice for the same days\n\
                    line 11, column 3: the quote is not closed on this line";
    assert_eq!(problems(text).to_string(), expected);
    for (text, expected) in [
        ("", "line 1, column 1: the file has no table: the first line behind the head names the columns"),
        ("#name: a\ncode,label\n", "line 1, column 1: the list has no code"),
        ("#name: a\nlabel\nx\n", "line 2, column 1: there is no column `code`\nline 3, column 2: the code is missing"),
        ("#name: a\n#name: b\ncode\n1\n", "line 2, column 1: `name` stands there twice"),
        ("#name: a\n#subject: planet\ncode\n1\n", "line 2, column 1: the subject is one of"),
        ("#name: a\n#subject: de_postal_code\ncode\n1011\n", "line 4, column 1: the code must have 5 digits"),
        ("#name: a\n#subject: blocked_term\ncode\nx\n", "line 1, column 1: a list of terms needs its language"),
        ("#name: a\n#fields: name\ncode\nx\n", "line 1, column 1: only lists of terms have fields"),
    ] {
        let found = problems(text).to_string();
        assert!(found.starts_with(expected), "{text:?}: {found}");
    }
}

#[test]
fn fifty_mistakes_are_listed_and_the_others_counted() {
    let rows = "x,\n".repeat(PROBLEMS_MAX + 7);
    let found = problems(&format!("#name: a\n#subject: city\ncode,label\n{rows}"));
    // Each row has letters for a code, and all but the first stand there again.
    assert_eq!((found.list.len(), found.more), (PROBLEMS_MAX, 2 * 57 - 1 - PROBLEMS_MAX));
    assert!(found.to_string().ends_with("and 63 more"));
}

#[test]
fn a_code_counts_from_its_first_day_to_its_last() {
    let list = list(
        "#name: a\ncode,label,parent,valid_from,valid_to\n7,old,,,2026-11-20\n7,new,,2026-11-22,2026-11-22\n8,always,,,\n",
    );
    for (day, label) in [
        (date(2000, 1, 1), Some("old")),
        (date(2026, 11, 20), Some("old")),
        (date(2026, 11, 21), None),
        (date(2026, 11, 22), Some("new")),
        (date(2026, 11, 23), None),
    ] {
        assert_eq!(list.find("7", day).and_then(|entry| entry.label()), label, "{day}");
        assert!(list.find("8", day).is_some() && list.find("9", day).is_none());
    }
}

#[test]
fn the_newest_version_that_is_in_force_counts() {
    let reference = reference(&[
        "#name: regions\n#version: 3\n#subject: city\n#valid_from: 2027-01-01\ncode\n03\n",
        "#name: regions\n#version: 2\n#subject: city\ncode\n02\n",
        "#name: regions\n#version: 1\n#subject: city\ncode\n01\n",
    ]);
    for (day, code, version) in [(TODAY, "02", "2"), (date(2027, 1, 1), "03", "3")] {
        let (consulted, lists) = (Consulted::default(), reference.in_force(day, Production));
        assert_eq!(lists.existence(Subject::City, code, &consulted), Existence::Present);
        assert_eq!(lists.existence(Subject::City, "01", &consulted), Existence::Absent);
        assert_eq!(consulted.names(&reference), [format!("regions@{version}")]);
        assert_eq!(lists.list("regions").unwrap().about().version, version);
    }
}

#[test]
fn our_own_lists_count_in_the_sandbox_until_one_of_their_subject_is_loaded() {
    let empty = Reference::default();
    let consulted = Consulted::default();
    assert_eq!(in_force(&empty, Production).existence(Subject::City, "06", &consulted), Existence::NoList);
    assert_eq!(in_force(&empty, Production).lists().count(), 0);
    assert_eq!(in_force(&empty, Sandbox).existence(Subject::City, "06", &consulted), Existence::Present);
    assert!(in_force(&empty, Sandbox).lists().all(|list| list.about().version == "builtin-1"));
    assert_eq!(consulted.names(&empty), ["sandbox_city@builtin-1"]);
    let loaded = reference(&["#name: bank_cities\n#version: 1\n#subject: city\ncode\n99\n"]);
    for environment in [Sandbox, Production] {
        let lists = in_force(&loaded, environment);
        assert_eq!(lists.existence(Subject::City, "06", &consulted), Existence::Absent);
        assert_eq!(lists.existence(Subject::City, "99", &consulted), Existence::Present);
    }
    assert_eq!(in_force(&loaded, Sandbox).existence(Subject::Education, "4", &consulted), Existence::Present);
}

// shows: IA-078, IA-081
#[test]
fn a_label_agrees_whatever_its_turkish_case() {
    let empty = Reference::default();
    let lists = in_force(&empty, Sandbox);
    for (subject, code, label, expected) in [
        (Subject::City, "34", "İstanbul", Agreement::Agrees),
        (Subject::City, "34", "İSTANBUL", Agreement::Agrees),
        (Subject::City, "34", "istanbul", Agreement::Agrees),
        (Subject::City, "34", "ISTANBUL", Agreement::Differs),
        (Subject::City, "32", "ISPARTA", Agreement::Agrees),
        (Subject::City, "32", "İsparta", Agreement::Differs),
        (Subject::City, "34", "Ankara", Agreement::Differs),
        (Subject::City, "6", "Ankara", Agreement::Unknown),
        (Subject::JobTitle, "13", "IŞIKÇI", Agreement::Agrees),
        (Subject::JobTitle, "12", "öğretmen", Agreement::Agrees),
    ] {
        assert_eq!(lists.agreement(subject, code, label, &Consulted::default()), expected, "{code} {label}");
    }
    assert!(lists.may_belong(Subject::Town, "06000010000", "06", &Consulted::default()));
    assert!(!lists.may_belong(Subject::Town, "06000010000", "34", &Consulted::default()));
    assert!(lists.may_belong(Subject::Town, "99000010000", "34", &Consulted::default()));
}

// shows: IS-068
#[test]
fn a_blocked_term_is_found_as_a_whole_word_only_and_allowed_terms_pass() {
    let reference = reference(&[
        "#name: b_de\n#subject: blocked_term\n#language: de\ncode\nmist\nblöder hund\nß-wort\n",
        "#name: n_de\n#subject: blocked_term\n#language: de\n#fields: name\ncode\nquatsch\n",
        "#name: ok_de\n#subject: allowed_term\n#language: de\ncode\nmist & co\n",
        "#name: b_tr\n#subject: blocked_term\n#language: tr\ncode\nsinirli\n",
        "#name: b_en\n#subject: blocked_term\n#language: en-GB\ncode\nrubbish\n",
    ]);
    let lists = in_force(&reference, Production);
    for (class, market, text, blocked) in [
        (FieldClass::Text, Some(Market::German), "So ein Mist!", true),
        (FieldClass::Text, Some(Market::German), "so ein ＭＩＳＴ", true),
        (FieldClass::Text, Some(Market::German), "so ein mi\u{200b}st", true),
        (FieldClass::Text, Some(Market::German), "Optimist, Misthaufen, mist1, 2mist", false),
        (FieldClass::Text, Some(Market::German), "mist-haufen", true),
        (FieldClass::Text, Some(Market::German), "Blöder   HUND", true),
        (FieldClass::Text, Some(Market::German), "Blo\u{308}der Hund", true),
        (FieldClass::Text, Some(Market::German), "SS-WORT", true),
        (FieldClass::Company, Some(Market::German), "Mist & Co", false),
        (FieldClass::Company, Some(Market::German), "Mist & Co, was für ein Mist", true),
        (FieldClass::Name, Some(Market::German), "Quatsch", true),
        (FieldClass::Text, Some(Market::German), "Quatsch", false),
        (FieldClass::Text, Some(Market::Turkish), "SİNİRLİ", true),
        (FieldClass::Text, Some(Market::Turkish), "SINIRLI", false),
        (FieldClass::Text, Some(Market::Turkish), "mist", false),
        (FieldClass::Text, Some(Market::Czech), "mist sinirli", false),
        (FieldClass::Text, Some(Market::Czech), "Rubbish", true),
        (FieldClass::Text, None, "sinirli", true),
    ] {
        assert_eq!(
            lists.is_blocked(class, market, text, &Consulted::default()),
            blocked,
            "{class:?} {market:?} {text}"
        );
    }
}

#[test]
fn a_domain_is_disposable_with_all_that_lies_under_it() {
    let empty = Reference::default();
    for (environment, domain, disposable) in [
        (Sandbox, "disposable.example", true),
        (Sandbox, "Mail.DISPOSABLE.example", true),
        (Sandbox, "notdisposable.example", false),
        (Sandbox, "usher.example", false),
        (Production, "disposable.example", false),
    ] {
        assert_eq!(in_force(&empty, environment).is_disposable(domain, &Consulted::default()), disposable, "{domain}");
    }
}

#[test]
fn a_search_pages_and_finds_labels_without_marks() {
    let empty = Reference::default();
    let list = in_force(&empty, Sandbox).list("sandbox_town").unwrap();
    let codes = |wish: Search<'_>| list.search(&wish, TODAY).map(|entry| entry.code.to_owned()).collect::<Vec<_>>();
    assert_eq!(codes(Search::default()).len(), list.len());
    assert_eq!(codes(Search { text: Some("ORNEKKOY"), ..Search::default() }), ["06000010000", "34000010000"]);
    assert_eq!(codes(Search { text: Some("isikli"), ..Search::default() }), ["06000011000"]);
    assert_eq!(codes(Search { text: Some("3200"), ..Search::default() }), ["32000010000"]);
    let wish = Search { parent: Some("34"), after: Some("34000010000"), ..Search::default() };
    assert_eq!(codes(wish), ["34000011000"]);
    assert!(codes(Search { parent: Some("99"), ..Search::default() }).is_empty());
}

#[test]
fn a_file_of_another_form_is_told_what_the_form_is() {
    for (form, text, expected) in [
        (Form::GeonamesDe, "plz;place\n", "line 1, column 1: the first line of this form is `plz,place,ags_kreis`"),
        (Form::OsmDelivery, "plz,city,state\n10115,Berlin\n", "line 2, column 1: the row has 2 fields, not 3"),
        (Form::OsmDelivery, "plz,city,state\n1011,Berlin,\n", "line 2, column 1: the code must have 5 digits"),
        (Form::OsmDelivery, "plz,city,state\n", "the file has no row"),
        (
            Form::Gv100,
            "level,ars,ags,name,seat_plz\nkreis,010,01,X,\n",
            "line 2, column 7: the key of this level has 5 digits",
        ),
        (Form::Gv100, "level,ars,ags,name,seat_plz\nwelt,0,0,X,\n", "line 2, column 6: the level is"),
        (
            Form::DisposableDomains,
            "good.example\nBad.Example\n",
            "line 2, column 1: the code must be a domain in lower case",
        ),
    ] {
        let found = import(form, text, &Given::default(), &mut |_, _| ()).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found}");
    }
    for form in Form::ALL {
        assert_eq!(Form::parse(form.as_str()), Some(form));
    }
}

#[test]
fn a_hundred_thousand_codes_take_few_bytes_each() {
    let mut text = "#name: geo\n#version: 1\n#subject: de_geo_code\ncode,label,parent\n".to_owned();
    for number in 0..100_000 {
        text.push_str(&format!(
            "1276{:03}{number:06},Ortsteil Nummer {number},1276{:03}\n",
            number % 16 + 1,
            number % 16 + 1
        ));
    }
    let list = list(&text);
    assert_eq!(list.len(), 100_000);
    assert!(list.bytes() <= 8 << 20, "{} bytes", list.bytes());
    assert_eq!(list.find("1276001000000", TODAY).and_then(|entry| entry.label()), Some("Ortsteil Nummer 0"));
}

/// A file of the folder that USHER_DATA names. Without one the test has nothing to look at, and says so.
fn data(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("USHER_DATA") else {
        println!("skipped: USHER_DATA names no folder with {name}");
        return None;
    };
    Some(std::fs::read_to_string(PathBuf::from(folder).join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn imported(name: &str, form: Form) -> Option<Vec<CodeList>> {
    let text = data(name)?;
    assert_eq!(Form::of(&text), form, "{name}");
    let mut last = 0;
    let lists = import(form, &text, &Given::default(), &mut |done, all| {
        assert!(last <= done && done <= all);
        last = done;
    });
    let lists = lists.unwrap_or_else(|problems| panic!("{name}: {problems}"));
    for list in &lists {
        assert_eq!(self::list(&write(list)), *list, "{name}");
        assert!(!list.about().licence.is_empty() && !list.about().credit.is_empty());
    }
    Some(lists)
}

#[test]
fn published_files_are_read_whole() {
    for (name, form, expected) in [
        ("de_postal_codes_geonames.csv", Form::GeonamesDe, &[("de_postal_codes_geonames", 10_814)][..]),
        ("de_postal_codes_delivery_osm.csv", Form::OsmDelivery, &[("de_postal_codes_osm", 8_122)]),
        ("cz_postal_codes_geonames.csv", Form::GeonamesCz, &[("cz_postal_codes_geonames", 2_694)]),
        ("tr_postal_codes_geonames.csv", Form::GeonamesTr, &[("tr_postal_codes_geonames", 2_953)]),
        ("tr_provinces.csv", Form::TrProvinces, &[("tr_provinces", 81)]),
        ("tr_districts.csv", Form::TrDistricts, &[("tr_districts", 973)]),
        ("iso_countries.csv", Form::IsoCountries, &[("iso_countries", 249)]),
        ("iso_currencies.csv", Form::IsoCurrencies, &[("iso_currencies", 178)]),
        ("disposable_email_domains.txt", Form::DisposableDomains, &[("disposable_domains", 8_335)]),
        (
            "blocklist_words.csv",
            Form::Blocklist,
            &[("blocklist_cs", 41), ("blocklist_de", 66), ("blocklist_en", 403), ("blocklist_tr", 142)],
        ),
    ] {
        let Some(lists) = imported(name, form) else { return };
        let mut counts: Vec<_> = lists.iter().map(|list| (list.about().name.as_str(), list.len())).collect();
        counts.sort_unstable();
        assert_eq!(counts, expected, "{name}");
    }
    let regional = imported("de_regional_keys_gv100_2023-11-30.csv", Form::Gv100).unwrap_or_default();
    assert_eq!(regional[0].len(), 11_426);
    assert_eq!(regional[0].find("110000000000", TODAY).map(|entry| entry.parent), Some("11000"));
}

#[test]
fn german_postal_codes_of_three_sources_are_asked_together_and_stay_apart() {
    let mut lists = Vec::new();
    for (name, form) in [
        ("de_postal_codes_geonames.csv", Form::GeonamesDe),
        ("de_postal_codes_delivery_osm.csv", Form::OsmDelivery),
        ("de_regional_keys_gv100_2023-11-30.csv", Form::Gv100),
    ] {
        let Some(mut imported) = imported(name, form) else { return };
        lists.push(imported.pop().unwrap());
    }
    let known = |lists: &[CodeList]| {
        let reference = Reference::new(lists.iter().cloned().map(Arc::new).collect());
        let exists = |code: &str| {
            let in_force = reference.in_force(TODAY, Production);
            in_force.existence(Subject::DePostalCode, code, &Consulted::default()) == Existence::Present
        };
        for (code, there) in [("10115", true), ("01067", true), ("80331", true), ("60306", true)] {
            assert_eq!(exists(code), there, "{code}");
        }
        assert!(!exists("00000") && !exists("99999"));
        let count = (0..100_000).filter(|number| exists(&format!("{number:05}"))).count();
        (count, exists("11011"), exists("04861"), exists("63701"))
    };
    assert_eq!(known(&lists[..1]), (10_814, true, false, false));
    assert_eq!(known(&lists[1..2]), (8_122, false, true, false));
    assert_eq!(known(&lists[..2]), (10_829, true, true, false));
    assert_eq!(known(&lists), (10_859, true, true, true));
}
