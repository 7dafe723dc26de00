//! From JSON text to XML: answers, whose JSON form is the one that is made and stored.

use super::names::{is_allowed, is_name};
use super::{Content, Document, Member};
use crate::reader::{Kind, Limits, Mode, Options, Reader, Stop};

/// Writes a message of ours as XML, its members in the order of the schema. What the table does not name stays at the end.
/// Null has no form in XML and is left out.
pub fn from_json(json: &[u8], document: &'static Document) -> Vec<u8> {
    let Document { name, namespace, prefix, members } = document;
    let mut out = br#"<?xml version="1.0" encoding="UTF-8"?>"#.to_vec();
    out.extend_from_slice(format!("\n<{prefix}:{name} xmlns:{prefix}=\"{namespace}\">").as_bytes());
    let options = Options { mode: Mode::Answer, limits: Limits::OPEN, facts: None };
    if let Ok(mut reader) = Reader::new(json, &options) {
        // Our own JSON text always reads; of another one, what could be read is written.
        let _ = reader.kind().and_then(|kind| value(&mut reader, kind, members, &mut out));
    }
    out.extend_from_slice(format!("</{prefix}:{name}>").as_bytes());
    out
}

/// Writes the content of an element.
fn value(reader: &mut Reader<'_>, kind: Kind, table: &[Member], out: &mut Vec<u8>) -> Result<(), Stop> {
    match kind {
        Kind::Object => {
            let mut members: Vec<(usize, Vec<u8>)> = Vec::new();
            let mut object = reader.open_object()?;
            while let Some(name) = reader.any_member(&mut object)? {
                let at = table.iter().position(|member| member.name == name).unwrap_or(table.len());
                let below: &[Member] = match table.get(at).map(|member| &member.content) {
                    Some(Content::Record(below)) => below,
                    _ => &[],
                };
                let mut written = Vec::new();
                elements(reader, &name, below, &mut written)?;
                members.push((at, written));
            }
            members.sort_by_key(|(at, _)| *at);
            members.iter().for_each(|(_, written)| out.extend_from_slice(written));
            Ok(())
        }
        // An array in an array has no name for its items.
        Kind::Array => elements(reader, "item", table, out),
        Kind::Text => {
            escape(&reader.text_token()?, out);
            Ok(())
        }
        Kind::Null => reader.skip(),
        Kind::Boolean | Kind::Number => {
            out.extend_from_slice(reader.raw()?.as_bytes());
            Ok(())
        }
    }
}

/// Writes the elements of a member: one, or one for each item of an array.
fn elements(reader: &mut Reader<'_>, name: &str, table: &[Member], out: &mut Vec<u8>) -> Result<(), Stop> {
    match reader.kind()? {
        Kind::Null => reader.skip(),
        Kind::Array => {
            let mut items = reader.open_array()?;
            while reader.item(&mut items)?.is_some() {
                let kind = reader.kind()?;
                element(reader, kind, name, table, out)?;
            }
            Ok(())
        }
        kind => element(reader, kind, name, table, out),
    }
}

fn element(reader: &mut Reader<'_>, kind: Kind, name: &str, table: &[Member], out: &mut Vec<u8>) -> Result<(), Stop> {
    let name = if is_name(name) { name } else { "member" };
    out.extend_from_slice(format!("<{name}>").as_bytes());
    value(reader, kind, table, out)?;
    out.extend_from_slice(format!("</{name}>").as_bytes());
    Ok(())
}

/// Writes character data. What XML cannot hold becomes the replacement character.
fn escape(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match character {
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '&' => out.extend_from_slice(b"&amp;"),
            '\r' => out.extend_from_slice(b"&#13;"),
            other => {
                let other = if is_allowed(other) { other } else { char::REPLACEMENT_CHARACTER };
                out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}
