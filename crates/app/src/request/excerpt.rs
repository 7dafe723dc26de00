//! What of a request is shown beside what is wrong with it. A body on one line, or with a very long text in it, would fill
//! the screen: it is laid out, and cut.

use std::borrow::Cow;

/// The longest line that is shown as it stands, and the most of one text that is shown of a longer one.
const LINE_BYTES_MAX: usize = 160;
const TEXT_CHARS_MAX: usize = 60;
/// How much is shown on either side of a place in a long line.
const AROUND_CHARS: usize = 40;

/// A JSON text with lines of a length that can be shown: itself, or laid out with long texts cut.
pub(super) fn laid_out(json: &str) -> Cow<'_, str> {
    if json.lines().all(|line| line.len() <= LINE_BYTES_MAX) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::new();
    let mut depth = 0;
    let mut rest = json.chars();
    while let Some(char) = rest.next() {
        match char {
            '"' => push_text(&mut shown, &mut rest),
            '{' | '[' => {
                depth += 1;
                shown.push(char);
                push_line(&mut shown, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                push_line(&mut shown, depth);
                shown.push(char);
            }
            ',' => {
                shown.push(char);
                push_line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            blank if blank.is_ascii_whitespace() => {}
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

/// The part of a text around a place, and where the place is in it.
pub(super) fn around(text: &str, offset: usize) -> (Cow<'_, str>, usize) {
    let start = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |end| offset + end);
    if end - start <= LINE_BYTES_MAX {
        return (Cow::Borrowed(text), offset);
    }
    let first = text[start..offset].char_indices().rev().nth(AROUND_CHARS).map_or(start, |(at, _)| start + at);
    let last = text[offset..end].char_indices().nth(AROUND_CHARS).map_or(end, |(at, _)| offset + at);
    let before = if first > start { "…" } else { "" };
    let after = if last < end { "…" } else { "" };
    (Cow::Owned(format!("{before}{}{after}", &text[first..last])), before.len() + offset - first)
}

fn push_line(shown: &mut String, depth: usize) {
    shown.push('\n');
    shown.extend(std::iter::repeat_n("  ", depth));
}

/// A text to its closing quote. It is cut between two characters, never within an escape.
fn push_text(shown: &mut String, rest: &mut std::str::Chars<'_>) {
    shown.push('"');
    let mut count = 0;
    while let Some(char) = rest.next() {
        let is_shown = count < TEXT_CHARS_MAX;
        match char {
            '"' => break,
            '\\' => {
                let escaped = rest.next();
                let digits = if escaped == Some('u') { rest.as_str().get(..4).unwrap_or_default() } else { "" };
                *rest = rest.as_str()[digits.len()..].chars();
                if is_shown {
                    shown.push(char);
                    shown.extend(escaped);
                    shown.push_str(digits);
                }
            }
            other if is_shown => shown.push(other),
            _ => {}
        }
        count += 1;
    }
    shown.push_str(if count > TEXT_CHARS_MAX { "…\"" } else { "\"" });
}

#[cfg(test)]
mod tests {
    use super::{around, laid_out};

    #[test]
    fn what_has_short_lines_is_shown_as_it_stands() {
        let text = "{\n  \"a\":   1\n}";
        assert_eq!(laid_out(text), text);
        assert_eq!(around(text, 5), (text.into(), 5));
    }

    #[test]
    fn a_long_line_is_laid_out_and_its_texts_are_cut() {
        let long = "x".repeat(500);
        let escapes = "\\u00e9".repeat(100);
        let text = format!(r#"{{"a":"{long}","b":[1, {{"c\"":"{escapes}"}}],"d":"{{\"not\":[a]}}"}}"#);
        let shown = laid_out(&text);
        let expected = format!(
            "{{\n  \"a\": \"{}…\",\n  \"b\": [\n    1,\n    {{\n      \"c\\\"\": \"{}…\"\n    }}\n  ],\n  \"d\": \"{{\\\"not\\\":[a]}}\"\n}}",
            "x".repeat(60),
            "\\u00e9".repeat(60)
        );
        assert_eq!(shown, expected);
        assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok());
    }

    #[test]
    fn of_a_long_line_that_is_no_json_the_place_and_what_is_near_are_shown() {
        let text = format!("{{\n{}!{}\n}}", "é".repeat(300), "b".repeat(300));
        let at = text.find('!').unwrap();
        let (shown, place) = around(&text, at);
        assert_eq!(shown, format!("…{}!{}…", "é".repeat(41), "b".repeat(39)));
        assert_eq!(&shown[place..=place], "!");
        let (shown, place) = around(&text, text.len());
        assert_eq!((shown.as_ref(), place), (text.as_str(), text.len()));
    }
}
