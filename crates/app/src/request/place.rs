//! Where in a text the value is that a JSON Pointer names.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

/// The place of the value; where it is missing, the opening bracket of the nearest value around it. Of a list or an object
/// only the bracket is meant: nobody wants to see all of it underlined.
pub(super) fn of(text: &str, pointer: &str) -> Range<usize> {
    let mut value = text.trim_ascii();
    for step in pointer.split('/').skip(1) {
        match member(value, &step.replace("~1", "/").replace("~0", "~")) {
            Some(inner) => value = inner,
            None => break,
        }
    }
    let start = value.as_ptr() as usize - text.as_ptr() as usize;
    let length = if value.starts_with(['{', '[']) { 1 } else { value.len() };
    start..start + length
}

fn member<'t>(value: &'t str, name: &str) -> Option<&'t str> {
    if value.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(value).ok()?;
        return items.get(name.parse::<usize>().ok()?).map(|item| item.get());
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(value).ok()?;
    members.get(name).map(|member| member.get())
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_pointer_leads_to_its_value_or_to_what_is_around_it() {
        let text = r#" {"a": {"b": [1, "two", {"c/d": true}]}, "~": "é", "e\u0041": null} "#;
        for (pointer, expected) in [
            ("", "{"),
            ("/a", "{"),
            ("/a/b", "["),
            ("/a/b/0", "1"),
            ("/a/b/1", "\"two\""),
            ("/a/b/2/c~1d", "true"),
            ("/~0", "\"é\""),
            ("/eA", "null"),
            ("/a/b/3", "["),
            ("/a/b/x", "["),
            ("/a/missing", "{"),
            ("/missing/deeper", "{"),
            ("/a/b/0/deeper", "1"),
        ] {
            assert_eq!(&text[of(text, pointer)], expected, "{pointer}");
        }
        assert_eq!(of(text, "/a/missing").start, 7);
        assert_eq!(of(text, "/missing").start, 1);
    }

    #[test]
    fn text_that_is_no_json_has_a_place_too() {
        assert_eq!(of("", "/a"), 0..0);
        assert_eq!(of("nonsense", "/a"), 0..8);
    }
}
