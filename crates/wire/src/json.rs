//! JSON values that no contract describes: members nobody named, and places where anything may stand.

use std::fmt;

use crate::canonical::{Value, Writer, write_text};
use crate::path::Path;
use crate::reader::{Kind, Limits, Mode, Options, Read, Reader, Stop};
use crate::violation::Unreadable;

/// Any JSON value, kept as its canonical text. Its debug form shows no content: nobody said what is in it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Json(Box<str>);

impl Json {
    /// Reads any JSON text, and every canonical form the gateway ever wrote.
    ///
    /// # Errors
    /// The first fault of the syntax, a duplicate member name, or an exponent the gateway refuses.
    pub fn parse(text: &str) -> Result<Json, Unreadable> {
        // Numbers are written out: an exponent without a bound would make gigabytes of a short text.
        let exponent_max = Limits::GATEWAY.exponent_max;
        let limits = Limits { refuse_duplicates: true, exponent_max, ..Limits::OPEN };
        let options = Options { mode: Mode::Tolerant, limits, facts: None };
        let mut reader = Reader::new(text.as_bytes(), &options)?;
        let json = Json::read(&mut reader).and_then(|json| reader.finish().map(|()| json));
        json.map_err(|Stop| reader.unreadable())
    }

    /// The canonical JSON text of the value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the value at the cursor. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    pub fn read(reader: &mut Reader<'_>) -> Result<Json, Stop> {
        let mut out = Vec::new();
        rewrite(reader, &mut out)?;
        // The reader gave out checked UTF-8 only; the fall-back is never reached.
        Ok(Json(String::from_utf8(out).unwrap_or_default().into_boxed_str()))
    }

    /// Reads the value at the cursor as a member of a record: it always has a value. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn read_any(reader: &mut Reader<'_>) -> Read<Json> {
        Json::read(reader).map(Some)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json(..)")
    }
}

impl Value for Json {
    fn write(&self, writer: &mut Writer) {
        writer.verbatim(&self.0);
    }
}

/// Copies the value at the cursor in canonical form.
fn rewrite(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    match reader.kind()? {
        Kind::Null | Kind::Boolean => out.extend_from_slice(reader.raw()?.as_bytes()),
        Kind::Number => {
            use std::io::Write as _;
            let number = reader.number_token()?.decimal();
            let _ = write!(out, "{number}");
        }
        Kind::Text => write_text(&reader.text_token()?, out),
        Kind::Array => {
            out.push(b'[');
            let mut items = reader.open_array()?;
            while let Some(index) = reader.item(&mut items)? {
                if index > 0 {
                    out.push(b',');
                }
                rewrite(reader, out)?;
            }
            out.push(b']');
        }
        Kind::Object => {
            let mut members: Vec<(String, Vec<u8>)> = Vec::new();
            let mut object = reader.open_object()?;
            while let Some(name) = reader.any_member(&mut object)? {
                let mut value = Vec::new();
                rewrite(reader, &mut value)?;
                members.push((name.into_owned(), value));
            }
            sort_by_name(&mut members);
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(name, out);
                out.push(b':');
                out.extend_from_slice(value);
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// The members of an open record that its contract does not name, kept as they came and sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
// A box of a list: most records hold no unknown members, and pay one word for it.
#[allow(clippy::box_collection)]
pub struct Unknown(Option<Box<Vec<(String, Json)>>>);

impl Unknown {
    /// The members, sorted by name.
    pub fn members(&self) -> &[(String, Json)] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The value of the member `name`.
    pub fn member(&self, name: &str) -> Option<&Json> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, json)| json)
    }

    pub(crate) fn push(&mut self, name: String, json: Json) {
        self.0.get_or_insert_default().push((name, json));
    }

    pub(crate) fn sort(&mut self) {
        if let Some(members) = &mut self.0 {
            sort_by_name(members);
        }
    }
}

/// Sorts members by code point. Only a reader that takes duplicate names gets here with one: the last wins.
fn sort_by_name<T>(members: &mut Vec<(String, T)>) {
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members.dedup_by(|later, kept| {
        let twice = later.0 == kept.0;
        if twice {
            std::mem::swap(later, kept);
        }
        twice
    });
}

/// Reads a value of any type that a rule refused, to check only its syntax.
pub(crate) fn skip(reader: &mut Reader<'_>) -> Result<(), Stop> {
    match reader.kind()? {
        Kind::Null => reader.literal("null"),
        Kind::Boolean => reader.boolean_token().map(|_| ()),
        Kind::Number => reader.number_token().map(|_| ()),
        Kind::Text => reader.skip_text(),
        Kind::Array => {
            let mut items = reader.open_array()?;
            while reader.item(&mut items)?.is_some() {
                skip(reader)?;
            }
            Ok(())
        }
        Kind::Object => {
            let mut object = reader.open_object()?;
            while reader.any_member(&mut object)?.is_some() {
                skip(reader)?;
            }
            Ok(())
        }
    }
}

/// Reads any value at the cursor and keeps it.
impl<'a> crate::message::Message<'a> for Json {
    const SCHEMA: &'static str = "https://json-schema.org/draft/2020-12/schema";

    fn read(reader: &mut Reader<'a>, _at: &Path<'_>) -> Read<Self> {
        Json::read_any(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, Limits, Mode, Options};

    #[test]
    fn a_short_text_is_not_written_out_without_bound() {
        assert_eq!(Json::parse("1e401").map_err(|unreadable| unreadable.code), Err("number_size"));
        for text in ["1e400", "-1e-400", &format!("0.{}1e-400", "0".repeat(120))] {
            let json = Json::parse(text).unwrap();
            assert_eq!(Json::parse(json.as_str()).as_ref(), Ok(&json));
        }
    }

    #[test]
    fn the_last_of_two_members_of_a_name_wins_at_every_depth() {
        let options = Options { mode: Mode::Answer, limits: Limits::OPEN, facts: None };
        let text = br#"{"b":0,"a":1,"c":[{"a":2,"a":{"d":3,"d":4,"d":5}}],"a":6}"#;
        let json = crate::parse::<Json>(text, &options).unwrap().into_result().unwrap().0;
        assert_eq!(json.as_str(), r#"{"a":6,"b":0,"c":[{"a":{"d":5}}]}"#);
    }
}
