//! From XML to JSON text, in one pass. Values are written as they come; an object whose elements do not stand in the order of
//! the schema is put into order when it closes.
//!
//! What XML says and JSON cannot is never lost: what the schema does not name becomes members that no schema names, so that
//! the reader finds and names them. An attribute is the member `@name`, an element with a namespace `{namespace}name`, text
//! beside elements nobody knows `#text`, and an attribute of an element that holds text is `element@name` beside it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::attributes::{self, Attribute, Namespaces};
use super::cursor::{Cursor, Markup, split};
use super::names::is_space;
use super::{Content, Document, INSTANCE, Member, Tagged};
use crate::canonical::write_text;
use crate::reader::{Limits, Stop};
use crate::scan;
use crate::violation::Unreadable;

/// Rewrites a document as JSON text with its members in the order of the schema.
///
/// # Errors
/// The bytes are not a document of this kind within the limits.
pub fn to_json(bytes: &[u8], document: &'static Document, limits: &Limits) -> Result<Vec<u8>, Unreadable> {
    let mut decoder = Decoder {
        cursor: Cursor::new(bytes, limits)?,
        namespaces: Namespaces::default(),
        attributes: Vec::with_capacity(4),
        out: Vec::with_capacity(bytes.len()),
        // A start and an end tag with a name and a value take more than this.
        parts: Vec::with_capacity(bytes.len() / 32),
        names: Vec::new(),
        frames: Vec::with_capacity(8),
        arranged: Vec::new(),
    };
    match decoder.document(document) {
        Ok(()) => Ok(decoder.out),
        Err(Stop) => Err(decoder.cursor.unreadable()),
    }
}

/// A value of an object being read: where its JSON text stands in the output.
#[derive(Clone, Copy)]
struct Part {
    member: Key,
    start: usize,
    end: usize,
    /// How deep the value is nested itself: 0 for a scalar.
    height: u32,
    /// Where its element begins.
    at: usize,
}

/// Which member a value is of. What the schema names comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// The index in the table.
    Known(usize),
    /// The index in the list of names.
    Unknown(usize),
}

/// What an open element holds as far as its table says.
#[derive(Clone, Copy)]
enum Holds {
    Object,
    Scalar(Scalar),
    Anything,
}

#[derive(Clone, Copy)]
enum Scalar {
    Text,
    Number,
    NumberOrText,
    Boolean,
}

/// An element that is open.
struct Frame<'a> {
    /// Its name as it is written.
    name: &'a str,
    at: usize,
    holds: Holds,
    members: &'static [Member],
    /// The member that tells the object apart from others, and its value if one was given.
    tag: Option<(&'static str, Option<Cow<'static, str>>)>,
    /// Where its value begins in the output.
    start: usize,
    /// Its first part in the list of all.
    parts: usize,
    names: usize,
    namespaces: usize,
    /// The depth of its value, if that is an object.
    depth: u32,
    height: u32,
    /// The known members that were there.
    seen: u128,
    /// The member that was written last, and whether its array is open.
    last: Option<usize>,
    is_list_open: bool,
    /// Whether what is written so far is in the order of the schema.
    is_sorted: bool,
    is_object: bool,
    text: String,
}

impl Frame<'_> {
    fn has_tag(&self) -> bool {
        matches!(self.tag, Some((_, Some(_))))
    }
}

struct Decoder<'a> {
    cursor: Cursor<'a>,
    namespaces: Namespaces<'a>,
    /// Those of the start tag that is read.
    attributes: Vec<Attribute<'a>>,
    out: Vec<u8>,
    /// The values of all open elements, innermost last.
    parts: Vec<Part>,
    /// The names of members that no table names.
    names: Vec<Cow<'a, str>>,
    frames: Vec<Frame<'a>>,
    /// Room in which an object is put into order; empty in between.
    arranged: Vec<u8>,
}

impl<'a> Decoder<'a> {
    fn document(&mut self, document: &'static Document) -> Result<(), Stop> {
        self.cursor.prolog()?;
        let at = self.cursor.at;
        self.cursor.at += 1;
        let name = self.cursor.name()?;
        let is_empty = attributes::read(&mut self.cursor, &mut self.namespaces, &mut self.attributes)?;
        let (prefix, local) = split(name);
        let namespace = self.namespaces.of_element(prefix);
        if namespace.is_none() {
            return self.cursor.fault(at, "syntax", "the prefix is not declared");
        }
        if namespace != Some(document.namespace) || local != document.name {
            return self.cursor.fault(at, "root_element", "the root element, or its namespace, is another one");
        }
        self.enter(name, at, Holds::Object, document.members, 0, 1)?;
        self.keep_attributes("")?;
        if is_empty {
            self.close()?;
        }
        while !self.frames.is_empty() {
            self.step()?;
        }
        self.cursor.epilog()
    }

    /// Reads up to the next tag in the innermost element, and the tag.
    #[inline]
    fn step(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        if let Holds::Object = frame.holds {
            self.cursor.skip_space();
        }
        let bytes = self.cursor.bytes();
        let markup = match (bytes.get(self.cursor.at), bytes.get(self.cursor.at + 1)) {
            (Some(b'<'), Some(b'/')) => Markup::Close,
            (Some(b'<'), Some(next)) if !matches!(next, b'!' | b'?') => Markup::Open,
            _ => self.cursor.data(&mut frame.text)?,
        };
        match markup {
            Markup::Open => self.open(),
            Markup::Close => {
                self.end_tag()?;
                self.close()
            }
        }
    }

    #[inline]
    fn end_tag(&mut self) -> Result<(), Stop> {
        let name = self.frames.last().map_or("", |frame| frame.name);
        let rest = &self.cursor.bytes()[self.cursor.at + 2..];
        if !rest.starts_with(name.as_bytes()) {
            return self.cursor.syntax("the end tag must be that of the open element");
        }
        self.cursor.at += 2 + name.len();
        if self.cursor.peek() != Some(b'>') {
            self.cursor.skip_space();
            if self.cursor.peek() != Some(b'>') {
                return self.cursor.syntax("the end tag must be that of the open element");
            }
        }
        self.cursor.at += 1;
        Ok(())
    }

    /// Takes the element that begins at the cursor.
    #[inline]
    fn open(&mut self) -> Result<(), Stop> {
        let at = self.cursor.at;
        let namespaces = self.namespaces.count();
        let Some(frame) = self.frames.last() else { return Ok(()) };
        self.cursor.at += 1;
        if self.namespaces.has_no_default()
            && let Some(index) = predict(&self.cursor.bytes()[self.cursor.at..], frame)
        {
            let member = &frame.members[index];
            let name = &self.cursor.text[self.cursor.at..self.cursor.at + member.name.len()];
            self.cursor.at += name.len() + 1;
            self.attributes.clear();
            return self.known(name, at, index, member, false, namespaces);
        }
        let name = self.cursor.name()?;
        let is_empty = attributes::read(&mut self.cursor, &mut self.namespaces, &mut self.attributes)?;
        let (prefix, local) = split(name);
        let Some(namespace) = self.namespaces.of_element(prefix) else {
            return self.cursor.fault(at, "syntax", "the prefix is not declared");
        };
        if namespace.is_empty() {
            let after = frame.last.map_or(0, |last| last + 1).min(frame.members.len());
            let (before, rest) = frame.members.split_at(after);
            let find = |members: &[Member]| members.iter().position(|member| member.name == local);
            if let Some(index) = find(rest).map(|index| index + after).or_else(|| find(before)) {
                let member = &frame.members[index];
                return self.known(name, at, index, member, is_empty, namespaces);
            }
        }
        // The tag of an object is an attribute; an element of that name is another member.
        let is_tag = frame.tag.as_ref().is_some_and(|(tag, _)| *tag == local);
        let member = if namespace.is_empty() && !is_tag {
            Cow::Borrowed(local)
        } else {
            format!("{{{namespace}}}{local}").into()
        };
        self.begin_unknown(member, at)?;
        self.enter(name, at, Holds::Anything, &[], namespaces, 1)?;
        self.keep_attributes("")?;
        if is_empty { self.close() } else { Ok(()) }
    }

    /// Takes the element of a member that the table names; its start tag was read.
    #[inline]
    fn known(
        &mut self,
        name: &'a str,
        at: usize,
        index: usize,
        member: &'static Member,
        is_empty: bool,
        namespaces: usize,
    ) -> Result<(), Stop> {
        let holds = match &member.content {
            Content::Text => Holds::Scalar(Scalar::Text),
            Content::Number => Holds::Scalar(Scalar::Number),
            Content::NumberOrText => Holds::Scalar(Scalar::NumberOrText),
            Content::Boolean => Holds::Scalar(Scalar::Boolean),
            Content::Any => Holds::Anything,
            Content::Record(_) | Content::Tagged(_) => Holds::Object,
        };
        if let Holds::Scalar(scalar) = holds {
            // The value is no object that could hold its attributes: they stand beside it.
            self.keep_attributes(member.name)?;
            self.attributes.clear();
            self.begin_known(index, member, at)?;
            if !is_empty && self.plain(name, scalar)? {
                return Ok(());
            }
        } else {
            self.begin_known(index, member, at)?;
        }
        let steps = 1 + u32::from(member.is_list);
        match &member.content {
            Content::Tagged(tagged) => self.tagged(name, at, tagged, namespaces, steps)?,
            Content::Record(members) => self.enter(name, at, holds, members, namespaces, steps)?,
            _ => self.enter(name, at, holds, &[], namespaces, steps)?,
        }
        self.keep_attributes("")?;
        if is_empty { self.close() } else { Ok(()) }
    }

    /// Takes an element that holds nothing but plain text, as most do; false if it holds more, and nothing was taken.
    #[inline]
    fn plain(&mut self, name: &str, scalar: Scalar) -> Result<bool, Stop> {
        let bytes = self.cursor.bytes();
        let start = self.cursor.at;
        let end = scan::markup_end(bytes, start);
        let after = end + 2 + name.len();
        let is_plain = bytes.get(end) == Some(&b'<')
            && bytes.get(end + 1) == Some(&b'/')
            && bytes.get(after) == Some(&b'>')
            && bytes.get(end + 2..after) == Some(name.as_bytes());
        if !is_plain {
            return Ok(false);
        }
        let text = &self.cursor.text[start..end];
        self.scalar(scalar, text, start)?;
        self.cursor.at = after + 1;
        self.end_part(self.parts.len() - 1, 0);
        Ok(true)
    }

    /// Writes the text of an element as its schema types it.
    #[inline]
    fn scalar(&mut self, scalar: Scalar, text: &str, at: usize) -> Result<(), Stop> {
        if let Scalar::Text = scalar {
            write_text(text, &mut self.out);
            return Ok(());
        }
        let begun = text.trim_start_matches(is_space);
        let value = begun.trim_end_matches(is_space);
        let bare = match scalar {
            Scalar::Boolean => match value {
                "true" | "1" => Some("true"),
                "false" | "0" => Some("false"),
                _ => None,
            },
            _ => self.cursor.is_number(value, at + text.len() - begun.len())?.then_some(value),
        };
        match bare {
            Some(bare) => self.out.extend_from_slice(bare.as_bytes()),
            // The reader says what stands here instead.
            None => write_text(text, &mut self.out),
        }
        Ok(())
    }

    /// Opens an element that is one of several objects.
    fn tagged(
        &mut self,
        name: &'a str,
        at: usize,
        tagged: &'static Tagged,
        namespaces: usize,
        steps: u32,
    ) -> Result<(), Stop> {
        let is_type = |attribute: &Attribute<'_>| {
            let (prefix, local) = split(attribute.name);
            local == "type" && self.namespaces.of_attribute(prefix) == Some(INSTANCE)
        };
        let given = self.attributes.iter().position(is_type).map(|index| self.attributes.remove(index).value);
        let mut members: &'static [Member] = &[];
        let mut tag = None;
        if let Some(value) = given {
            let (namespace, local) = attributes::type_name(&self.namespaces, &value);
            let known =
                tagged.variants.iter().find(|(known, _)| *known == local && namespace == Some(tagged.namespace));
            tag = Some(match known {
                Some((known, of_variant)) => {
                    members = of_variant;
                    Cow::Borrowed(*known)
                }
                // No variant has such a tag, which the reader then says.
                None => Cow::Owned(format!("{{{}}}{local}", namespace.unwrap_or(""))),
            });
        }
        self.enter(name, at, Holds::Object, members, namespaces, steps)?;
        if let Some(frame) = self.frames.last_mut() {
            if let Some(value) = &tag {
                write_tag(tagged.tag, value, &mut self.out);
            }
            frame.tag = Some((tagged.tag, tag));
        }
        Ok(())
    }

    /// Opens an element.
    fn enter(
        &mut self,
        name: &'a str,
        at: usize,
        holds: Holds,
        members: &'static [Member],
        namespaces: usize,
        steps: u32,
    ) -> Result<(), Stop> {
        let depth = self.frames.last().map_or(0, |frame| frame.depth) + steps;
        let start = self.out.len();
        let is_object = matches!(holds, Holds::Object);
        if is_object {
            if depth > self.cursor.limits.depth_max {
                return self.too_deep(at);
            }
            self.out.push(b'{');
        }
        self.frames.push(Frame {
            name,
            at,
            holds,
            members,
            tag: None,
            start,
            parts: self.parts.len(),
            names: self.names.len(),
            namespaces,
            depth,
            height: 0,
            seen: 0,
            last: None,
            is_list_open: false,
            is_sorted: is_object,
            is_object,
            text: String::new(),
        });
        Ok(())
    }

    /// Makes room for a value of a member that the table of the innermost element names.
    #[inline]
    fn begin_known(&mut self, index: usize, member: &'static Member, at: usize) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let bit = 1u128 << index;
        if frame.seen & bit != 0 && !member.is_list {
            return self.cursor.fault(at, "duplicate_key", "this element stands twice in its parent");
        }
        frame.seen |= bit;
        if frame.depth + u32::from(member.is_list) > self.cursor.limits.depth_max {
            return self.too_deep(at);
        }
        if frame.is_sorted {
            if frame.last == Some(index) {
                self.out.push(b',');
            } else if frame.last.is_some_and(|last| index < last) {
                frame.is_sorted = false;
            } else {
                if std::mem::replace(&mut frame.is_list_open, member.is_list) {
                    self.out.push(b']');
                }
                write_key(frame.last.is_none() && !frame.has_tag(), member.name, &mut self.out);
                if member.is_list {
                    self.out.push(b'[');
                }
            }
            frame.last = Some(index);
        }
        let start = self.out.len();
        self.parts.push(Part { member: Key::Known(index), start, end: start, height: 0, at });
        Ok(())
    }

    /// Makes room for a value of a member that no table names.
    fn begin_unknown(&mut self, name: Cow<'a, str>, at: usize) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        if frame.depth > self.cursor.limits.depth_max {
            return self.too_deep(at);
        }
        frame.is_sorted = false;
        frame.is_object = true;
        let start = self.out.len();
        self.parts.push(Part { member: Key::Unknown(self.names.len()), start, end: start, height: 0, at });
        self.names.push(name);
        Ok(())
    }

    /// The value of a part ends here.
    #[inline]
    fn end_part(&mut self, part: usize, height: u32) {
        let end = self.out.len();
        let part = &mut self.parts[part];
        (part.end, part.height) = (end, height);
        if let Some(frame) = self.frames.last_mut() {
            let is_item = matches!(part.member, Key::Known(index) if frame.members[index].is_list);
            frame.height = frame.height.max(height + u32::from(is_item));
        }
    }

    /// The name of the member that an attribute is.
    fn attribute_name(&self, name: &str) -> String {
        let (prefix, local) = split(name);
        match self.namespaces.of_attribute(prefix) {
            Some("") | None => format!("@{local}"),
            Some(namespace) => format!("@{{{namespace}}}{local}"),
        }
    }

    /// Keeps the attributes of the start tag as members of the innermost element, beside the element `of` if they are its.
    #[inline]
    fn keep_attributes(&mut self, of: &str) -> Result<(), Stop> {
        if self.attributes.is_empty() {
            return Ok(());
        }
        let attributes = std::mem::take(&mut self.attributes);
        for attribute in &attributes {
            let name = format!("{of}{}", self.attribute_name(attribute.name));
            self.put_text(name, &attribute.value, attribute.at)?;
        }
        Ok(())
    }

    /// Keeps a text as a member that no table names.
    fn put_text(&mut self, name: String, text: &str, at: usize) -> Result<(), Stop> {
        self.begin_unknown(name.into(), at)?;
        write_text(text, &mut self.out);
        self.end_part(self.parts.len() - 1, 0);
        Ok(())
    }

    /// Ends the innermost element: its value is complete.
    fn close(&mut self) -> Result<(), Stop> {
        let Some(mut frame) = self.frames.pop() else { return Ok(()) };
        let has_text = !frame.text.chars().all(is_space);
        let mut height = 0;
        match frame.holds {
            // Text where elements belong: no object stands here, and the reader says so.
            Holds::Object if has_text => {
                self.out.truncate(frame.start);
                write_text(&frame.text, &mut self.out);
            }
            Holds::Object if frame.is_sorted => {
                if frame.is_list_open {
                    self.out.push(b']');
                }
                self.out.push(b'}');
                height = 1 + frame.height;
            }
            Holds::Scalar(scalar) if !frame.is_object => self.scalar(scalar, &frame.text, frame.at)?,
            Holds::Anything if !frame.is_object => write_text(&frame.text, &mut self.out),
            Holds::Object | Holds::Scalar(_) | Holds::Anything => {
                if let Holds::Anything = frame.holds
                    && has_text
                {
                    let (text, at) = (std::mem::take(&mut frame.text), frame.at);
                    self.frames.push(frame);
                    self.put_text("#text".to_owned(), &text, at)?;
                    return self.close();
                }
                height = 1 + self.arrange(&frame)?;
            }
        }
        self.parts.truncate(frame.parts);
        self.names.truncate(frame.names);
        self.namespaces.truncate(frame.namespaces);
        if !self.frames.is_empty() {
            self.end_part(frame.parts - 1, height);
        }
        Ok(())
    }

    /// Puts the members of an object into the order of the schema, those that it does not name behind them as they came.
    /// Returns how deep its values are nested.
    fn arrange(&mut self, frame: &Frame<'a>) -> Result<u32, Stop> {
        let Decoder { parts, names, out, arranged: object, .. } = self;
        let parts = &mut parts[frame.parts..];
        // Values stand in the output as they came, so their places keep those of one member in order.
        parts.sort_unstable_by_key(|part| match part.member {
            Key::Known(index) => (index, part.start),
            Key::Unknown(_) => (usize::MAX, part.start),
        });
        let known = parts.iter().take_while(|part| matches!(part.member, Key::Known(_))).count();
        object.reserve(out.len() - frame.start + ROOM_FOR_NAMES);
        object.push(b'{');
        if let Some((name, Some(value))) = &frame.tag {
            write_tag(name, value, object);
        }
        let mut is_first = !frame.has_tag();
        for items in parts[..known].chunk_by(|a, b| a.member == b.member) {
            let Key::Known(index) = items[0].member else { continue };
            let member = &frame.members[index];
            write_key(is_first, member.name, object);
            is_first = false;
            write_values(items.iter(), member.is_list, out, object);
        }
        // Several of one name are an array, where the first of them stands.
        let mut groups: Vec<(&str, Vec<&Part>)> = Vec::new();
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for part in &parts[known..] {
            let Key::Unknown(name) = part.member else { continue };
            let group = *by_name.entry(&names[name]).or_insert(groups.len());
            if group == groups.len() {
                groups.push((&names[name], Vec::new()));
            }
            groups[group].1.push(part);
        }
        let mut height = frame.height;
        for (name, items) in &groups {
            if let [_, second, ..] = items[..] {
                let of_array = 1 + items.iter().map(|item| item.height).max().unwrap_or(0);
                if frame.depth + of_array > self.cursor.limits.depth_max {
                    return self.cursor.fault(second.at, "depth", TOO_DEEP);
                }
                height = height.max(of_array);
            }
            if !is_first {
                object.push(b',');
            }
            is_first = false;
            write_text(name, object);
            object.push(b':');
            write_values(items.iter().copied(), items.len() > 1, out, object);
        }
        object.push(b'}');
        out.truncate(frame.start);
        out.append(object);
        Ok(height)
    }

    #[cold]
    fn too_deep<T>(&mut self, at: usize) -> Result<T, Stop> {
        self.cursor.fault(at, "depth", TOO_DEEP)
    }
}

/// The names of the members of most objects fit in here.
const ROOM_FOR_NAMES: usize = 512;

const TOO_DEEP: &str = "the document is nested deeper than is read here";

/// The member whose start tag stands after the bracket, if it has no attributes: looked for first among those that may follow
/// in the order of the schema.
#[inline]
fn predict(rest: &[u8], frame: &Frame<'_>) -> Option<usize> {
    let is = |member: &Member| rest.get(member.name.len()) == Some(&b'>') && rest.starts_with(member.name.as_bytes());
    let next = match frame.last {
        Some(last) if frame.is_list_open && is(&frame.members[last]) => return Some(last),
        Some(last) => last + 1,
        None => 0,
    };
    let (before, rest) = frame.members.split_at(next);
    rest.iter().position(is).map(|after| next + after).or_else(|| before.iter().position(is))
}

/// Writes the name of a member; it is plain, as all names of schemas are.
#[inline]
fn write_key(is_first: bool, name: &str, out: &mut Vec<u8>) {
    if !is_first {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn write_tag(name: &str, value: &str, out: &mut Vec<u8>) {
    write_key(true, name, out);
    write_text(value, out);
}

fn write_values<'p>(items: impl Iterator<Item = &'p Part>, is_list: bool, from: &[u8], out: &mut Vec<u8>) {
    if is_list {
        out.push(b'[');
    }
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&from[item.start..item.end]);
    }
    if is_list {
        out.push(b']');
    }
}
