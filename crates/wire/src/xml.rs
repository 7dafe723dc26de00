//! The XML form of messages. A table that is generated from the schemas says what each element means; a document is rewritten
//! as JSON text with its members in the order of the schema, and the one generated reader takes it from there. So both forms
//! have the same verdict, the same violations and the same canonical form.
//!
//! What is read is XML 1.0 with namespaces in UTF-8, without document type declarations, processing instructions and
//! entities beyond the five.

mod attributes;
mod cursor;
mod decode;
mod encode;
mod names;

#[cfg(test)]
mod tests;

pub use decode::to_json;
pub use encode::from_json;

/// What one message is in XML.
#[derive(Debug)]
pub struct Document {
    /// The name of the root element.
    pub name: &'static str,
    /// The namespace of the root element. All elements below it have none.
    pub namespace: &'static str,
    /// The prefix that the root element is written with.
    pub prefix: &'static str,
    /// The members of the message. A table has at most 128.
    pub members: &'static [Member],
}

/// An element that stands for a member of an object.
#[derive(Debug)]
pub struct Member {
    /// Its name, the same in both forms.
    pub name: &'static str,
    /// Whether the member is an array: each element is one item.
    pub is_list: bool,
    /// What the member, or each item, holds.
    pub content: Content,
}

/// What an element holds.
#[derive(Debug)]
pub enum Content {
    /// A string.
    Text,
    /// A number.
    Number,
    /// A number if the text is one, else a string.
    NumberOrText,
    /// `true`, `false`, `1` or `0`.
    Boolean,
    /// Anything.
    Any,
    /// An object.
    Record(&'static [Member]),
    /// One of several objects, told apart by `xsi:type`.
    Tagged(&'static Tagged),
}

/// Objects that are told apart by `xsi:type`.
#[derive(Debug)]
pub struct Tagged {
    /// The member that tells them apart in JSON.
    pub tag: &'static str,
    /// The namespace of the names in `xsi:type`.
    pub namespace: &'static str,
    /// The names, and the other members of each object.
    pub variants: &'static [(&'static str, &'static [Member])],
}

/// A message that has an XML form. Implemented by generated code.
pub trait XmlMessage {
    /// What it is in XML.
    const XML: &'static Document;
}

/// The XML forms of an operation. Used by generated code.
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    /// Of its body.
    pub request: Option<&'static Document>,
    /// Of its good answer.
    pub answer: Option<&'static Document>,
}

impl PartialEq for Forms {
    /// Tables are the same where they are one.
    fn eq(&self, other: &Forms) -> bool {
        let same = |a: Option<&'static Document>, b: Option<&'static Document>| match (a, b) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same(self.request, other.request) && same(self.answer, other.answer)
    }
}

impl Eq for Forms {}

/// The namespace of `xsi:type`.
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
