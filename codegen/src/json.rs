//! JSON with spans: what the generator reads schemas into.
//!
//! Numbers stay text (no float may touch a bound), members stay in order, a duplicate key is refused, depth is limited.
//! This is not the reader of requests; that one is in `usher-wire`.

use std::fmt::Write as _;
use std::ops::Range;

/// Deepest nesting of arrays and objects that is read.
pub const DEPTH_MAX: usize = 128;

/// A value and where it stands in the text.
#[derive(Clone, Debug)]
pub struct Node {
    /// Byte range of the value in the document's text.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The number as it was written.
    Number(String),
    /// The string, unescaped.
    String(String),
    /// The items in order.
    Array(Vec<Node>),
    /// The members in the order of the document; keys are unique.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// The key, unescaped.
    pub key: String,
    /// Byte range of the key with its quotes.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

/// Why a text is not JSON that the generator reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte range of the fault.
    pub span: Range<usize>,
    /// JSON Pointer of the value that was being read.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Reads one JSON text.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, depth: 0 };
    if text.starts_with('\u{feff}') {
        return Err(parser
            .fault(0..3, "the file starts with a byte order mark")
            .with_help("save it as UTF-8 without one"));
    }
    parser.skip_space();
    let node = parser.value().map_err(|fault| fault.finish())?;
    parser.skip_space();
    if parser.at < parser.bytes.len() {
        let fault = parser.fault(parser.here(), "there is more text after the value");
        return Err(fault);
    }
    Ok(node)
}

impl Node {
    /// The value of a member, if this is an object that has it.
    pub fn member(&self, key: &str) -> Option<&Node> {
        self.member_entry(key).map(|member| &member.value)
    }

    /// A member with its key's span, if this is an object that has it.
    pub fn member_entry(&self, key: &str) -> Option<&Member> {
        self.as_object()?.iter().find(|member| member.key == key)
    }

    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is an array.
    pub fn as_array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The number as written, if this is one.
    pub fn as_number_text(&self) -> Option<&str> {
        match &self.value {
            Value::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a number that is a non-negative integer of at most 64 bits; `2.0` and `20e-1` are 2.
    pub fn as_u64(&self) -> Option<u64> {
        let number = Number::of(self.as_number_text()?);
        if number.negative || number.exponent < 0 || number.exponent > 20 {
            return None;
        }
        let mut text = if number.digits.is_empty() { "0".to_owned() } else { number.digits };
        text.extend(std::iter::repeat_n('0', number.exponent as usize));
        text.parse().ok()
    }

    /// What kind of JSON value this is, as JSON Schema names it (`number` for every number).
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// The value at a JSON Pointer (RFC 6901) below this one; `""` is this value.
    pub fn at_pointer(&self, pointer: &str) -> Option<&Node> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut node = self;
        for token in pointer.strip_prefix('/')?.split('/') {
            let token = unescape_token(token)?;
            node = match &node.value {
                Value::Object(_) => node.member(&token)?,
                Value::Array(items) => items.get(array_index(&token)?)?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// Compact JSON, numbers as written, members in order.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_compact(self, &mut out);
        out
    }

    /// JSON indented by two blanks, numbers as written, members in order, without a final newline.
    pub fn to_json_pretty(&self) -> String {
        let mut out = String::new();
        write_pretty(self, 0, &mut out);
        out
    }

    /// A value that stands in no document, for text the generator writes itself.
    pub fn new(value: Value) -> Node {
        Node { span: 0..0, value }
    }

    /// A string that stands in no document.
    pub fn string(text: impl Into<String>) -> Node {
        Node::new(Value::String(text.into()))
    }
}

impl Member {
    /// A member that stands in no document.
    pub fn new(key: impl Into<String>, value: Node) -> Member {
        Member { key: key.into(), key_span: 0..0, value }
    }
}

impl PartialEq for Node {
    /// Equality by JSON value: spans, the order of members and the spelling of numbers do not count.
    fn eq(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => Number::of(a) == Number::of(b),
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => a == b,
            (Value::Object(a), Value::Object(b)) => {
                // Keys are unique, so equal sizes and inclusion one way are enough.
                a.len() == b.len() && a.iter().all(|member| other.member(&member.key) == Some(&member.value))
            }
            _ => false,
        }
    }
}

impl Eq for Node {}

/// Escapes one key for use in a JSON Pointer.
pub fn escape_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Undoes [`escape_token`]; `None` for a `~` that is followed by neither 0 nor 1.
pub fn unescape_token(token: &str) -> Option<String> {
    let mut out = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

/// Appends a JSON string literal with its quotes.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A number as sign, significant digits and power of ten: equal values have equal parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Below zero; zero itself is never negative.
    pub negative: bool,
    /// Digits without leading or trailing zeros; empty for zero.
    pub digits: String,
    /// The power of ten the digits are multiplied by; 0 for zero.
    pub exponent: i64,
}

impl Number {
    /// The parts of a JSON number.
    pub fn of(text: &str) -> Number {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().unwrap_or(0)),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Number { negative: false, digits, exponent: 0 };
        }
        let trailing = all.len() - all.trim_end_matches('0').len();
        let exponent = power - fraction.len() as i64 + trailing as i64;
        Number { negative, digits, exponent }
    }

    /// Whether the value is an integer.
    pub fn is_integer(&self) -> bool {
        self.exponent >= 0
    }
}

fn array_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with('0');
    let digits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { token.parse().ok() } else { None }
}

fn write_compact(node: &Node, out: &mut String) {
    match &node.value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_compact(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(&member.key, out);
                out.push(':');
                write_compact(&member.value, out);
            }
            out.push('}');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_pretty(node: &Node, indent: usize, out: &mut String) {
    let line = |out: &mut String, indent: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent * 2));
    };
    match &node.value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                write_pretty(item, indent + 1, out);
            }
            line(out, indent);
            out.push(']');
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                write_string(&member.key, out);
                out.push_str(": ");
                write_pretty(&member.value, indent + 1, out);
            }
            line(out, indent);
            out.push('}');
        }
        _ => write_compact(node, out),
    }
}

fn write_scalar(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(text) => out.push_str(text),
        Value::String(text) => write_string(text, out),
        Value::Array(_) | Value::Object(_) => {}
    }
}

/// A syntax error on its way out: the path is collected from the inside to the outside.
struct Fault {
    error: SyntaxError,
    path: Vec<String>,
}

impl Fault {
    fn finish(self) -> SyntaxError {
        let pointer = self.path.iter().rev().map(|token| format!("/{token}")).collect();
        SyntaxError { pointer, ..self.error }
    }

    fn inside(mut self: Box<Self>, token: String) -> Box<Fault> {
        self.path.push(token);
        self
    }
}

impl SyntaxError {
    fn with_help(mut self, help: &str) -> SyntaxError {
        self.help = Some(help.to_owned());
        self
    }
}

impl From<SyntaxError> for Box<Fault> {
    fn from(error: SyntaxError) -> Box<Fault> {
        Box::new(Fault { error, path: Vec::new() })
    }
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The span of the character at the cursor; empty at the end of the text.
    fn here(&self) -> Range<usize> {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        self.at..self.at + length
    }

    fn fault(&self, span: Range<usize>, message: impl Into<String>) -> SyntaxError {
        SyntaxError { span, pointer: String::new(), message: message.into(), help: None }
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = match self.text[self.at..].chars().next() {
            Some(char) => format!("{char:?}"),
            None => "the end of the file".to_owned(),
        };
        self.fault(self.here(), format!("expected {wanted}, found {found}"))
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Node, Box<Fault>> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Parser::object)?,
            Some(b'[') => self.nested(Parser::array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value").into()),
        };
        Ok(Node { span: start..self.at, value })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Box<Fault>>) -> Result<Value, Box<Fault>> {
        if self.depth == DEPTH_MAX {
            return Err(self.fault(self.here(), format!("nested more than {DEPTH_MAX} deep")).into());
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Box<Fault>> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.unexpected("a value").into())
        }
    }

    fn array(&mut self) -> Result<Value, Box<Fault>> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_space();
            let item = self.value().map_err(|fault| fault.inside(items.len().to_string()))?;
            items.push(item);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return Err(self.unexpected("`,` or `]`").into()),
            }
        }
    }

    fn object(&mut self) -> Result<Value, Box<Fault>> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes").into());
            }
            let key = self.string()?;
            let key_span = start..self.at;
            let token = || escape_token(&key);
            if !seen.insert(key.clone()) {
                let fault = self
                    .fault(key_span, format!("the key {key:?} stands here twice"))
                    .with_help("remove one of the two");
                return Err(Box::<Fault>::from(fault).inside(token()));
            }
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(Box::<Fault>::from(self.unexpected("`:`")).inside(token()));
            }
            self.at += 1;
            self.skip_space();
            let value = self.value().map_err(|fault| fault.inside(token()))?;
            members.push(Member { key, key_span, value });
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(members));
                }
                _ => return Err(self.unexpected("`,` or `}`").into()),
            }
        }
    }

    fn number(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.one_digit_or_more()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            let power = self.at;
            self.one_digit_or_more()?;
            // A power of ten this large cannot be compared by value in any useful time or space.
            if self.text[power..self.at].trim_start_matches('0').len() > 6 {
                return Err(self.fault(start..self.at, "the exponent is larger than 999999"));
            }
        }
        if matches!(self.peek(), Some(b'0'..=b'9' | b'.' | b'+' | b'-')) {
            return Err(self.unexpected("the end of the number"));
        }
        Ok(self.text[start..self.at].to_owned())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn one_digit_or_more(&mut self) -> Result<(), SyntaxError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        self.digits();
        Ok(())
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= b' ') {
                self.at += 1;
            }
            out.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => {
                    let fault = self.fault(self.here(), "a control character stands in a string");
                    return Err(fault.with_help("write it as an escape, for example \\n or \\u0009"));
                }
                None => return Err(self.fault(start..self.at, "the string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let simple = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => {
                let fault = self.fault(start..self.here().end, "unknown escape in a string");
                return Err(fault.with_help("a backslash itself is written \\\\"));
            }
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        let high = self.four_hex_digits(start)?;
        let code = match high {
            0xd800..=0xdbff if self.text[self.at..].starts_with("\\u") => {
                self.at += 1;
                match self.four_hex_digits(start)? {
                    low @ 0xdc00..=0xdfff => 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                    _ => high,
                }
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.fault(start..self.at, "a lone surrogate is not a character"))
    }

    /// Reads `uXXXX`; the cursor stands on the `u`.
    fn four_hex_digits(&mut self, start: usize) -> Result<u32, SyntaxError> {
        self.at += 1;
        let digits = self.bytes.get(self.at..self.at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match digits {
            Some(digits) => {
                self.at += 4;
                Ok(digits.iter().fold(0, |code, digit| code * 16 + (*digit as char).to_digit(16).unwrap_or(0)))
            }
            None => Err(self.fault(start..self.at, "\\u needs four hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn values_compare_by_json_value() {
        let equal = [
            ("1", "1.0"),
            ("20e-1", "2"),
            ("0", "-0.0e5"),
            ("1e2", "100"),
            ("{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}"),
            ("\"\\u0061\"", "\"a\""),
        ];
        for (left, right) in equal {
            assert_eq!(read(left), read(right));
        }
        for (left, right) in
            [("1", "\"1\""), ("0.1", "0.10000000000000000001"), ("[1,2]", "[2,1]"), ("{}", "{\"a\":null}"), ("-1", "1")]
        {
            assert_ne!(read(left), read(right));
        }
    }

    #[test]
    fn spans_cover_keys_and_values() {
        let text = r#"{"a": [10, {"b": "x"}]}"#;
        let node = read(text);
        let inner = node.at_pointer("/a/1/b").expect("the value is there");
        assert_eq!(&text[inner.span.clone()], "\"x\"");
        let key = node.member_entry("a").expect("the member is there");
        assert_eq!(&text[key.key_span.clone()], "\"a\"");
    }

    #[test]
    fn pointers_follow_rfc_6901() {
        let node = read(r#"{"a/b": {"m~n": [1]}, "": 2}"#);
        assert_eq!(node.at_pointer("/a~1b/m~0n/0").and_then(Node::as_number_text), Some("1"));
        assert_eq!(node.at_pointer("/").and_then(Node::as_number_text), Some("2"));
        for absent in ["a", "/a~1b/m~0n/00", "/a~1b/m~0n/-", "/a~2b", "/a~1b/m~0n/0/x", "/a~1b/m~0n/+0"] {
            assert!(node.at_pointer(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn text_comes_back_as_written() {
        let text = r#"{"n":1.50,"e":1E+2,"s":"a\"\\\n\u0001ü","l":[true,false,null,{},[]]}"#;
        assert_eq!(read(text).to_json(), text);
        assert_eq!(read(&read(text).to_json_pretty()).to_json(), text);
    }

    #[test]
    fn integers_are_read_by_value() {
        for (text, value) in [
            ("2.0", Some(2)),
            ("20e-1", Some(2)),
            ("1e3", Some(1000)),
            ("-1", None),
            ("0.5", None),
            ("1e30", None),
            ("-0", Some(0)),
        ] {
            assert_eq!(read(text).as_u64(), value, "{text}");
        }
    }

    #[test]
    fn faults_name_the_place() {
        let faults: String = [
            "",
            "[1,]",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"b/c\":[0,tru]}}",
            "{a:1}",
            "01",
            "1.",
            "1e9999999",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"\n\"",
            "\"abc",
            "[1] 2",
            "\u{feff}{}",
            "-",
            "\"\\u12g4\"",
            "{\"a\" 1}",
        ]
        .iter()
        .map(|text| match parse(text) {
            Ok(_) => panic!("{text} was read"),
            Err(error) => format!("{text:?}: {:?} at {:?} {:?}\n", error.message, error.span, error.pointer),
        })
        .collect();
        insta::assert_snapshot!(faults);
    }

    #[test]
    fn depth_is_limited_exactly() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&deep(DEPTH_MAX)).is_ok());
        assert!(parse(&deep(DEPTH_MAX + 1)).is_err());
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }
}
