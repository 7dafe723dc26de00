//! URI references (RFC 3986), as far as `$id` and `$ref` need them. Nothing is fetched.

/// The parts of a URI reference; the path is always there, possibly empty.
struct Parts<'u> {
    scheme: Option<&'u str>,
    authority: Option<&'u str>,
    path: &'u str,
    query: Option<&'u str>,
    fragment: Option<&'u str>,
}

fn split(uri: &str) -> Parts<'_> {
    let (rest, fragment) = match uri.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (uri, None),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, after)) if is_scheme(scheme) => (Some(scheme), after),
        _ => (None, rest),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(after) => {
            let end = after.find('/').unwrap_or(after.len());
            (Some(&after[..end]), &after[end..])
        }
        None => (None, rest),
    };
    Parts { scheme, authority, path, query, fragment }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'))
}

/// The reference resolved against the base (RFC 3986, section 5.2).
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    let target = split(reference);
    let base = split(base);
    let path;
    let (scheme, authority, query);
    if target.scheme.is_some() {
        (scheme, authority, query) = (target.scheme, target.authority, target.query);
        // An opaque path such as `urn:a:b` has no segments.
        path = if target.path.starts_with('/') { remove_dot_segments(target.path) } else { target.path.to_owned() };
    } else if target.authority.is_some() {
        (scheme, authority, query) = (base.scheme, target.authority, target.query);
        path = remove_dot_segments(target.path);
    } else if target.path.is_empty() {
        (scheme, authority, query) = (base.scheme, base.authority, target.query.or(base.query));
        path = base.path.to_owned();
    } else {
        (scheme, authority, query) = (base.scheme, base.authority, target.query);
        path = if target.path.starts_with('/') {
            remove_dot_segments(target.path)
        } else if base.path.is_empty() && base.authority.is_some() {
            remove_dot_segments(&format!("/{}", target.path))
        } else {
            let folder = base.path.rfind('/').map_or("", |at| &base.path[..=at]);
            remove_dot_segments(&format!("{folder}{}", target.path))
        };
    }
    let mut out = String::new();
    if let Some(scheme) = scheme {
        out.push_str(scheme);
        out.push(':');
    }
    if let Some(authority) = authority {
        out.push_str("//");
        out.push_str(authority);
    }
    out.push_str(&path);
    if let Some(query) = query {
        out.push('?');
        out.push_str(query);
    }
    if let Some(fragment) = target.fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

fn remove_dot_segments(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("{}{}", if rooted { "/" } else { "" }, kept.join("/"))
}

/// The URI without its fragment.
pub(crate) fn without_fragment(uri: &str) -> &str {
    uri.split_once('#').map_or(uri, |(before, _)| before)
}

/// The fragment without `#`; empty if there is none.
pub(crate) fn fragment(uri: &str) -> &str {
    uri.split_once('#').map_or("", |(_, fragment)| fragment)
}

/// Undoes percent-encoding; `None` for a broken escape or bytes that are not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| byte.and_then(|byte| (byte as char).to_digit(16));
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push((high * 16 + low) as u8);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// Percent-encodes what may not stand in the path of a URI.
pub(crate) fn encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
            | b':'
            | b'@' => out.push(byte as char),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The shortest relative path from one file to another, both below the same folder.
pub(crate) fn relative(from: &str, to: &str) -> String {
    let from_folders: Vec<&str> = from.split('/').collect();
    let to_parts: Vec<&str> = to.split('/').collect();
    let shared = from_folders[..from_folders.len() - 1]
        .iter()
        .zip(&to_parts[..to_parts.len() - 1])
        .take_while(|(a, b)| a == b)
        .count();
    let up = from_folders.len() - 1 - shared;
    format!("{}{}", "../".repeat(up), to_parts[shared..].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_as_rfc_3986_says() {
        // The normal and abnormal examples of RFC 3986, section 5.4.
        let cases = [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("http:g", "http:g"),
        ];
        for (reference, expected) in cases {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference), expected, "{reference}");
        }
        assert_eq!(resolve("urn:example:a", "#/$defs/b"), "urn:example:a#/$defs/b");
        assert_eq!(resolve("https://example.org", "a.json"), "https://example.org/a.json");
    }

    #[test]
    fn relative_paths_lead_from_file_to_file() {
        assert_eq!(relative("a/v1/x.json", "a/v1/y.json"), "y.json");
        assert_eq!(relative("a/v1/x.json", "shared/m.json"), "../../shared/m.json");
        assert_eq!(relative("x.json", "a/y.json"), "a/y.json");
    }

    #[test]
    fn percent_encoding_comes_back() {
        assert_eq!(decode(&encode_path("a b/ü%")).as_deref(), Some("a b/ü%"));
        assert_eq!(decode("%2"), None);
        assert_eq!(decode("%ff"), None);
    }
}
