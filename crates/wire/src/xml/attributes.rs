//! Start tags: their attributes, and the namespaces that prefixes stand for.

use std::borrow::Cow;

use super::cursor::{Cursor, split};
use super::names::is_name;
use crate::reader::Stop;

/// Most attributes of an element, namespaces among them.
const ATTRIBUTES_MAX: usize = 256;
/// Most namespaces that are declared at a time.
const NAMESPACES_MAX: usize = 64;

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// An attribute that is no declaration of a namespace.
pub(super) struct Attribute<'a> {
    /// Its name as it is written.
    pub(super) name: &'a str,
    pub(super) value: Cow<'a, str>,
    pub(super) at: usize,
}

/// The namespaces that are declared where the cursor is, innermost last.
#[derive(Default)]
pub(super) struct Namespaces<'a> {
    declared: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Namespaces<'a> {
    pub(super) fn count(&self) -> usize {
        self.declared.len()
    }

    pub(super) fn truncate(&mut self, count: usize) {
        self.declared.truncate(count);
    }

    /// Whether an element without a prefix has no namespace.
    #[inline(always)]
    pub(super) fn has_no_default(&self) -> bool {
        self.declared.is_empty() || self.default().is_empty()
    }

    fn default(&self) -> &str {
        self.find("").unwrap_or("")
    }

    fn find(&self, prefix: &str) -> Option<&str> {
        self.declared.iter().rev().find(|(known, _)| *known == prefix).map(|(_, namespace)| namespace.as_ref())
    }

    /// The namespace of an element name, or of another name that takes the default; none when its prefix is not declared.
    pub(super) fn of_element(&self, prefix: &str) -> Option<&str> {
        match prefix {
            "" => Some(self.default()),
            "xml" => Some(XML),
            prefix => self.find(prefix),
        }
    }

    /// The namespace of an attribute: without a prefix it has none.
    pub(super) fn of_attribute(&self, prefix: &str) -> Option<&str> {
        if prefix.is_empty() { Some("") } else { self.of_element(prefix) }
    }

    fn declare(
        &mut self,
        cursor: &mut Cursor<'a>,
        at: usize,
        prefix: &'a str,
        namespace: Cow<'a, str>,
    ) -> Result<(), Stop> {
        let is_xml = namespace == XML;
        if prefix == "xmlns" || namespace == XMLNS || (prefix == "xml") != is_xml {
            return cursor.fault(at, "syntax", "this namespace may not be declared");
        }
        if !prefix.is_empty() && namespace.is_empty() {
            return cursor.fault(at, "syntax", "a prefix must stand for a namespace");
        }
        if self.declared.len() == NAMESPACES_MAX {
            return cursor.fault(at, "markup_size", "more namespaces are declared than are read here");
        }
        self.declared.push((prefix, namespace));
        Ok(())
    }
}

/// Reads the rest of a start tag from the end of its name: declares its namespaces, puts its other attributes into
/// `attributes`, and returns whether the element is empty.
pub(super) fn read<'a>(
    cursor: &mut Cursor<'a>,
    namespaces: &mut Namespaces<'a>,
    attributes: &mut Vec<Attribute<'a>>,
) -> Result<bool, Stop> {
    attributes.clear();
    let outer = namespaces.count();
    let mut count = 0;
    loop {
        let before = cursor.at;
        cursor.skip_space();
        match cursor.peek() {
            Some(b'>') => {
                cursor.at += 1;
                break;
            }
            Some(b'/') if cursor.rest_starts_with("/>") => {
                cursor.at += 2;
                check(cursor, namespaces, attributes)?;
                return Ok(true);
            }
            Some(_) if cursor.at > before => {}
            _ => return cursor.syntax("the tag must end here"),
        }
        count += 1;
        if count > ATTRIBUTES_MAX {
            return cursor.fault(cursor.at, "markup_size", "the tag has more attributes than are read here");
        }
        let at = cursor.at;
        let name = cursor.name()?;
        cursor.skip_space();
        if cursor.peek() != Some(b'=') {
            return cursor.syntax("an attribute needs a value");
        }
        cursor.at += 1;
        cursor.skip_space();
        let value = cursor.attribute_value()?;
        let prefix = if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") };
        let Some(prefix) = prefix else {
            attributes.push(Attribute { name, value, at });
            continue;
        };
        if namespaces.declared[outer..].iter().any(|(known, _)| *known == prefix) {
            return cursor.fault(at, "duplicate_key", "an attribute stands twice in this tag");
        }
        namespaces.declare(cursor, at, prefix, value)?;
    }
    check(cursor, namespaces, attributes)?;
    Ok(false)
}

/// Every prefix is declared, and no attribute stands twice, under whatever prefixes.
fn check<'a>(cursor: &mut Cursor<'a>, namespaces: &Namespaces<'a>, attributes: &[Attribute<'a>]) -> Result<(), Stop> {
    let mut names = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        let (prefix, local) = split(attribute.name);
        let Some(namespace) = namespaces.of_attribute(prefix) else {
            return cursor.fault(attribute.at, "syntax", "the prefix is not declared");
        };
        names.push((namespace, local, attribute.at));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
        Some(pair) => cursor.fault(pair[1].2, "duplicate_key", "an attribute stands twice in this tag"),
        None => Ok(()),
    }
}

/// The type that the value of `xsi:type` names: its namespace, none where the prefix is not declared, and its local part.
pub(super) fn type_name<'n>(namespaces: &'n Namespaces<'_>, value: &'n str) -> (Option<&'n str>, &'n str) {
    let value = value.trim_matches([' ', '\t', '\n', '\r']);
    let (prefix, local) = split(value);
    let is_qualified = is_name(local) && (prefix.is_empty() && !value.starts_with(':') || is_name(prefix));
    if is_qualified { (namespaces.of_element(prefix), local) } else { (None, value) }
}
