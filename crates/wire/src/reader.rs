//! The cursor over the bytes of one JSON text. It reports every broken rule and goes on; a fault of the syntax ends it.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::decimal::Decimal;
use crate::json;
use crate::path::Path;
use crate::scan;
use crate::violation::{Unreadable, Violation, Violations, Warning};

/// Reading ended at a fault of the syntax; the reader knows which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// A value that was read; none when a rule was broken on the way, which the reader then knows.
pub type Read<T> = Result<Option<T>, Stop>;

/// How members and enum values that the contract does not name are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A request of an application that wants to hear of its mistakes: an unknown member is a violation.
    Strict,
    /// A request of an application that sends more than we know: unknown members are kept, with a warning.
    Tolerant,
    /// An answer or an event, perhaps from a newer version: unknown members and enum values are kept.
    Answer,
}

/// What the reader refuses as unreadable, apart from the syntax of JSON itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest document, in bytes.
    pub body_bytes_max: usize,
    /// Deepest nesting of objects and arrays.
    pub depth_max: u32,
    /// Most digits of a number, before and after the point together.
    pub number_digits_max: usize,
    /// Largest exponent of a number, either way.
    pub exponent_max: u32,
    /// Most violations, and most warnings, that are listed.
    pub listed_max: usize,
    /// Whether a member name may not stand twice in an object.
    pub refuse_duplicates: bool,
    /// Whether a string may not hold U+0000.
    pub refuse_nul: bool,
}

impl Limits {
    /// The profile of the gateway.
    pub const GATEWAY: Limits = Limits {
        body_bytes_max: 256 * 1024,
        depth_max: 32,
        number_digits_max: 128,
        exponent_max: 400,
        listed_max: 50,
        refuse_duplicates: true,
        refuse_nul: true,
    };

    /// What JSON itself allows, within what memory and stack can bear.
    pub const OPEN: Limits = Limits {
        body_bytes_max: usize::MAX,
        depth_max: 512,
        number_digits_max: usize::MAX,
        exponent_max: 100_000,
        listed_max: 50,
        refuse_duplicates: false,
        refuse_nul: false,
    };
}

/// A scalar that was read and has the right shape, for a rule that needs facts.
#[derive(Debug, Clone, Copy)]
pub enum Scalar<'v> {
    /// A string.
    Text(&'v str),
    /// A number.
    Number(&'v Decimal),
}

/// What a rule that needs facts has to say of a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The rule is broken.
    Violation {
        /// The kind of rule, from the closed table of codes.
        code: &'static str,
        /// What is expected, in English, without the value.
        message: Cow<'static, str>,
        /// The limit that was broken, as JSON text.
        limit: Option<Cow<'static, str>>,
    },
    /// The value is taken, and this should be known.
    Warning {
        /// The kind of warning, from the closed table of codes.
        code: &'static str,
        /// What was noticed, in English, without the value.
        message: Cow<'static, str>,
    },
}

/// Rules on single members that need facts from outside the contract: a clock, a numbering plan, a list.
pub trait Facts: Sync {
    /// Applies `rule` (the schema's `x-rule`) to a member that parsed. Called in document order.
    fn check(&self, rule: &'static str, value: Scalar<'_>) -> Option<Finding>;

    /// The same, told where the member stands: rules on two members find the other one by it.
    fn check_at(&self, rule: &'static str, value: Scalar<'_>, at: &Path<'_>) -> Option<Finding> {
        let _ = at;
        self.check(rule, value)
    }
}

/// How a document is read.
#[derive(Clone, Copy)]
pub struct Options<'f> {
    /// How unknown members and enum values are taken.
    pub mode: Mode,
    /// What is refused as unreadable.
    pub limits: Limits,
    /// The rules that need facts; without them only the contract itself is checked.
    pub facts: Option<&'f dyn Facts>,
}

/// The JSON type of a value, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number.
    Number,
    /// A string.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// The state of an array being read.
pub struct Items {
    next: usize,
}

impl Items {
    /// How many items were met.
    pub fn count(&self) -> usize {
        self.next
    }
}

/// A number as it stands in the text.
#[derive(Clone, Copy)]
pub(crate) struct Number<'a> {
    text: &'a str,
    negative: bool,
    /// The digits without the point, if there are at most eighteen.
    coefficient: i64,
    digits: usize,
    exponent: i32,
}

impl Number<'_> {
    /// The exact value.
    #[inline]
    pub(crate) fn decimal(&self) -> Decimal {
        if self.digits <= 18 {
            return Decimal::new(self.coefficient, self.exponent);
        }
        let mantissa = self.text.split(['e', 'E']).next().unwrap_or_default();
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        Decimal::from_digits(self.negative, &digits, self.exponent)
    }
}

/// Reads one JSON text. Generated code drives it; [`crate::parse`] is the way in.
pub struct Reader<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    depth: u32,
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    facts: Option<&'a dyn Facts>,
    /// Only the verdict counts: nothing is listed, no facts are asked.
    quiet: bool,
    /// A value is read again for one part of its rules; only the first reading knows what is unknown in it.
    pub(crate) again: bool,
    broken: usize,
    fact_broken: usize,
    violations: Vec<Violation>,
    warnings: Vec<Warning>,
    truncated: bool,
    pub(crate) stop: Option<(usize, &'static str, &'static str)>,
    /// Digits that exponents stand for: a short text must not become a long canonical form.
    pub(crate) written_out: usize,
    /// Names in the objects being read that no contract describes, innermost last.
    names: Vec<Cow<'a, str>>,
    verdicts: HashMap<(usize, u32, u32), bool>,
    /// The resources on the way to here that may answer a `$dynamicRef`, outermost first, each once.
    scopes: Vec<u32>,
}

impl<'a> Reader<'a> {
    /// Begins to read `bytes`.
    ///
    /// # Errors
    /// The document is too long or not UTF-8.
    pub fn new(bytes: &'a [u8], options: &Options<'a>) -> Result<Self, Unreadable> {
        if bytes.len() > options.limits.body_bytes_max {
            return Err(Unreadable::new(bytes, 0, "body_too_large", "the document is longer than is read here"));
        }
        let text = match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => {
                let at = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
                return Err(Unreadable::new(bytes, at, "utf8", "the document must be UTF-8"));
            }
        };
        Ok(Reader {
            text,
            at: 0,
            depth: 0,
            mode: options.mode,
            limits: options.limits,
            facts: options.facts,
            quiet: false,
            again: false,
            broken: 0,
            fact_broken: 0,
            violations: Vec::new(),
            warnings: Vec::new(),
            truncated: false,
            stop: None,
            written_out: 0,
            names: Vec::new(),
            verdicts: HashMap::new(),
            scopes: Vec::new(),
        })
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// Stops at anything else.
    pub fn finish(&mut self) -> Result<(), Stop> {
        self.at = scan::skip_space(self.bytes(), self.at);
        if self.at < self.text.len() { self.syntax("nothing may follow the value") } else { Ok(()) }
    }

    /// Why reading stopped.
    pub fn unreadable(&self) -> Unreadable {
        let (at, code, message) = self.stop.unwrap_or((self.at, "syntax", "not a JSON text"));
        Unreadable::new(self.text.as_bytes(), at, code, message)
    }

    /// What was found: violations, warnings, and how many of the violations the shape alone made.
    pub(crate) fn into_findings(self) -> (Violations, Vec<Warning>, usize) {
        let shape = self.broken - self.fact_broken;
        (Violations { list: self.violations, truncated: self.truncated }, self.warnings, shape)
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    #[inline(always)]
    pub(crate) fn skip_space(&mut self) {
        self.at = scan::skip_space(self.bytes(), self.at);
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn syntax<T>(&mut self, message: &'static str) -> Result<T, Stop> {
        self.stop_at(self.at, "syntax", message)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn stop_at<T>(&mut self, at: usize, code: &'static str, message: &'static str) -> Result<T, Stop> {
        self.stop = Some((at, code, message));
        Err(Stop)
    }

    // ---- reports

    /// Records a broken rule. Used by generated code and by the rules.
    #[cold]
    #[inline(never)]
    pub fn violate(
        &mut self,
        at: &Path<'_>,
        schema: &'static str,
        keyword: &'static str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        limit: Option<Cow<'static, str>>,
    ) {
        self.broken += 1;
        if self.quiet {
            return;
        }
        if self.violations.len() < self.limits.listed_max {
            let message = message.into();
            self.violations.push(Violation { pointer: at.pointer(), code, message, limit, schema, keyword });
        } else {
            self.truncated = true;
        }
    }

    /// Records something to be known.
    #[cold]
    #[inline(never)]
    pub(crate) fn warn(&mut self, at: &Path<'_>, code: &'static str, message: impl Into<Cow<'static, str>>) {
        if !self.quiet && self.warnings.len() < self.limits.listed_max {
            self.warnings.push(Warning { pointer: at.pointer(), code, message: message.into() });
        }
    }

    /// Asks the facts about a member that parsed.
    #[inline]
    pub(crate) fn fact(&mut self, at: &Path<'_>, schema: &'static str, rule: &'static str, value: Scalar<'_>) {
        let Some(facts) = self.facts.filter(|_| !self.quiet) else { return };
        match facts.check_at(rule, value, at) {
            None => {}
            Some(Finding::Warning { code, message }) => self.warn(at, code, message),
            Some(Finding::Violation { code, message, limit }) => {
                self.violate(at, schema, "x-rule", code, message, limit);
                self.fact_broken += 1;
            }
        }
    }

    /// Records that the value at the cursor has another JSON type than `expected`, and steps over it.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[cold]
    #[inline(never)]
    pub fn wrong_type(&mut self, at: &Path<'_>, schema: &'static str, expected: &'static str) -> Result<(), Stop> {
        self.violate(at, schema, "type", "type", format!("must be {expected}"), Some(quoted(expected)));
        json::skip(self)
    }

    // ---- tokens

    /// The JSON type of the value at the cursor.
    ///
    /// # Errors
    /// Stops where no value begins.
    #[inline(always)]
    pub fn kind(&mut self) -> Result<Kind, Stop> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => self.syntax("a JSON value must stand here"),
            None => self.syntax("the document ends too early"),
        }
    }

    pub(crate) fn literal(&mut self, literal: &'static str) -> Result<(), Stop> {
        if self.bytes()[self.at..].starts_with(literal.as_bytes()) {
            self.at += literal.len();
            Ok(())
        } else {
            self.syntax("a JSON value must stand here")
        }
    }

    /// Reads `null`.
    ///
    /// # Errors
    /// Stops at anything else.
    pub fn null_token(&mut self) -> Result<(), Stop> {
        self.literal("null")
    }

    #[inline(always)]
    pub(crate) fn boolean_token(&mut self) -> Result<bool, Stop> {
        if self.peek() == Some(b't') {
            self.literal("true").map(|()| true)
        } else {
            self.literal("false").map(|()| false)
        }
    }

    /// Reads a string; the cursor stands on its opening quote.
    #[inline(always)]
    pub(crate) fn text_token(&mut self) -> Result<Cow<'a, str>, Stop> {
        let start = self.at + 1;
        let end = scan::plain_end(self.bytes(), start);
        if self.bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        let mut text = String::new();
        self.escaped(start, end, Some(&mut text))?;
        Ok(Cow::Owned(text))
    }

    /// Steps over a string, with all checks of one that is kept.
    pub(crate) fn skip_text(&mut self) -> Result<(), Stop> {
        let start = self.at + 1;
        let end = scan::plain_end(self.bytes(), start);
        self.escaped(start, end, None)
    }

    /// The rest of a string from its first stop byte at `stop`.
    #[inline(never)]
    fn escaped(&mut self, start: usize, stop: usize, mut keep: Option<&mut String>) -> Result<(), Stop> {
        let (mut from, mut stop) = (start, stop);
        loop {
            if let Some(text) = &mut keep {
                text.push_str(&self.text[from..stop]);
            }
            self.at = stop;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    if let Some(text) = &mut keep {
                        text.push(character);
                    }
                    from = self.at;
                    stop = scan::plain_end(self.bytes(), from);
                }
                Some(_) => return self.syntax("a control character in a string must be escaped"),
                None => return self.syntax("the string does not end"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let begin = self.at;
        let letter = self.bytes().get(begin + 1).copied();
        self.at = begin + 2;
        let character = match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex4(begin)?;
                let code = match high {
                    0xd800..0xdc00 if self.bytes()[self.at..].starts_with(b"\\u") => {
                        self.at += 2;
                        let low = self.hex4(begin)?;
                        // A low half outside its range leaves a lone surrogate below, which is no character.
                        if (0xdc00..0xe000).contains(&low) {
                            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                        } else {
                            high
                        }
                    }
                    other => other,
                };
                match char::from_u32(code) {
                    Some('\0') if self.limits.refuse_nul => {
                        return self.stop_at(begin, "nul", "a string may not hold U+0000");
                    }
                    Some(character) => character,
                    None => return self.stop_at(begin, "surrogate", "a surrogate must stand in a pair"),
                }
            }
            _ => {
                self.at = begin;
                return self.syntax("unknown escape in a string");
            }
        };
        Ok(character)
    }

    fn hex4(&mut self, begin: usize) -> Result<u32, Stop> {
        let digits = self.bytes().get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
        });
        match value {
            Some(value) => {
                self.at += 4;
                Ok(value)
            }
            None => self.stop_at(begin, "syntax", "an escape needs four hexadecimal digits"),
        }
    }

    /// Reads a number; the cursor stands on its first byte.
    #[inline]
    pub(crate) fn number_token(&mut self) -> Result<Number<'a>, Stop> {
        let bytes = self.bytes();
        let start = self.at;
        let negative = bytes.get(start) == Some(&b'-');
        let whole = start + usize::from(negative);
        let mut at = whole;
        let mut coefficient = 0i64;
        while let Some(digit) = digit(bytes, at) {
            coefficient = coefficient.wrapping_mul(10).wrapping_add(i64::from(digit));
            at += 1;
        }
        let mut digits = at - whole;
        if digits == 0 {
            return self.stop_at(start, "syntax", "a number needs a digit");
        }
        if digits > 1 && bytes[whole] == b'0' {
            return self.stop_at(start, "syntax", "a number has no leading zeros");
        }
        let mut exponent = 0i32;
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            let fraction = at;
            while let Some(digit) = digit(bytes, at) {
                coefficient = coefficient.wrapping_mul(10).wrapping_add(i64::from(digit));
                at += 1;
            }
            if at == fraction {
                return self.stop_at(start, "syntax", "a number needs a digit after its point");
            }
            digits += at - fraction;
            // A document of two gigabytes in one number saturates and is refused below.
            exponent = -i32::try_from(at - fraction).unwrap_or(i32::MAX);
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at = self.exponent(start, at, &mut exponent)?;
        }
        if digits > self.limits.number_digits_max || exponent.unsigned_abs() > self.exponent_bound(digits) {
            return self.stop_at(start, "number_size", "the number is larger than is read here");
        }
        self.at = at;
        let coefficient = if negative { coefficient.wrapping_neg() } else { coefficient };
        Ok(Number { text: &self.text[start..at], negative, coefficient, digits, exponent })
    }

    /// The digits after the point lower the exponent; they have a limit of their own.
    fn exponent_bound(&self, digits: usize) -> u32 {
        self.limits.exponent_max.saturating_add(u32::try_from(digits).unwrap_or(u32::MAX))
    }

    #[cold]
    fn exponent(&mut self, start: usize, e: usize, exponent: &mut i32) -> Result<usize, Stop> {
        let bytes = self.bytes();
        let mut at = e + 1;
        let negative = bytes.get(at) == Some(&b'-');
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let first = at;
        let mut written = 0i32;
        while let Some(digit) = digit(bytes, at) {
            written = written.saturating_mul(10).saturating_add(i32::from(digit));
            at += 1;
        }
        if at == first {
            return self.stop_at(start, "syntax", "a number needs a digit in its exponent");
        }
        if written.unsigned_abs() > self.limits.exponent_max {
            return self.stop_at(start, "number_size", "the exponent is larger than is read here");
        }
        self.written_out = self.written_out.saturating_add(written.unsigned_abs() as usize);
        if self.written_out > self.limits.body_bytes_max {
            return self.stop_at(start, "number_size", "the exponents stand for more digits than are read here");
        }
        *exponent = exponent.saturating_add(if negative { -written } else { written });
        Ok(at)
    }

    /// Steps over the value at the cursor and returns its text.
    pub(crate) fn raw(&mut self) -> Result<&'a str, Stop> {
        self.skip_space();
        let start = self.at;
        json::skip(self)?;
        Ok(&self.text[start..self.at])
    }

    /// Steps over the value at the cursor, checking only its syntax. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    pub fn skip(&mut self) -> Result<(), Stop> {
        json::skip(self)
    }

    // ---- arrays, and objects no contract describes

    #[inline(always)]
    pub(crate) fn descend(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            return self.stop_at(self.at, "depth", "the document is nested deeper than is read here");
        }
        self.at += 1;
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn ascend(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    /// Opens the array at the cursor, or records that there is none. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline(always)]
    pub fn array(&mut self, at: &Path<'_>, schema: &'static str) -> Read<Items> {
        if self.kind()? == Kind::Array {
            return self.open_array().map(Some);
        }
        self.wrong_type(at, schema, "array")?;
        Ok(None)
    }

    /// Opens the array on whose bracket the cursor stands. Used by generated code.
    ///
    /// # Errors
    /// Stops when it is nested too deep.
    #[inline(always)]
    pub fn open_array(&mut self) -> Result<Items, Stop> {
        self.descend()?;
        Ok(Items { next: 0 })
    }

    /// Moves to the next item and returns its index; none after the last, when the array is closed.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline(always)]
    pub fn item(&mut self, items: &mut Items) -> Result<Option<usize>, Stop> {
        self.skip_space();
        match self.peek() {
            Some(b']') => {
                self.ascend();
                return Ok(None);
            }
            Some(b',') if items.next > 0 => {
                self.at += 1;
                self.skip_space();
                if self.peek() == Some(b']') {
                    return self.syntax("a JSON value must stand here");
                }
            }
            Some(_) if items.next == 0 => {}
            Some(_) => return self.syntax("a comma or a closing bracket must stand here"),
            None => return self.syntax("the document ends too early"),
        }
        let index = items.next;
        items.next += 1;
        Ok(Some(index))
    }

    /// Opens an object whose members no contract describes. Used by generated code.
    ///
    /// # Errors
    /// Stops when it is nested too deep.
    pub fn open_object(&mut self) -> Result<AnyObject, Stop> {
        self.descend()?;
        Ok(AnyObject { names: self.names.len(), first: true, name_at: 0 })
    }

    /// Moves to the next member and returns its name; none after the last, when the object is closed.
    ///
    /// # Errors
    /// Stops at a fault of the syntax, and at a name that stands twice where that is refused.
    pub fn any_member(&mut self, object: &mut AnyObject) -> Result<Option<Cow<'a, str>>, Stop> {
        let first = std::mem::replace(&mut object.first, false);
        if !self.next_member(first)? {
            let at = self.at;
            self.close_names(object.names, at)?;
            return Ok(None);
        }
        object.name_at = self.at;
        let name = self.member_name()?;
        if self.limits.refuse_duplicates {
            self.names.push(name.clone());
        }
        Ok(Some(name))
    }

    /// Refuses names that stand twice among those since `from`. Sorted, so that many names cost no more than n log n.
    fn close_names(&mut self, from: usize, at: usize) -> Result<(), Stop> {
        let names = &mut self.names[from..];
        let twice = match names.len() {
            0 | 1 => false,
            2..=8 => (1..names.len()).any(|later| names[..later].contains(&names[later])),
            _ => {
                names.sort_unstable();
                names.windows(2).any(|pair| pair[0] == pair[1])
            }
        };
        self.names.truncate(from);
        if twice { self.stop_at(at - 1, "duplicate_key", "a member name stands twice in this object") } else { Ok(()) }
    }

    /// Moves to the quote of the next member name; false at the end of the object, which is then closed.
    #[inline(always)]
    pub(crate) fn next_member(&mut self, first: bool) -> Result<bool, Stop> {
        self.skip_space();
        match self.peek() {
            Some(b'}') => {
                self.ascend();
                return Ok(false);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.skip_space();
            }
            Some(_) if first => {}
            Some(_) => return self.syntax("a comma or a closing brace must stand here"),
            None => return self.syntax("the document ends too early"),
        }
        if self.peek() == Some(b'"') { Ok(true) } else { self.syntax("a member name must stand here") }
    }

    /// Reads a member name and its colon.
    #[inline(always)]
    pub(crate) fn member_name(&mut self) -> Result<Cow<'a, str>, Stop> {
        let name = self.text_token()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.syntax("a colon must stand here");
        }
        self.at += 1;
        Ok(name)
    }

    // ---- reading again

    /// The place of the cursor, to read from again. Used by generated code.
    #[inline(always)]
    pub fn mark(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// Reads the value at `mark` again, recording what `check` finds. The cursor stays where it is.
    ///
    /// # Errors
    /// Never in practice: the bytes were read before.
    pub fn again(&mut self, mark: usize, check: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        let (at, depth, again) = (self.at, self.depth, self.again);
        self.again = true;
        self.at = mark;
        let outcome = check(self);
        (self.at, self.depth, self.again) = (at, depth, again);
        outcome
    }

    /// Whether the value at `mark` obeys `check`, which has the number `id`. Each pair is decided once, so nested
    /// combinators cannot multiply.
    ///
    /// # Errors
    /// Never in practice: the bytes were read before.
    pub fn verdict(
        &mut self,
        mark: usize,
        id: u32,
        check: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<bool, Stop> {
        let key = (mark, id, self.way());
        if let Some(&verdict) = self.verdicts.get(&key) {
            return Ok(verdict);
        }
        let (quiet, broken, fact_broken) = (self.quiet, self.broken, self.fact_broken);
        self.quiet = true;
        let outcome = self.again(mark, check);
        let verdict = self.broken == broken;
        (self.quiet, self.broken, self.fact_broken) = (quiet, broken, fact_broken);
        outcome?;
        self.verdicts.insert(key, verdict);
        Ok(verdict)
    }

    /// A number for the resources on the way to here: a verdict holds for the way it was reached on.
    fn way(&self) -> u32 {
        self.scopes.iter().fold(0, |way, scope| (way ^ scope).wrapping_mul(0x0100_0193))
    }

    /// Enters a resource that may answer a `$dynamicRef`; what it returns is handed to [`Self::leave`]. Used by generated
    /// code.
    pub fn enter(&mut self, scope: u32) -> bool {
        let is_new = !self.scopes.contains(&scope);
        if is_new {
            self.scopes.push(scope);
        }
        is_new
    }

    /// Leaves the resource that was entered last, if entering it was new. Used by generated code.
    pub fn leave(&mut self, was_new: bool) {
        if was_new {
            self.scopes.pop();
        }
    }

    /// The index, among `answering`, of the outermost resource on the way to here. Used by generated code.
    pub fn outermost(&self, answering: &[u32]) -> Option<usize> {
        self.scopes.iter().find_map(|scope| answering.iter().position(|other| other == scope))
    }

    /// Looks at the value at `mark` if it is of this type. Used by generated code.
    ///
    /// # Errors
    /// Never in practice: the bytes were read before.
    pub fn look(
        &mut self,
        mark: usize,
        kind: Kind,
        look: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.again(mark, |reader| if reader.kind()? == kind { look(reader) } else { Ok(()) })
    }
}

impl<'a> Reader<'a> {
    /// Whether only the verdict counts now.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Goes back to the brace at `start` out of `object`, in which the cursor still is.
    pub(crate) fn rewind(&mut self, start: usize, object: &AnyObject) {
        self.at = start;
        self.depth -= 1;
        self.names.truncate(object.names);
    }
}

/// Which members of an object, or items of an array, some schema has looked at. Used by generated code.
#[derive(Debug, Default)]
pub struct Seen {
    all: bool,
    marked: Vec<bool>,
}

impl Seen {
    /// All of them were looked at.
    pub fn mark_all(&mut self) {
        self.all = true;
    }

    /// The one at this index, in document order, was looked at.
    pub fn mark(&mut self, index: usize) {
        if self.marked.len() <= index {
            self.marked.resize(index + 1, false);
        }
        self.marked[index] = true;
    }

    /// Whether the one at this index was looked at.
    pub fn has(&self, index: usize) -> bool {
        self.all || self.marked.get(index).copied().unwrap_or(false)
    }
}

/// The state of an object whose members no contract describes.
pub struct AnyObject {
    names: usize,
    first: bool,
    name_at: usize,
}

impl AnyObject {
    /// Where the name of the present member begins, to be read again.
    pub fn name_at(&self) -> usize {
        self.name_at
    }
}

#[inline(always)]
fn digit(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = bytes.get(at)?.wrapping_sub(b'0');
    (digit <= 9).then_some(digit)
}

/// `text` as a JSON string, for the limits of violations.
pub(crate) fn quoted(text: &str) -> Cow<'static, str> {
    let mut out = Vec::with_capacity(text.len() + 2);
    crate::canonical::write_text(text, &mut out);
    Cow::Owned(String::from_utf8(out).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Limits, Mode, Options};
    use crate::json::Json;

    #[test]
    fn exponents_stand_for_no_more_digits_than_a_body_may_have() {
        let limits = Limits { body_bytes_max: 800, ..Limits::GATEWAY };
        let read = |text: &str| {
            let parsed = crate::parse::<Json>(text.as_bytes(), &Options { mode: Mode::Tolerant, limits, facts: None });
            parsed.map(|_| ()).map_err(|unreadable| unreadable.code)
        };
        assert_eq!(read("[1e400,1e-400]"), Ok(()));
        assert_eq!(read("[1e400,1e-400,1e1]"), Err("number_size"));
    }
}
