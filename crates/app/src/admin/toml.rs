//! TOML to JSON and back, for documents that operators write. Each value keeps its place in the text, so that what is wrong can be
//! shown there; numbers go over digit by digit, never through a float.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

/// A document as JSON, with the place of every value in the TOML text.
pub(super) struct Document {
    /// The JSON text.
    pub(super) json: String,
    places: BTreeMap<String, Range<usize>>,
}

/// Why a text is no document.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// What is wrong.
    pub(super) reason: String,
    /// Where.
    pub(super) place: Range<usize>,
}

impl Document {
    /// Reads TOML.
    pub(super) fn read(text: &str) -> Result<Document, Unreadable> {
        let table = DeTable::parse(text)
            .map_err(|error| Unreadable { reason: error.message().to_owned(), place: error.span().unwrap_or(0..0) })?;
        let mut document = Document { json: String::new(), places: BTreeMap::new() };
        document.table("", table.get_ref())?;
        Ok(document)
    }

    /// Where the value at a JSON Pointer stands; of one that is missing, what it is missing in.
    pub(super) fn place(&self, pointer: &str) -> Range<usize> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return place.clone();
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) => pointer = above,
                None => return 0..0,
            }
        }
    }

    fn table(&mut self, at: &str, table: &DeTable<'_>) -> Result<(), Unreadable> {
        self.json.push('{');
        for (index, (name, value)) in table.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.text(name.get_ref());
            self.json.push(':');
            let below = format!("{at}/{}", name.get_ref().replace('~', "~0").replace('/', "~1"));
            // A table is long; its name is where to look.
            let place = match value.get_ref() {
                DeValue::Table(_) => name.span(),
                _ => value.span(),
            };
            self.places.insert(below.clone(), place);
            self.value(&below, value.get_ref(), value.span())?;
        }
        self.json.push('}');
        Ok(())
    }

    fn value(&mut self, at: &str, value: &DeValue<'_>, place: Range<usize>) -> Result<(), Unreadable> {
        match value {
            DeValue::String(text) => self.text(text),
            DeValue::Boolean(value) => self.json.push_str(if *value { "true" } else { "false" }),
            DeValue::Integer(number) if number.radix() == 10 => self.number(number.as_str(), place)?,
            DeValue::Float(number) => self.number(number.as_str(), place)?,
            DeValue::Integer(_) => {
                return Err(Unreadable { reason: "must be a decimal number".to_owned(), place });
            }
            DeValue::Datetime(_) => {
                return Err(Unreadable { reason: "must be a text: put it in quotes".to_owned(), place });
            }
            DeValue::Array(items) => {
                self.json.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.json.push(',');
                    }
                    let below = format!("{at}/{index}");
                    self.places.insert(below.clone(), item.span());
                    self.value(&below, item.get_ref(), item.span())?;
                }
                self.json.push(']');
            }
            DeValue::Table(table) => self.table(at, table)?,
        }
        Ok(())
    }

    /// A number as it was written, less what JSON does not know.
    fn number(&mut self, text: &str, place: Range<usize>) -> Result<(), Unreadable> {
        let digits = text.replace('_', "");
        let digits = digits.strip_prefix('+').unwrap_or(&digits);
        if serde_json::from_str::<&RawValue>(digits).is_err() {
            return Err(Unreadable { reason: "must be a decimal number".to_owned(), place });
        }
        self.json.push_str(digits);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.json.push_str(&serde_json::Value::from(text).to_string());
    }
}

type Members<'j> = BTreeMap<&'j str, &'j RawValue>;

/// Writes a JSON object as TOML: first what it holds itself, then its tables.
pub(super) fn write(json: &str) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    write_table(&mut text, "", json)?;
    Ok(text.trim_start().to_owned())
}

fn write_table(text: &mut String, path: &str, json: &str) -> Result<(), serde_json::Error> {
    let members: Members<'_> = serde_json::from_str(json)?;
    // What names a thing comes first.
    let mut members: Vec<(&str, &str)> = members.into_iter().map(|(name, value)| (name, value.get())).collect();
    let rank = |name: &str| ["id", "name", "api", "kind"].iter().position(|first| *first == name).unwrap_or(usize::MAX);
    members.sort_by_key(|(name, _)| rank(name));
    for (name, value) in members.iter().filter(|(_, value)| !is_table(value) && !is_tables(value)) {
        // JSON scalars and arrays of them are TOML.
        let _ = writeln!(text, "{name} = {value}");
    }
    for (name, value) in &members {
        let below = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        if is_table(value) {
            let _ = writeln!(text, "\n[{below}]");
            write_table(text, &below, value)?;
        } else if is_tables(value) {
            for item in serde_json::from_str::<Vec<&RawValue>>(value)? {
                let _ = writeln!(text, "\n[[{below}]]");
                write_table(text, &below, item.get())?;
            }
        }
    }
    Ok(())
}

fn is_table(json: &str) -> bool {
    json.starts_with('{')
}

fn is_tables(json: &str) -> bool {
    json.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[products]]\nid = \"a\"\nnumber = +1_000.50\n\n[products.promise]\nhours = 8\n";

    #[test]
    fn values_keep_their_places_and_their_digits() {
        let document = Document::read(TEXT).unwrap();
        assert_eq!(document.json, r#"{"products":[{"id":"a","number":1000.50,"promise":{"hours":8}}]}"#);
        let shown = |pointer| &TEXT[document.place(pointer)];
        assert_eq!(shown("/products/0/id"), "\"a\"");
        assert_eq!(shown("/products/0/promise/hours"), "8");
        assert_eq!(shown("/products/0/promise/missing"), "promise");
        assert_eq!(document.place("/other"), 0..0);
    }

    #[test]
    fn what_json_cannot_say_is_refused_with_its_place() {
        for (text, place) in [("a = 2026-11-21", 4..14), ("a = inf", 4..7), ("a = 0x1f", 4..8), ("a = ", 4..4)] {
            assert_eq!(Document::read(text).err().map(|fault| fault.place), Some(place), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let json = r#"{"products":[{"api":"x","days":["MON","TUE"],"id":"a","rate":0.2500,"promise":{"hours":8},"commission":[{"amount":1,"kind":"fixed"}]},{"id":"b"}]}"#;
        let text = write(json).unwrap();
        assert!(text.starts_with("[[products]]\nid = \"a\"\napi = \"x\"\n"), "{text}");
        assert!(text.contains("rate = 0.2500\n") && text.contains("[[products.commission]]\nkind"), "{text}");
        let again: serde_json::Value = serde_json::from_str(&Document::read(&text).unwrap().json).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(json).unwrap());
    }
}
