//! Other spellings of a JSON value: members in any order, white space, escapes, numbers with zeros and exponents.

use usher_codegen::json::{Node, Number, Value};

use usher_testkit::random::Random;

/// Characters that have an escape of one letter.
const SHORT: [(char, char); 8] =
    [('"', '"'), ('\\', '\\'), ('/', '/'), ('\u{8}', 'b'), ('\u{c}', 'f'), ('\n', 'n'), ('\r', 'r'), ('\t', 't')];

/// A text of the same value.
pub(super) fn respell(node: &Node, random: &mut Random) -> String {
    let mut out = String::new();
    space(random, &mut out);
    write(node, random, &mut out);
    space(random, &mut out);
    out
}

fn write(node: &Node, random: &mut Random, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
        Value::Number(text) => number(&Number::of(text), random, out),
        Value::String(text) => string(text, random, out),
        Value::Array(items) => list(['[', ']'], items, random, out, write),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            for last in (1..members.len()).rev() {
                members.swap(last, random.below(last + 1));
            }
            list(['{', '}'], &members, random, out, |member, random, out| {
                string(&member.key, random, out);
                space(random, out);
                out.push(':');
                space(random, out);
                write(&member.value, random, out);
            });
        }
    }
}

fn list<T>(
    brackets: [char; 2],
    parts: &[T],
    random: &mut Random,
    out: &mut String,
    write: impl Fn(&T, &mut Random, &mut String),
) {
    out.push(brackets[0]);
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        space(random, out);
        write(part, random, out);
        space(random, out);
    }
    out.push(brackets[1]);
}

fn space(random: &mut Random, out: &mut String) {
    for _ in 0..random.below(8).saturating_sub(5) {
        out.push([' ', '\n', '\r', '\t'][random.below(4)]);
    }
}

fn string(text: &str, random: &mut Random, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        let short = SHORT.iter().find(|(meant, _)| *meant == character);
        match (short, random.below(8)) {
            (Some((_, letter)), 1..) => out.extend(['\\', *letter]),
            (None, 1..) if character >= ' ' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let hex = format!("{unit:04x}");
                    let hex = if random.below(2) == 0 { hex } else { hex.to_uppercase() };
                    out.push_str("\\u");
                    out.push_str(&hex);
                }
            }
        }
    }
    out.push('"');
}

fn number(number: &Number, random: &mut Random, out: &mut String) {
    let (digits, exponent) = if number.digits.is_empty() { ("0", 0) } else { (&*number.digits, number.exponent) };
    // Zero has two signs and one value.
    if number.negative || (digits == "0" && random.below(4) == 0) {
        out.push('-');
    }
    // The point anywhere in the digits, the exponent makes up for it, and zeros behind.
    let zeros = "0".repeat(random.below(3));
    let point = 1 + random.below(digits.len());
    let (whole, fraction) = digits.split_at(point);
    let exponent = exponent + fraction.len() as i64;
    out.push_str(whole);
    if !fraction.is_empty() || !zeros.is_empty() {
        out.push('.');
        out.push_str(fraction);
        out.push_str(&zeros);
    }
    if exponent != 0 || random.below(4) == 0 {
        out.push(['e', 'E'][random.below(2)]);
        if exponent >= 0 && random.below(2) == 0 {
            out.push('+');
        }
        out.push_str(&exponent.to_string());
    }
}
