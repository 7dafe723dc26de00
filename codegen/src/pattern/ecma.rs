//! Reads ECMA-262 regular expressions (`u` mode) into the syntax tree of `regex-syntax`.
//!
//! Own reader, because the two dialects differ in what they mean by the same text: `\d`, `\s`, `$`, `.`, `[^]`, escapes.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

use super::PatternError;

/// Deepest nesting of groups.
const DEPTH_MAX: usize = 50;

/// Largest count in `{n,m}`. Counts beyond it are lengths, which `minLength` and `maxLength` check for nothing.
const COUNT_MAX: u32 = 5000;

/// Reads a pattern.
pub(super) fn parse(pattern: &str) -> Result<Hir, PatternError> {
    let mut parser = Parser { chars: pattern.chars().collect(), at: 0, depth: 0, groups: Vec::new() };
    let hir = parser.alternatives()?;
    match parser.peek() {
        None => Ok(hir),
        // Alternatives end only at a closing parenthesis or the end.
        Some(_) => Err(parser.fault(parser.at, "unmatched `)`").help(r"write `\)` for the character")),
    }
}

/// The class `[0-9]`.
pub(super) fn digit() -> Hir {
    class(&[('0' as u32, '9' as u32)])
}

/// White space and line ends as ECMA-262 defines them.
pub(super) fn is_space(char: char) -> bool {
    SPACE.iter().any(|(first, last)| (*first..=*last).contains(&(char as u32)))
}

type Ranges = Vec<(u32, u32)>;

const DIGIT: &[(u32, u32)] = &[(0x30, 0x39)];
const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
const SPACE: &[(u32, u32)] = &[
    (0x9, 0xd),
    (0x20, 0x20),
    (0xa0, 0xa0),
    (0x1680, 0x1680),
    (0x2000, 0x200a),
    (0x2028, 0x2029),
    (0x202f, 0x202f),
    (0x205f, 0x205f),
    (0x3000, 0x3000),
    (0xfeff, 0xfeff),
];
const LINE_ENDS: &[(u32, u32)] = &[(0xa, 0xa), (0xd, 0xd), (0x2028, 0x2029)];

pub(super) fn set(ranges: &[(u32, u32)]) -> ClassUnicode {
    // Surrogates are no characters: they are cut out, a text never has one.
    let pieces = ranges.iter().flat_map(|&(first, last)| [(first, last.min(0xd7ff)), (first.max(0xe000), last)]);
    ClassUnicode::new(
        pieces
            .filter(|(first, last)| first <= last)
            .filter_map(|(first, last)| Some(ClassUnicodeRange::new(char::from_u32(first)?, char::from_u32(last)?))),
    )
}

fn negated(ranges: &[(u32, u32)]) -> ClassUnicode {
    let mut set = set(ranges);
    set.negate();
    set
}

fn class(ranges: &[(u32, u32)]) -> Hir {
    Hir::class(Class::Unicode(set(ranges)))
}

fn literal(char: char) -> Hir {
    Hir::literal(char.to_string().into_bytes())
}

impl PatternError {
    fn help(mut self, help: &str) -> PatternError {
        self.help = Some(help.to_owned());
        self
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    groups: Vec<String>,
}

/// What a backslash stands for.
enum Escape {
    Char(u32),
    Class(ClassUnicode),
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = wanted.chars().enumerate().all(|(offset, char)| self.chars.get(self.at + offset) == Some(&char));
        if found {
            self.at += wanted.chars().count();
        }
        found
    }

    fn fault(&self, at: usize, message: impl std::fmt::Display) -> PatternError {
        PatternError { message: format!("{message} (character {} of the pattern)", at + 1), help: None }
    }

    fn alternatives(&mut self) -> Result<Hir, PatternError> {
        let mut alternatives = Vec::new();
        loop {
            let mut terms = Vec::new();
            while self.peek().is_some_and(|char| char != '|' && char != ')') {
                terms.push(self.term()?);
            }
            alternatives.push(Hir::concat(terms));
            if !self.eat("|") {
                return Ok(Hir::alternation(alternatives));
            }
        }
    }

    fn term(&mut self) -> Result<Hir, PatternError> {
        let start = self.at;
        let assertion = match self.peek() {
            Some('^') => Some(Look::Start),
            // Not before a final line end, whatever other dialects do.
            Some('$') => Some(Look::End),
            Some('\\') => match self.chars.get(self.at + 1) {
                Some('b') => Some(Look::WordAscii),
                Some('B') => Some(Look::WordAsciiNegate),
                _ => None,
            },
            _ => None,
        };
        if let Some(look) = assertion {
            self.at += if self.peek() == Some('\\') { 2 } else { 1 };
            if self.quantifier()?.is_some() {
                return Err(self.fault(start, "an assertion cannot be repeated").help("leave the quantifier out"));
            }
            return Ok(Hir::look(look));
        }
        let atom = self.atom()?;
        let Some((min, max)) = self.quantifier()? else {
            return Ok(atom);
        };
        Ok(Hir::repetition(Repetition { min, max, greedy: true, sub: Box::new(atom) }))
    }

    fn atom(&mut self) -> Result<Hir, PatternError> {
        let start = self.at;
        let Some(char) = self.peek() else {
            return Ok(Hir::empty());
        };
        self.at += 1;
        match char {
            '(' => self.group(start),
            '[' => self.class(start),
            '.' => Ok(Hir::class(Class::Unicode(negated(LINE_ENDS)))),
            '\\' => match self.escape(start, false)? {
                Escape::Class(set) => Ok(Hir::class(Class::Unicode(set))),
                Escape::Char(code) => char::from_u32(code)
                    .map(literal)
                    .ok_or_else(|| self.fault(start, "a lone surrogate is never part of a text")),
            },
            '*' | '+' | '?' => Err(self
                .fault(start, format!("nothing to repeat before `{char}`"))
                .help(&format!(r"write `\{char}` for the character"))),
            '{' | '}' | ']' => Err(self
                .fault(start, format!("`{char}` stands alone"))
                .help(&format!(r"write `\{char}` for the character"))),
            other => Ok(literal(other)),
        }
    }

    fn group(&mut self, start: usize) -> Result<Hir, PatternError> {
        if self.eat("?=") || self.eat("?!") || self.eat("?<=") || self.eat("?<!") {
            let negative = self.chars.get(self.at - 1) == Some(&'!');
            let help = if negative {
                "say it beside the pattern: `\"not\": {\"pattern\": …}`"
            } else {
                "say it beside the pattern: `\"allOf\": [{\"pattern\": …}, {\"pattern\": …}]`"
            };
            return Err(self.fault(start, "look-around is not supported").help(help));
        }
        if self.eat("?<") {
            self.group_name(start)?;
        } else if !self.eat("?:") && self.peek() == Some('?') {
            return Err(self.fault(start, "unknown kind of group").help("write `(…)` or `(?:…)`"));
        }
        if self.depth == DEPTH_MAX {
            return Err(self.fault(start, format!("groups nested more than {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        let inner = self.alternatives()?;
        self.depth -= 1;
        if self.eat(")") {
            Ok(inner)
        } else {
            Err(self.fault(start, "the group does not end").help(r"write `\(` for the character"))
        }
    }

    fn group_name(&mut self, start: usize) -> Result<(), PatternError> {
        let from = self.at;
        while self.peek().is_some_and(|char| char.is_alphanumeric() || matches!(char, '_' | '$')) {
            self.at += 1;
        }
        let name: String = self.chars[from..self.at].iter().collect();
        if name.is_empty() || name.starts_with(char::is_numeric) || !self.eat(">") {
            return Err(self.fault(start, "the name of the group is broken").help("write `(?<name>…)` or `(…)`"));
        }
        if self.groups.contains(&name) {
            return Err(self.fault(start, format!("there are two groups `{name}`")));
        }
        self.groups.push(name);
        Ok(())
    }

    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let start = self.at;
        let bounds = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.at += 1;
                let min = self.count(start)?;
                let max = match self.eat(",") {
                    false => Some(min),
                    true if self.peek() == Some('}') => None,
                    true => Some(self.count(start)?),
                };
                if self.peek() != Some('}') {
                    return Err(self.fault(start, "`{` begins no count").help(r"write `\{` for the character"));
                }
                if max.is_some_and(|max| max < min) {
                    return Err(self.fault(start, "the bounds of the count are in the wrong order"));
                }
                (min, max)
            }
            _ => return Ok(None),
        };
        self.at += 1;
        // A lazy quantifier matches the same texts.
        self.eat("?");
        Ok(Some(bounds))
    }

    fn count(&mut self, start: usize) -> Result<u32, PatternError> {
        let from = self.at;
        while self.peek().is_some_and(|char| char.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.chars[from..self.at].iter().collect();
        if digits.is_empty() {
            return Err(self.fault(start, "`{` begins no count").help(r"write `\{` for the character"));
        }
        match digits.parse() {
            Ok(count) if count <= COUNT_MAX => Ok(count),
            _ => Err(self
                .fault(start, format!("a count above {COUNT_MAX}"))
                .help("say it by `minLength` or `maxLength` beside the pattern")),
        }
    }

    fn class(&mut self, start: usize) -> Result<Hir, PatternError> {
        let negate = self.eat("^");
        let mut all = ClassUnicode::empty();
        loop {
            if self.eat("]") {
                break;
            }
            let from = self.at;
            let first = self.class_atom(start)?;
            let is_range = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
            if !is_range {
                match first {
                    Escape::Char(code) => all.union(&set(&[(code, code)])),
                    Escape::Class(set) => all.union(&set),
                }
                continue;
            }
            self.at += 1;
            match (first, self.class_atom(start)?) {
                (Escape::Char(first), Escape::Char(last)) if first <= last => all.union(&set(&[(first, last)])),
                (Escape::Char(_), Escape::Char(_)) => {
                    return Err(self
                        .fault(from, "the range is in the wrong order")
                        .help(r"write `\-` for the character"));
                }
                _ => {
                    return Err(self
                        .fault(from, "a class cannot be the end of a range")
                        .help(r"write `\-` for the character"));
                }
            }
        }
        if negate {
            all.negate();
        }
        Ok(Hir::class(Class::Unicode(all)))
    }

    fn class_atom(&mut self, start: usize) -> Result<Escape, PatternError> {
        let at = self.at;
        let Some(char) = self.peek() else {
            return Err(self.fault(start, "the class does not end").help(r"write `\[` for the character"));
        };
        self.at += 1;
        if char == '\\' { self.escape(at, true) } else { Ok(Escape::Char(char as u32)) }
    }

    fn escape(&mut self, start: usize, in_class: bool) -> Result<Escape, PatternError> {
        let Some(char) = self.peek() else {
            return Err(self.fault(start, r"the pattern ends with `\`").help(r"write `\\` for the character"));
        };
        self.at += 1;
        let code = match char {
            'd' => return Ok(Escape::Class(set(DIGIT))),
            'D' => return Ok(Escape::Class(negated(DIGIT))),
            'w' => return Ok(Escape::Class(set(WORD))),
            'W' => return Ok(Escape::Class(negated(WORD))),
            's' => return Ok(Escape::Class(set(SPACE))),
            'S' => return Ok(Escape::Class(negated(SPACE))),
            'p' | 'P' => return self.property(start, char == 'P').map(Escape::Class),
            't' => 0x9,
            'n' => 0xa,
            'v' => 0xb,
            'f' => 0xc,
            'r' => 0xd,
            'b' if in_class => 0x8,
            '-' if in_class => '-' as u32,
            'c' => match self.peek() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    self.at += 1;
                    letter as u32 % 32
                }
                _ => return Err(self.fault(start, r"`\c` needs a letter")),
            },
            '0' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => 0,
            'x' => self.hex_digits(2).ok_or_else(|| self.fault(start, r"`\x` needs two hexadecimal digits"))?,
            'u' => self.unicode(start)?,
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' => char as u32,
            '0'..='9' | 'k' if !in_class => {
                return Err(self
                    .fault(start, "back-references are not supported")
                    .help("write out what the group may match"));
            }
            other => {
                return Err(self
                    .fault(start, format!(r"unknown escape `\{other}`"))
                    .help(&format!("write `{other}` without the backslash")));
            }
        };
        Ok(Escape::Char(code))
    }

    fn hex_digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.chars.get(self.at..self.at + count)?;
        let code = digits.iter().try_fold(0, |code, digit| Some(code * 16 + digit.to_digit(16)?))?;
        self.at += count;
        Some(code)
    }

    fn unicode(&mut self, start: usize) -> Result<u32, PatternError> {
        if self.eat("{") {
            let mut code: u32 = 0;
            let from = self.at;
            while let Some(digit) = self.peek().and_then(|char| char.to_digit(16)) {
                code = code.saturating_mul(16).saturating_add(digit);
                self.at += 1;
            }
            if self.at == from || code > 0x0010_ffff || !self.eat("}") {
                return Err(self.fault(start, r"`\u{…}` needs a code point from 0 to 10FFFF"));
            }
            return Ok(code);
        }
        let broken = self.fault(start, r"`\u` needs four hexadecimal digits");
        let high = self.hex_digits(4).ok_or(broken)?;
        if (0xd800..0xdc00).contains(&high) && self.eat("\\u") {
            match self.hex_digits(4) {
                Some(low @ 0xdc00..=0xdfff) => {
                    return Ok(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                }
                // Not the other half of a pair: read again as an escape of its own.
                Some(_) => self.at -= 6,
                None => self.at -= 2,
            }
        }
        Ok(high)
    }

    fn property(&mut self, start: usize, negate: bool) -> Result<ClassUnicode, PatternError> {
        let from = self.at;
        let end = self.chars[from..].iter().position(|char| *char == '}').map(|length| from + length);
        let (Some('{'), Some(end)) = (self.peek(), end) else {
            return Err(self.fault(start, r"`\p` needs a property").help(r"write `\p{Letter}` or `\p{Script=Greek}`"));
        };
        let name: String = self.chars[from + 1..end].iter().collect();
        self.at = end + 1;
        let well_formed =
            !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '='));
        let known = if well_formed { regex_syntax::parse(&format!(r"\p{{{name}}}")).ok() } else { None };
        match known.as_ref().map(Hir::kind) {
            Some(HirKind::Class(Class::Unicode(set))) => {
                let mut set = set.clone();
                if negate {
                    set.negate();
                }
                Ok(set)
            }
            // A property of a single character.
            Some(HirKind::Literal(literal)) => {
                let text = String::from_utf8_lossy(&literal.0).into_owned();
                let ranges: Ranges = text.chars().map(|char| (char as u32, char as u32)).collect();
                Ok(if negate { negated(&ranges) } else { set(&ranges) })
            }
            _ => Err(self
                .fault(start, format!(r"there is no property `\p{{{name}}}`"))
                .help(r"write for example `\p{Letter}`, `\p{Lu}` or `\p{Script=Greek}`")),
        }
    }
}
