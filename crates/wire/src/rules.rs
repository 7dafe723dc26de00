//! The rules a scalar can obey, as plain data that generated code lists, and the reading of scalars under them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::decimal::Decimal;
use crate::json::Json;
use crate::path::Path;
use crate::pattern::{self, Dfa};
use crate::reader::{Kind, Mode, Read, Reader, Scalar, Stop, quoted};
use crate::text::Text;

/// How a pattern is matched, decided when the code was generated. Always in time linear to the text.
pub enum Pattern {
    /// ASCII digits only, so many of them.
    Digits {
        /// Fewest digits.
        min: usize,
        /// Most digits.
        max: usize,
    },
    /// So many characters once white space is trimmed at both ends.
    Trimmed {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// Any other regular expression, as a table of states.
    Dfa(&'static Dfa),
}

impl Pattern {
    /// Whether the pattern matches `text`.
    #[inline]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Digits { min, max } => pattern::digits(text, *min, *max),
            Pattern::Trimmed { min, max } => pattern::trimmed(text, *min, *max),
            Pattern::Dfa(dfa) => dfa.matches(text),
        }
    }
}

/// A format that is asserted: its name, and the check from [`crate::format`].
#[derive(Clone, Copy)]
pub struct Format {
    /// The name in the schema.
    pub name: &'static str,
    /// Whether a string has the format.
    pub holds: fn(&str) -> bool,
}

/// The rules of a string. Lengths are in characters (Unicode code points).
pub struct TextRule {
    /// The subschema the rules stand in.
    pub schema: &'static str,
    /// `minLength`
    pub min_length: usize,
    /// `maxLength`
    pub max_length: usize,
    /// `pattern`: its source and how it is matched; several where schemas were merged.
    pub patterns: &'static [(&'static str, Pattern)],
    /// The code of a broken pattern.
    pub pattern_code: &'static str,
    /// `format`: its name and its check.
    pub format: Option<Format>,
    /// The code of a broken format.
    pub format_code: &'static str,
    /// `const` or `enum`: the keyword, the strings in it, and all of it as JSON.
    pub constants: Option<(&'static str, &'static [&'static str], &'static str)>,
    /// `x-rule`: the rule that needs facts.
    pub rule: Option<&'static str>,
}

impl TextRule {
    /// Any string; generated code starts from it.
    pub const ANY: TextRule = TextRule {
        schema: "",
        min_length: 0,
        max_length: usize::MAX,
        patterns: &[],
        pattern_code: "pattern",
        format: None,
        format_code: "format",
        constants: None,
        rule: None,
    };
}

/// A bound of a number: its JSON text, and its value if that fits the small form.
pub struct Bound {
    /// The bound as it stands in the schema.
    pub text: &'static str,
    /// The value; none for one of nineteen digits and more, which is read from the text each time.
    pub value: Option<Decimal>,
}

impl Bound {
    /// A bound of the value `coefficient` times ten to the power of `exponent`.
    pub const fn new(text: &'static str, coefficient: i64, exponent: i32) -> Bound {
        Bound { text, value: Some(Decimal::new(coefficient, exponent)) }
    }

    /// A bound of many digits.
    pub const fn long(text: &'static str) -> Bound {
        Bound { text, value: None }
    }

    fn with<T>(&self, compare: impl FnOnce(&Decimal) -> T) -> T {
        match &self.value {
            Some(value) => compare(value),
            // The generator writes numbers only; zero is never reached.
            None => compare(&self.text.parse().unwrap_or(Decimal::ZERO)),
        }
    }
}

/// The rules of a number.
pub struct NumberRule {
    /// The subschema the rules stand in.
    pub schema: &'static str,
    /// Whether it must be an integer; `1.0` and `20e-1` are.
    pub integer: bool,
    /// `minimum`
    pub minimum: Option<Bound>,
    /// `maximum`
    pub maximum: Option<Bound>,
    /// `exclusiveMinimum`
    pub exclusive_minimum: Option<Bound>,
    /// `exclusiveMaximum`
    pub exclusive_maximum: Option<Bound>,
    /// `multipleOf`
    pub multiple_of: Option<Bound>,
    /// `const` or `enum`: the keyword, the numbers in it, and all of it as JSON.
    pub constants: Option<(&'static str, &'static [Bound], &'static str)>,
    /// `x-rule`: the rule that needs facts.
    pub rule: Option<&'static str>,
}

impl NumberRule {
    /// Any number; generated code starts from it.
    pub const ANY: NumberRule = NumberRule {
        schema: "",
        integer: false,
        minimum: None,
        maximum: None,
        exclusive_minimum: None,
        exclusive_maximum: None,
        multiple_of: None,
        constants: None,
        rule: None,
    };
}

/// The rules of an array.
pub struct ListRule {
    /// The subschema the rules stand in.
    pub schema: &'static str,
    /// `minItems`
    pub min_items: usize,
    /// `maxItems`
    pub max_items: usize,
    /// `uniqueItems`
    pub unique: bool,
}

/// A string that must be one of a list: the generated enums.
pub trait Choice<'a>: Sized {
    /// The allowed values as a JSON array.
    const ALLOWED: &'static str;

    /// The choice that is spelled `text`.
    fn find(text: &str) -> Option<Self>;

    /// What a value of a newer version becomes, where the type is used in answers.
    fn unknown(_text: Cow<'a, str>) -> Option<Self> {
        None
    }
}

impl<'a> Reader<'a> {
    /// Reads a string under its rules. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn text(&mut self, at: &Path<'_>, rule: &'static TextRule) -> Read<Cow<'a, str>> {
        if self.kind()? != Kind::Text {
            self.wrong_type(at, rule.schema, "string")?;
            return Ok(None);
        }
        let text = self.text_token()?;
        Ok(self.obeys_text(at, rule, &text).then_some(text))
    }

    /// Reads a string under its rules as the string type of a contract type. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn string<S: Text<'a>>(&mut self, at: &Path<'_>, rule: &'static TextRule) -> Read<S> {
        Ok(self.text(at, rule)?.map(S::from_cow))
    }

    #[inline]
    fn obeys_text(&mut self, at: &Path<'_>, rule: &'static TextRule, text: &str) -> bool {
        let mut obeys = true;
        // A string has at least a quarter as many characters as bytes, and at most as many.
        if rule.min_length > 0 && text.len() < 4 * rule.min_length && text.chars().count() < rule.min_length {
            let message = format!("must have at least {}", counted(rule.min_length, "characters"));
            self.violate(at, rule.schema, "minLength", "min_length", message, Some(rule.min_length.to_string().into()));
            obeys = false;
        }
        if text.len() > rule.max_length && text.chars().count() > rule.max_length {
            let message = format!("must have at most {}", counted(rule.max_length, "characters"));
            self.violate(at, rule.schema, "maxLength", "max_length", message, Some(rule.max_length.to_string().into()));
            obeys = false;
        }
        for (source, pattern) in rule.patterns {
            if !pattern.matches(text) {
                let message = "must match the pattern";
                self.violate(at, rule.schema, "pattern", rule.pattern_code, message, Some(quoted(source)));
                obeys = false;
            }
        }
        if let Some(format) = rule.format
            && !(format.holds)(text)
        {
            let message = format!("must be a valid {}", format.name);
            self.violate(at, rule.schema, "format", rule.format_code, message, Some(quoted(format.name)));
            obeys = false;
        }
        if let Some((keyword, texts, all)) = rule.constants
            && !texts.contains(&text)
        {
            self.violate(at, rule.schema, keyword, keyword, "must be one of the allowed values", Some(all.into()));
            obeys = false;
        }
        if let Some(name) = rule.rule
            && obeys
        {
            // Its shape is right whatever the facts say: the value is kept, so that a repeat of it can be recognised.
            self.fact(at, rule.schema, name, Scalar::Text(text));
        }
        obeys
    }

    /// Reads a number under its rules. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn number(&mut self, at: &Path<'_>, rule: &'static NumberRule) -> Read<Decimal> {
        if self.kind()? != Kind::Number {
            self.wrong_type(at, rule.schema, if rule.integer { "integer" } else { "number" })?;
            return Ok(None);
        }
        let value = self.number_token()?.decimal();
        Ok(self.obeys_number(at, rule, &value).then_some(value))
    }

    /// Reads an integer under its rules, which keep it within `i64`. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn integer(&mut self, at: &Path<'_>, rule: &'static NumberRule) -> Read<i64> {
        // A value outside `i64` has already broken the bounds that made this member an `i64`.
        Ok(self.number(at, rule)?.and_then(|value| value.as_i64()))
    }

    fn obeys_number(&mut self, at: &Path<'_>, rule: &'static NumberRule, value: &Decimal) -> bool {
        if rule.integer && !value.is_integer() {
            self.violate(at, rule.schema, "type", "type", "must be integer", Some(quoted("integer")));
            return false;
        }
        let mut obeys = true;
        if let Some(bound) = &rule.minimum
            && bound.with(|bound| value < bound)
        {
            let message = format!("must be at least {}", bound.text);
            self.violate(at, rule.schema, "minimum", "minimum", message, Some(bound.text.into()));
            obeys = false;
        }
        if let Some(bound) = &rule.exclusive_minimum
            && bound.with(|bound| value <= bound)
        {
            let message = format!("must be more than {}", bound.text);
            self.violate(at, rule.schema, "exclusiveMinimum", "exclusive_minimum", message, Some(bound.text.into()));
            obeys = false;
        }
        if let Some(bound) = &rule.maximum
            && bound.with(|bound| value > bound)
        {
            let message = format!("must be at most {}", bound.text);
            self.violate(at, rule.schema, "maximum", "maximum", message, Some(bound.text.into()));
            obeys = false;
        }
        if let Some(bound) = &rule.exclusive_maximum
            && bound.with(|bound| value >= bound)
        {
            let message = format!("must be less than {}", bound.text);
            self.violate(at, rule.schema, "exclusiveMaximum", "exclusive_maximum", message, Some(bound.text.into()));
            obeys = false;
        }
        if let Some(unit) = &rule.multiple_of
            && !unit.with(|unit| value.is_multiple_of(unit))
        {
            let message = format!("must be a multiple of {}", unit.text);
            self.violate(at, rule.schema, "multipleOf", "multiple_of", message, Some(unit.text.into()));
            obeys = false;
        }
        if let Some((keyword, numbers, all)) = rule.constants
            && !numbers.iter().any(|number| number.with(|number| value == number))
        {
            self.violate(at, rule.schema, keyword, keyword, "must be one of the allowed values", Some(all.into()));
            obeys = false;
        }
        if let Some(name) = rule.rule
            && obeys
        {
            self.fact(at, rule.schema, name, Scalar::Number(value));
        }
        obeys
    }

    /// Reads a boolean. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn boolean(&mut self, at: &Path<'_>, schema: &'static str) -> Read<bool> {
        if self.kind()? == Kind::Boolean {
            return self.boolean_token().map(Some);
        }
        self.wrong_type(at, schema, "boolean")?;
        Ok(None)
    }

    /// Reads one of a list of strings. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn choice<T: Choice<'a>>(&mut self, at: &Path<'_>, schema: &'static str) -> Read<T> {
        if self.kind()? != Kind::Text {
            self.wrong_type(at, schema, "string")?;
            return Ok(None);
        }
        let text = self.text_token()?;
        if let Some(choice) = T::find(&text) {
            return Ok(Some(choice));
        }
        if self.mode == Mode::Answer
            && !self.is_quiet()
            && let Some(choice) = T::unknown(text)
        {
            return Ok(Some(choice));
        }
        self.violate(at, schema, "enum", "enum", "must be one of the allowed values", Some(T::ALLOWED.into()));
        Ok(None)
    }

    /// Reads the one string that may stand here. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn constant_text(&mut self, at: &Path<'_>, schema: &'static str, constant: &'static str) -> Read<()> {
        if self.kind()? == Kind::Text {
            if self.text_token()? == constant {
                return Ok(Some(()));
            }
        } else {
            self.skip()?;
        }
        self.violate(at, schema, "const", "const", "must be the one allowed value", Some(quoted(constant)));
        Ok(None)
    }

    /// Checks that the value at the cursor is one of `constants`, each in canonical form, and steps over it. Used by
    /// generated code for `const` and `enum` of anything but strings.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    pub fn constants(
        &mut self,
        at: &Path<'_>,
        schema: &'static str,
        keyword: &'static str,
        constants: &'static [&'static str],
    ) -> Read<Json> {
        let json = Json::read(self)?;
        if constants.contains(&json.as_str()) {
            return Ok(Some(json));
        }
        let limit = match keyword {
            "const" => constants.first().map_or(String::new(), |constant| (*constant).to_owned()),
            _ => format!("[{}]", constants.join(",")),
        };
        self.violate(at, schema, keyword, keyword, "must be one of the allowed values", Some(limit.into()));
        Ok(None)
    }

    /// Reads an array under its rules, each item by `read`. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn list<T>(
        &mut self,
        at: &Path<'_>,
        rule: &ListRule,
        mut read: impl FnMut(&mut Self, &Path<'_>) -> Read<T>,
    ) -> Read<Vec<T>> {
        let mark = self.mark();
        let Some(mut items) = self.array(at, rule.schema)? else { return Ok(None) };
        let mut list = Vec::new();
        while let Some(index) = self.item(&mut items)? {
            list.extend(read(self, &at.item(index))?);
        }
        let count = items.count();
        if count < rule.min_items || count > rule.max_items {
            let names = ["minItems", "min_items", "maxItems", "max_items"];
            self.count(at, rule.schema, count < rule.min_items, rule.min_items, rule.max_items, names, "items");
        }
        if rule.unique {
            self.unique_items(at, rule.schema, mark)?;
        }
        Ok(Some(list))
    }

    /// Reads an object whose values are all of one kind, each by `read`. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    pub fn map<T>(
        &mut self,
        at: &Path<'_>,
        schema: &'static str,
        min: usize,
        max: usize,
        mut read: impl FnMut(&mut Self, &Path<'_>) -> Read<T>,
    ) -> Read<BTreeMap<String, T>> {
        if self.kind()? != Kind::Object {
            self.wrong_type(at, schema, "object")?;
            return Ok(None);
        }
        let mut map = BTreeMap::new();
        let mut count = 0;
        let mut object = self.open_object()?;
        while let Some(name) = self.any_member(&mut object)? {
            count += 1;
            if let Some(value) = read(self, &at.member(&name))? {
                map.insert(name.into_owned(), value);
            }
        }
        self.count_members(at, schema, count, min, max);
        Ok(Some(map))
    }

    /// Checks how many members an object had. Used by generated code.
    #[inline(always)]
    pub fn count_members(&mut self, at: &Path<'_>, schema: &'static str, count: usize, min: usize, max: usize) {
        if count < min || count > max {
            let names = ["minProperties", "min_properties", "maxProperties", "max_properties"];
            self.count(at, schema, count < min, min, max, names, "members");
        }
    }

    #[cold]
    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    fn count(
        &mut self,
        at: &Path<'_>,
        schema: &'static str,
        few: bool,
        min: usize,
        max: usize,
        names: [&'static str; 4],
        what: &str,
    ) {
        let (word, bound, keyword, code) =
            if few { ("least", min, names[0], names[1]) } else { ("most", max, names[2], names[3]) };
        let message = format!("must have at {word} {}", counted(bound, what));
        self.violate(at, schema, keyword, code, message, Some(bound.to_string().into()));
    }

    /// Checks that no two items of the array at `mark` are equal.
    fn unique_items(&mut self, at: &Path<'_>, schema: &'static str, mark: usize) -> Result<(), Stop> {
        let mut seen = Vec::new();
        self.again(mark, |reader| {
            let mut items = reader.open_array()?;
            while reader.item(&mut items)?.is_some() {
                seen.push(Json::read(reader)?);
            }
            Ok(())
        })?;
        seen.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        if seen.windows(2).any(|pair| pair[0] == pair[1]) {
            self.violate(at, schema, "uniqueItems", "unique_items", "must not hold the same item twice", None);
        }
        Ok(())
    }
}

/// A number of things, which are named in the plural.
fn counted(count: usize, things: &str) -> String {
    let end = if count == 1 { things.strip_suffix('s').unwrap_or(things) } else { things };
    format!("{count} {end}")
}
