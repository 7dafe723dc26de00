//! Two opinions: a generated reader and an independent interpreter of JSON Schema, compared on documents with random changes.

use serde_json::{Map, Number, Value};
use usher_testkit::random::{Random, seed};
use usher_wire::{Limits, Mode, Options};

use crate::contract::examples::Read;

/// As the interpreter reads: any JSON, members under any names, no facts.
const OPEN: Options<'_> = Options { mode: Mode::Tolerant, limits: Limits::OPEN, facts: None };

/// A schema, the reader generated from it, and documents to begin with.
pub(crate) struct Subject {
    pub(crate) id: String,
    pub(crate) read: Read,
    pub(crate) bodies: Vec<Value>,
}

/// Compares reader and interpreter on the documents of all subjects, and on `mutations` documents made from them by random
/// changes. `documents` are all schemas by `$id`.
pub(crate) fn agree(documents: &[(String, Value)], subjects: &[Subject], mutations: usize) {
    let seed = seed();
    let mut random = Random(seed);
    let mut registry = jsonschema::Registry::new();
    for (id, schema) in documents {
        registry = registry.add(id, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let mut validators = Vec::new();
    for subject in subjects {
        let schema = &documents.iter().find(|(known, _)| *known == subject.id).unwrap().1;
        let options = jsonschema::options()
            .with_registry(&registry)
            .should_validate_formats(true)
            .with_format("date", is_date)
            .with_format("date-time", is_date_time);
        let validator = options.with_base_uri(subject.id.clone()).build(schema).unwrap();
        for body in &subject.bodies {
            compare(subject, &validator, body, seed);
        }
        validators.push(validator);
    }
    let scalars: Vec<Value> = subjects.iter().flat_map(|subject| &subject.bodies).flat_map(scalars_of).collect();
    let (mut valid, mut invalid) = (0, 0);
    for round in 0..mutations {
        let (subject, validator) = (&subjects[round % subjects.len()], &validators[round % subjects.len()]);
        let mut body = subject.bodies[random.below(subject.bodies.len())].clone();
        for _ in 0..=random.below(2) {
            mutate(&mut body, &scalars, &mut random);
        }
        if compare(subject, validator, &body, seed) { valid += 1 } else { invalid += 1 }
    }
    // Documents that are all wrong, or all right, would compare nothing.
    assert!(valid > mutations / 20 && invalid > mutations / 20, "{valid} valid, {invalid} invalid");
}

/// All schemas below a folder, by `$id`.
pub(crate) fn documents(folder: std::path::PathBuf) -> Vec<(String, Value)> {
    let mut documents = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("examples") {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(".schema.json") {
                let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
                documents.push((schema["$id"].as_str().unwrap().to_owned(), schema));
            }
        }
    }
    documents.sort_by(|a, b| a.0.cmp(&b.0));
    documents
}

fn compare(subject: &Subject, validator: &jsonschema::Validator, body: &Value, seed: u64) -> bool {
    let id = &subject.id;
    let text = body.to_string();
    let ours = (subject.read)(text.as_bytes(), &OPEN).expect("the text of a value is read");
    let theirs = validator.is_valid(body);
    let accepted = ours.violations.list.is_empty();
    assert_eq!(
        accepted,
        theirs,
        "{id} (seed {seed}): we {}, the interpreter {}\n{text}\n{}\n{:?}",
        if accepted { "accept" } else { "refuse" },
        if theirs { "accepts" } else { "refuses" },
        ours.violations,
        validator.iter_errors(body).map(|error| error.to_string()).collect::<Vec<_>>(),
    );
    assert_eq!(ours.written.is_some(), accepted, "{id}: a value exactly where nothing is broken\n{text}");
    if let Some((_, json)) = ours.written {
        let written: Value = serde_json::from_slice(&json).unwrap();
        assert!(same(&written, body), "{id}: what was read is not what is written\n{text}\n{written}");
    }
    accepted
}

/// The interpreter takes other signs for digits in a date (`1.90-05-17`), so a calendar library stands in for it.
fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|letter| if letter.is_ascii_digit() { 'd' } else { letter }).collect();
    shape == "dddd-dd-dd" && text.parse::<jiff::civil::Date>().is_ok()
}

/// The interpreter takes signs for digits in a time (`10:0-:00`), so a third opinion stands in for it: the grammar of RFC 3339
/// by its positions, and a calendar library for the rest.
fn is_date_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { 'd' } else { letter.to_ascii_uppercase() }).collect();
    let Some(rest) = shape.strip_prefix("dddd-dd-ddTdd:dd:dd") else { return false };
    let offset = match rest.strip_prefix(".d") {
        Some(fraction) => fraction.trim_start_matches('d'),
        None => rest,
    };
    let offset_is_right = match &text[text.len() - offset.len()..] {
        "Z" | "z" => true,
        numeric => {
            let number = |at| numeric.get(at..at + 2).and_then(|digits| digits.parse::<u32>().ok());
            matches!(offset, "+dd:dd" | "-dd:dd") && number(1) < Some(24) && number(4) < Some(60)
        }
    };
    // A leap second is a matter of the hour in UTC, which the library does not ask; the schemas' instants have none.
    let second_is_right = &text[17..19] < "60";
    offset_is_right && second_is_right && text[..19].to_ascii_uppercase().parse::<jiff::civil::DateTime>().is_ok()
}

/// Equal as JSON values: `1.0` is `1`.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The scalars in a document.
pub(crate) fn scalars_of(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(scalars_of).collect(),
        Value::Object(members) => members.values().flat_map(scalars_of).collect(),
        scalar => vec![scalar.clone()],
    }
}

/// Makes one change somewhere in the document.
pub(crate) fn mutate(value: &mut Value, scalars: &[Value], random: &mut Random) {
    let place = random.below(count(value));
    let mut left = place;
    visit(value, &mut left, &mut |value| change(value, scalars, random));
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn visit(value: &mut Value, left: &mut usize, change: &mut dyn FnMut(&mut Value)) -> bool {
    if *left == 0 {
        change(value);
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| visit(item, left, change)),
        Value::Object(members) => members.values_mut().any(|member| visit(member, left, change)),
        _ => false,
    }
}

fn change(value: &mut Value, scalars: &[Value], random: &mut Random) {
    match value {
        Value::Object(members) if !members.is_empty() && random.below(8) > 0 => {
            let name = members.keys().nth(random.below(members.len())).unwrap().clone();
            match random.below(4) {
                0 => {
                    let moved = members.remove(&name).unwrap();
                    members.insert("later".to_owned(), moved);
                }
                1 => {
                    members.insert("extra".to_owned(), scalars[random.below(scalars.len())].clone());
                }
                _ => {
                    members.remove(&name);
                }
            }
        }
        Value::Array(items) if random.below(8) > 0 => match (items.first().cloned(), random.below(3)) {
            (Some(first), 0) => (0..random.below(25)).for_each(|_| items.push(first.clone())),
            (Some(_), 1) => drop(items.pop()),
            _ => items.push(scalars[random.below(scalars.len())].clone()),
        },
        Value::String(text) if random.below(4) > 0 => *text = changed_text(text, random),
        Value::Number(number) if random.below(4) > 0 => *number = changed_number(number, random),
        Value::Bool(boolean) if random.below(2) == 0 => *boolean = !*boolean,
        other => {
            *other = match random.below(6) {
                0 => Value::Null,
                1 => Value::Array(Vec::new()),
                2 => Value::Object(Map::new()),
                3 => Value::Bool(random.below(2) == 0),
                _ => scalars[random.below(scalars.len())].clone(),
            }
        }
    }
}

fn changed_text(text: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let other = ['0', '9', 'a', 'Z', ' ', '-', '+', '.', '@', 'é', '\u{feff}', '\u{85}', '\n', '😀'];
    let at = random.below(letters.len() + 1);
    match random.below(6) {
        0 if !letters.is_empty() => drop(letters.remove(at.min(letters.len() - 1))),
        1 | 2 if !letters.is_empty() => {
            let at = at.min(letters.len() - 1);
            letters[at] = other[random.below(other.len())];
        }
        3 => letters.truncate(at),
        4 => {
            let letter = letters.first().copied().unwrap_or('x');
            let many = [1, 64, 100, 255, 4000][random.below(5)];
            letters.extend(std::iter::repeat_n(letter, many));
        }
        _ => letters.insert(at, other[random.below(other.len())]),
    }
    letters.into_iter().collect()
}

fn changed_number(number: &Number, random: &mut Random) -> Number {
    let whole = number.as_i64();
    match (whole, random.below(8)) {
        (Some(whole), 0) => Number::from(whole.saturating_add(1)),
        (Some(whole), 1) => Number::from(whole.saturating_sub(1)),
        (Some(whole), 2) => Number::from(whole.saturating_neg()),
        (Some(whole), 3) => Number::from(whole.saturating_mul(1000)),
        (_, 4) => Number::from(0),
        (_, 5) => Number::from_f64((number.as_f64().unwrap_or(1.0) * 100.0).round() / 100.0)
            .unwrap_or_else(|| Number::from(1)),
        (_, 6) => Number::from_f64(number.as_f64().unwrap_or(1.0) / 8.0).unwrap_or_else(|| Number::from(2)),
        _ => Number::from(random.next() as i64),
    }
}
