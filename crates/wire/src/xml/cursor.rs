//! The tokens of XML: character data, references, comments, names. A fault ends the reading.

use std::borrow::Cow;

use super::names::{ends_a_name, is_allowed, is_name, is_part_of_a_name};
use crate::reader::{Limits, Mode, Options, Reader, Stop};
use crate::scan;
use crate::violation::Unreadable;

/// The cursor over one XML document.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) limits: Limits,
    /// Knows what a number is: the same reader of numbers judges both forms.
    numbers: Reader<'a>,
    fault: Option<(usize, &'static str, &'static str)>,
}

/// The markup that ends a run of character data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Markup {
    /// A start tag; the cursor stands on its bracket.
    Open,
    /// An end tag; the cursor stands on its bracket.
    Close,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], limits: &Limits) -> Result<Cursor<'a>, Unreadable> {
        let numbers = Reader::new(bytes, &Options { mode: Mode::Tolerant, limits: *limits, facts: None })?;
        let at = if numbers.text.starts_with('\u{feff}') { 3 } else { 0 };
        Ok(Cursor { text: numbers.text, at, limits: *limits, numbers, fault: None })
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    pub(super) fn rest_starts_with(&self, prefix: &str) -> bool {
        self.bytes()[self.at..].starts_with(prefix.as_bytes())
    }

    pub(super) fn skip_space(&mut self) {
        self.at = scan::skip_space(self.bytes(), self.at);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn fault<T>(&mut self, at: usize, code: &'static str, message: &'static str) -> Result<T, Stop> {
        self.fault = Some((at, code, message));
        Err(Stop)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn syntax<T>(&mut self, message: &'static str) -> Result<T, Stop> {
        self.fault(self.at, "syntax", message)
    }

    pub(super) fn unreadable(&self) -> Unreadable {
        let (at, code, message) = self.fault.unwrap_or((self.at, "syntax", "not an XML document"));
        Unreadable::new(self.text.as_bytes(), at, code, message)
    }

    /// Steps over what may stand before the root element.
    pub(super) fn prolog(&mut self) -> Result<(), Stop> {
        if self.rest_starts_with("<?xml") && self.bytes().get(self.at + 5).is_some_and(u8::is_ascii_whitespace) {
            self.declaration()?;
        }
        self.misc()?;
        match self.peek() {
            Some(b'<') => Ok(()),
            _ => self.syntax("the root element must stand here"),
        }
    }

    /// Checks that nothing but comments follows the root element.
    pub(super) fn epilog(&mut self) -> Result<(), Stop> {
        self.misc()?;
        if self.at < self.text.len() { self.syntax("nothing may follow the root element") } else { Ok(()) }
    }

    /// White space and comments outside the root element.
    fn misc(&mut self) -> Result<(), Stop> {
        loop {
            self.skip_space();
            if self.rest_starts_with("<!") || self.rest_starts_with("<?") {
                if !self.rest_starts_with("<!--") {
                    return self.refused_markup();
                }
                self.comment()?;
            } else {
                return Ok(());
            }
        }
    }

    /// `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
    fn declaration(&mut self) -> Result<(), Stop> {
        const NOT_WELL_FORMED: &str = "the XML declaration is not well-formed";
        let start = self.at;
        self.at += 5;
        for (index, name) in ["version", "encoding", "standalone"].into_iter().enumerate() {
            let before = self.at;
            self.skip_space();
            if !self.rest_starts_with(name) {
                if index == 0 {
                    return self.syntax(NOT_WELL_FORMED);
                }
                self.at = before;
                continue;
            }
            if before == self.at {
                return self.syntax(NOT_WELL_FORMED);
            }
            self.at += name.len();
            let at = self.at;
            let value = self.declared_value().unwrap_or_default();
            match name {
                "version" if value == "1.0" => {}
                "version" => return self.fault(at, "syntax", "XML 1.0 is read here"),
                "encoding" if value.eq_ignore_ascii_case("utf-8") => {}
                "encoding" => {
                    return self.fault(at, "utf8", "the document must be UTF-8, and say so if it says anything");
                }
                _ if matches!(value, "yes" | "no") => {}
                _ => return self.fault(at, "syntax", NOT_WELL_FORMED),
            }
        }
        self.skip_space();
        if !self.rest_starts_with("?>") {
            return self.fault(start, "syntax", NOT_WELL_FORMED);
        }
        self.at += 2;
        Ok(())
    }

    /// `="value"`, with white space around the sign.
    fn declared_value(&mut self) -> Option<&'a str> {
        self.skip_space();
        if self.peek() != Some(b'=') {
            return None;
        }
        self.at += 1;
        self.skip_space();
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let start = self.at + 1;
        let length = self.bytes()[start..].iter().position(|&byte| byte == quote)?;
        self.at = start + length + 1;
        self.text.get(start..start + length)
    }

    /// Refuses the markup at the cursor, which begins with `<!` or `<?`.
    #[cold]
    fn refused_markup<T>(&mut self) -> Result<T, Stop> {
        if self.rest_starts_with("<!DOCTYPE") {
            self.fault(self.at, "doctype", "document type declarations are not read")
        } else if self.rest_starts_with("<?") {
            self.syntax("processing instructions are not read, and the XML declaration stands at the very beginning")
        } else {
            self.syntax("this markup may not stand here")
        }
    }

    fn comment(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.at += 4;
        let Some(length) = self.text[self.at..].find("--") else {
            return self.fault(start, "syntax", "the comment does not end");
        };
        let end = self.at + length;
        self.allowed(self.at, end)?;
        self.at = end;
        if self.bytes().get(end + 2) != Some(&b'>') {
            return self.syntax("two hyphens may not stand in a comment");
        }
        self.at = end + 3;
        Ok(())
    }

    /// Checks that the text from `from` to `to` holds only characters of XML.
    fn allowed(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        match self.text[from..to].char_indices().find(|(_, character)| !is_allowed(*character)) {
            Some((at, character)) => self.character(from + at, character),
            None => Ok(()),
        }
    }

    /// Refuses a character.
    #[cold]
    fn character<T>(&mut self, at: usize, character: char) -> Result<T, Stop> {
        match character {
            '\0' => self.fault(at, "nul", "a document may not hold U+0000"),
            _ => self.fault(at, "syntax", "XML does not allow this character"),
        }
    }

    /// Reads character data up to the next tag, and adds it to `keep`. Comments are left out.
    pub(super) fn data(&mut self, keep: &mut String) -> Result<Markup, Stop> {
        loop {
            let end = scan::markup_end(self.bytes(), self.at);
            keep.push_str(&self.text[self.at..end]);
            self.at = end;
            let Some(byte) = self.peek() else { return self.syntax("the document ends too early") };
            match byte {
                b'<' => match self.bytes().get(self.at + 1) {
                    Some(b'/') => return Ok(Markup::Close),
                    Some(b'!') if self.rest_starts_with("<!--") => self.comment()?,
                    Some(b'!') if self.rest_starts_with("<![CDATA[") => self.cdata(keep)?,
                    Some(b'!' | b'?') => return self.refused_markup(),
                    _ => return Ok(Markup::Open),
                },
                b'&' => keep.push(self.reference()?),
                b']' if self.rest_starts_with("]]>") => return self.syntax("`]]>` may not stand in text"),
                _ => self.plain(keep)?,
            }
        }
    }

    /// One character that needs a look: a line end is one newline, however it was written.
    fn plain(&mut self, keep: &mut String) -> Result<(), Stop> {
        let Some(character) = self.text[self.at..].chars().next() else { return Ok(()) };
        if !is_allowed(character) {
            return self.character(self.at, character);
        }
        self.at += character.len_utf8();
        match character {
            '\r' if self.peek() == Some(b'\n') => {}
            '\r' => keep.push('\n'),
            other => keep.push(other),
        }
        Ok(())
    }

    fn cdata(&mut self, keep: &mut String) -> Result<(), Stop> {
        let start = self.at + 9;
        let Some(length) = self.text[start..].find("]]>") else {
            return self.syntax("the CDATA section does not end");
        };
        self.at = start;
        while self.at < start + length {
            self.plain(keep)?;
        }
        self.at = start + length + 3;
        Ok(())
    }

    /// The character that a reference stands for.
    fn reference(&mut self) -> Result<char, Stop> {
        let start = self.at;
        let length = self.bytes()[start..].iter().take(16).position(|&byte| byte == b';');
        let name = length.and_then(|length| self.text.get(start + 1..start + length));
        let character = match name {
            Some("lt") => '<',
            Some("gt") => '>',
            Some("amp") => '&',
            Some("quot") => '"',
            Some("apos") => '\'',
            Some(number) if number.starts_with('#') => self.numbered(start, &number[1..])?,
            Some(name) if is_name(name) => {
                return self.fault(start, "entity", "only the five entities of XML itself are known");
            }
            _ => return self.entity_or_ampersand(start),
        };
        self.at = start + name.map_or(0, str::len) + 2;
        Ok(character)
    }

    /// A reference with a long name, or an ampersand that is none.
    #[cold]
    fn entity_or_ampersand<T>(&mut self, start: usize) -> Result<T, Stop> {
        let rest = &self.text[start + 1..];
        let end = rest.find(|character| !is_part_of_a_name(character)).unwrap_or(rest.len());
        if rest[end..].starts_with(';') && is_name(&rest[..end]) {
            return self.fault(start, "entity", "only the five entities of XML itself are known");
        }
        self.fault(start, "syntax", "an ampersand in text is written `&amp;`")
    }

    fn numbered(&mut self, start: usize, number: &str) -> Result<char, Stop> {
        let (digits, radix) = match number.strip_prefix('x') {
            Some(digits) => (digits, 16),
            None => (number, 10),
        };
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            return self.fault(start, "syntax", "a character reference needs digits");
        }
        match u32::from_str_radix(digits, radix) {
            Ok(0xd800..=0xdfff) => self.fault(start, "surrogate", "a surrogate is no character"),
            code => match code.ok().and_then(char::from_u32) {
                Some(character) if is_allowed(character) => Ok(character),
                Some(character) => self.character(start, character),
                None => self.fault(start, "syntax", "there is no such character"),
            },
        }
    }

    /// The value of an attribute, normalised; the cursor stands on its opening quote.
    pub(super) fn attribute_value(&mut self) -> Result<Cow<'a, str>, Stop> {
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => quote,
            _ => return self.syntax("the value of an attribute must stand in quotes"),
        };
        let start = self.at + 1;
        let plain = |byte: &u8| *byte != quote && *byte >= b' ' && !matches!(byte, b'<' | b'&' | 0xef);
        let length = self.bytes()[start..].iter().take_while(|byte| plain(byte)).count();
        self.at = start + length;
        if self.peek() == Some(quote) {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..start + length]));
        }
        let mut value = self.text[start..self.at].to_owned();
        loop {
            match self.peek() {
                Some(byte) if byte == quote => break,
                Some(b'&') => value.push(self.reference()?),
                Some(b'<') => return self.syntax("`<` in the value of an attribute is written `&lt;`"),
                Some(_) => {
                    let from = value.len();
                    self.plain(&mut value)?;
                    if matches!(&value[from..], "\t" | "\n") {
                        value.replace_range(from.., " ");
                    }
                }
                None => return self.syntax("the document ends too early"),
            }
        }
        self.at += 1;
        Ok(Cow::Owned(value))
    }

    /// A name with an optional prefix, as it is written.
    pub(super) fn name(&mut self) -> Result<&'a str, Stop> {
        let start = self.at;
        let length = self.bytes()[start..].iter().take_while(|byte| !ends_a_name(**byte)).count();
        let name = &self.text[start..start + length];
        let (prefix, local) = split(name);
        if !is_name(local) || !(prefix.is_empty() || is_name(prefix)) || name.starts_with(':') {
            return self.syntax("a name must stand here");
        }
        self.at += length;
        Ok(name)
    }

    /// Whether a text is a number of JSON. It may be part of the document, at `at`.
    pub(super) fn is_number(&mut self, text: &str, at: usize) -> Result<bool, Stop> {
        if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) || text.is_empty() {
            return Ok(false);
        }
        let is_in_place = self.text.get(at..at + text.len()) == Some(text);
        let (judged, end) = if is_in_place {
            self.numbers.at = at;
            (self.numbers.number_token().map(|_| self.numbers.at), at + text.len())
        } else {
            // Written with references: judged apart, with the same bound on what exponents stand for.
            let options = Options { mode: Mode::Tolerant, limits: self.limits, facts: None };
            let Ok(mut apart) = Reader::new(text.as_bytes(), &options) else { return Ok(false) };
            apart.written_out = self.numbers.written_out;
            let judged = apart.number_token().map(|_| apart.at);
            self.numbers.written_out = apart.written_out;
            if judged.is_err() {
                self.numbers.stop = apart.stop;
            }
            (judged, text.len())
        };
        match judged {
            Ok(stopped_at) => Ok(stopped_at == end),
            Err(Stop) => match self.numbers.stop {
                Some((_, "number_size", message)) => self.fault(at, "number_size", message),
                _ => Ok(false),
            },
        }
    }
}

/// The prefix and the local part of a name; no prefix is an empty one.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}
