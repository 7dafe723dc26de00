//! A JSON document being made: members keep the order they were given, unlike those of a `serde_json` object.

use crate::random::Random;

/// A JSON value to be written.
pub enum Node {
    /// A string.
    Text(String),
    /// A number or a literal, as its JSON text.
    Bare(String),
    /// An array.
    Array(Vec<Node>),
    /// An object.
    Object(Vec<(&'static str, Node)>),
}

impl Node {
    /// An object of those `members` that are there.
    pub fn object<const N: usize>(members: [(&'static str, Option<Node>); N]) -> Node {
        Node::Object(members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }

    /// The JSON text without white space.
    pub fn compact(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, None);
        out
    }

    /// The JSON text with a line for each member and item.
    pub fn indented(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, Some(0));
        out
    }

    /// Puts the members of every object in another order.
    pub fn shuffle(&mut self, random: &mut Random) {
        match self {
            Node::Text(_) | Node::Bare(_) => {}
            Node::Array(items) => items.iter_mut().for_each(|item| item.shuffle(random)),
            Node::Object(members) => {
                random.shuffle(members);
                members.iter_mut().for_each(|(_, value)| value.shuffle(random));
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>, depth: Option<usize>) {
        let below = depth.map(|depth| depth + 1);
        match self {
            Node::Text(text) => write_text(out, text),
            Node::Bare(bare) => out.extend_from_slice(bare.as_bytes()),
            Node::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    separate(out, index, below);
                    item.write(out, below);
                }
                break_line(out, depth);
                out.push(b']');
            }
            Node::Object(members) => {
                out.push(b'{');
                for (index, (name, value)) in members.iter().enumerate() {
                    separate(out, index, below);
                    write_text(out, name);
                    out.push(b':');
                    if depth.is_some() {
                        out.push(b' ');
                    }
                    value.write(out, below);
                }
                break_line(out, depth);
                out.push(b'}');
            }
        }
    }
}

fn separate(out: &mut Vec<u8>, index: usize, depth: Option<usize>) {
    if index > 0 {
        out.push(b',');
    }
    break_line(out, depth);
}

fn break_line(out: &mut Vec<u8>, depth: Option<usize>) {
    if let Some(depth) = depth {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', 2 * depth));
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(*b"\\n"),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// `json` without the white space between its tokens.
pub(super) fn without_space(json: &[u8]) -> Vec<u8> {
    let (mut inside, mut escaped) = (false, false);
    let mut out = Vec::with_capacity(json.len());
    for &byte in json {
        if inside || !byte.is_ascii_whitespace() {
            out.push(byte);
        }
        inside ^= byte == b'"' && !escaped;
        escaped = inside && byte == b'\\' && !escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Node, without_space};

    #[test]
    fn white_space_goes_outside_strings_only() {
        assert_eq!(without_space(br#" { "a \" b" : [ 1 , "\\" ] } "#), br#"{"a \" b":[1,"\\"]}"#);
    }

    #[test]
    fn both_spellings_hold_the_same_tokens() {
        let number = Node::Bare("1.5".to_owned());
        let text = Node::Text("a \"b\"\n".to_owned());
        let document = Node::object([("x", Some(Node::Array(vec![number, text]))), ("absent", None)]);
        assert_eq!(document.compact(), br#"{"x":[1.5,"a \"b\"\n"]}"#);
        assert_eq!(without_space(&document.indented()), document.compact());
        assert_ne!(document.indented(), document.compact());
    }
}
