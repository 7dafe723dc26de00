//! The keywords: what each may hold, what it does, and which subschemas it carries.
//!
//! What a schema means as a whole is not decided here.

mod check;

use crate::json::{Member, Node, Value, escape_token};

pub use check::{check, check_all, check_below};

/// What a keyword does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Names or finds a schema: `$id`, `$ref`.
    Identifier,
    /// Checks the value itself: `minimum`.
    Assertion,
    /// Applies subschemas: `properties`.
    Applicator,
    /// Says something about the value without checking it: `title`.
    Annotation,
    /// Our own, `x-*`.
    Ours,
}

/// The types of JSON values an assertion looks at; others pass it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Every value.
    Any,
    /// Everything but objects and arrays.
    Scalars,
    /// Integers and other numbers.
    Numbers,
    /// Strings.
    Strings,
    /// Arrays.
    Arrays,
    /// Objects.
    Objects,
}

/// A keyword of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub class: Class,
    /// The values it looks at.
    pub applies: Applies,
    shape: Shape,
}

/// What the value of a keyword must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Any,
    Boolean,
    True,
    Text,
    Number,
    PositiveNumber,
    Count,
    Types,
    Array,
    Choices,
    Names,
    NamesByName,
    Pattern,
    Format,
    Dialect,
    Identifier,
    Reference,
    Anchor,
    RustName,
    Privacy,
    Rule,
    Code,
    TextsByPattern,
    Xml,
    Schema,
    Schemas,
    SchemaOrSchemas,
    Dependencies,
    SchemaByName,
    SchemaByPattern,
}

/// A subschema and where it hangs.
#[derive(Clone, Debug)]
pub struct Child<'a> {
    /// The keyword that carries it.
    pub keyword: &'static str,
    /// Pointer from the carrying schema, for example `/properties/name`.
    pub pointer: String,
    /// The subschema.
    pub node: &'a Node,
    /// Whether it is applied to the same value as the schema that carries it, as `allOf` does.
    pub in_place: bool,
}

/// A format name, the function of `usher_wire::format` that checks it.
pub type Format = (&'static str, &'static str);

/// The formats that are asserted.
pub const FORMATS: [Format; 17] = [
    ("date", "date"),
    ("date-time", "date_time"),
    ("duration", "duration"),
    ("email", "email"),
    ("hostname", "hostname"),
    ("idn-email", "idn_email"),
    ("ipv4", "ipv4"),
    ("ipv6", "ipv6"),
    ("iri", "iri"),
    ("iri-reference", "iri_reference"),
    ("json-pointer", "json_pointer"),
    ("relative-json-pointer", "relative_json_pointer"),
    ("time", "time"),
    ("uri", "uri"),
    ("uri-reference", "uri_reference"),
    ("uri-template", "uri_template"),
    ("uuid", "uuid"),
];

/// The classes of personal data `x-privacy` may name.
pub const PRIVACY: [&str; 5] = ["none", "contact", "identity", "financial", "free-text"];

const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];

const fn keyword(name: &'static str, class: Class, applies: Applies, shape: Shape) -> Keyword {
    Keyword { name, class, applies, shape }
}

/// Every keyword the generator knows.
pub const KEYWORDS: &[Keyword] = {
    use Applies::{Any, Arrays, Numbers, Objects, Scalars, Strings};
    use Class::{Annotation, Applicator, Assertion, Identifier, Ours};
    &[
        keyword("$schema", Identifier, Any, Shape::Dialect),
        keyword("$id", Identifier, Any, Shape::Identifier),
        keyword("$anchor", Identifier, Any, Shape::Anchor),
        keyword("$ref", Identifier, Any, Shape::Reference),
        keyword("$dynamicRef", Identifier, Any, Shape::Reference),
        keyword("$dynamicAnchor", Identifier, Any, Shape::Anchor),
        keyword("$vocabulary", Identifier, Any, Shape::Any),
        keyword("$defs", Identifier, Any, Shape::SchemaByName),
        keyword("definitions", Identifier, Any, Shape::SchemaByName),
        keyword("$comment", Annotation, Any, Shape::Text),
        keyword("title", Annotation, Any, Shape::Text),
        keyword("description", Annotation, Any, Shape::Text),
        keyword("examples", Annotation, Any, Shape::Array),
        keyword("default", Annotation, Any, Shape::Any),
        keyword("deprecated", Annotation, Any, Shape::Boolean),
        keyword("readOnly", Annotation, Any, Shape::Boolean),
        keyword("writeOnly", Annotation, Any, Shape::Boolean),
        keyword("xml", Annotation, Objects, Shape::Xml),
        keyword("type", Assertion, Any, Shape::Types),
        keyword("enum", Assertion, Any, Shape::Choices),
        keyword("const", Assertion, Any, Shape::Any),
        keyword("minimum", Assertion, Numbers, Shape::Number),
        keyword("maximum", Assertion, Numbers, Shape::Number),
        keyword("exclusiveMinimum", Assertion, Numbers, Shape::Number),
        keyword("exclusiveMaximum", Assertion, Numbers, Shape::Number),
        keyword("multipleOf", Assertion, Numbers, Shape::PositiveNumber),
        keyword("minLength", Assertion, Strings, Shape::Count),
        keyword("maxLength", Assertion, Strings, Shape::Count),
        keyword("pattern", Assertion, Strings, Shape::Pattern),
        keyword("format", Assertion, Strings, Shape::Format),
        keyword("minItems", Assertion, Arrays, Shape::Count),
        keyword("maxItems", Assertion, Arrays, Shape::Count),
        keyword("uniqueItems", Assertion, Arrays, Shape::Boolean),
        keyword("minContains", Assertion, Arrays, Shape::Count),
        keyword("maxContains", Assertion, Arrays, Shape::Count),
        keyword("minProperties", Assertion, Objects, Shape::Count),
        keyword("maxProperties", Assertion, Objects, Shape::Count),
        keyword("required", Assertion, Objects, Shape::Names),
        keyword("dependentRequired", Assertion, Objects, Shape::NamesByName),
        keyword("items", Applicator, Arrays, Shape::SchemaOrSchemas),
        keyword("additionalItems", Applicator, Arrays, Shape::Schema),
        keyword("prefixItems", Applicator, Arrays, Shape::Schemas),
        keyword("contains", Applicator, Arrays, Shape::Schema),
        keyword("properties", Applicator, Objects, Shape::SchemaByName),
        keyword("patternProperties", Applicator, Objects, Shape::SchemaByPattern),
        keyword("additionalProperties", Applicator, Objects, Shape::Schema),
        keyword("propertyNames", Applicator, Objects, Shape::Schema),
        keyword("dependencies", Applicator, Objects, Shape::Dependencies),
        keyword("dependentSchemas", Applicator, Objects, Shape::SchemaByName),
        keyword("unevaluatedItems", Applicator, Arrays, Shape::Schema),
        keyword("unevaluatedProperties", Applicator, Objects, Shape::Schema),
        keyword("allOf", Applicator, Any, Shape::Schemas),
        keyword("anyOf", Applicator, Any, Shape::Schemas),
        keyword("oneOf", Applicator, Any, Shape::Schemas),
        keyword("not", Applicator, Any, Shape::Schema),
        keyword("if", Applicator, Any, Shape::Schema),
        keyword("then", Applicator, Any, Shape::Schema),
        keyword("else", Applicator, Any, Shape::Schema),
        keyword("x-rust-name", Ours, Any, Shape::RustName),
        keyword("x-privacy", Ours, Any, Shape::Privacy),
        keyword("x-rule", Ours, Any, Shape::Rule),
        keyword("x-code", Ours, Any, Shape::Code),
        keyword("x-credential", Ours, Any, Shape::True),
        keyword("x-sandbox", Ours, Scalars, Shape::TextsByPattern),
        keyword("$recursiveRef", Identifier, Any, Shape::Reference),
        keyword("$recursiveAnchor", Identifier, Any, Shape::Boolean),
    ]
};

/// The keyword of this name.
pub fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The function of `usher_wire::format` that checks a format, if it is asserted.
pub fn format_function(format: &str) -> Option<&'static str> {
    FORMATS.iter().find(|(name, _)| *name == format).map(|(_, function)| *function)
}

/// The direct subschemas of a schema, in document order. Values of `const`, `enum`, `default`, `examples` and of unknown
/// keywords hold none.
pub fn children(schema: &Node) -> Vec<Child<'_>> {
    let mut children = Vec::new();
    for member in schema.as_object().unwrap_or_default() {
        let Some(keyword) = find(&member.key) else {
            continue;
        };
        let in_place = matches!(
            keyword.name,
            "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" | "dependentSchemas" | "dependencies"
        );
        let mut add = |pointer: String, node| children.push(Child { keyword: keyword.name, pointer, node, in_place });
        match keyword.shape {
            Shape::Schema => add(format!("/{}", keyword.name), &member.value),
            Shape::Schemas | Shape::SchemaOrSchemas => {
                if keyword.shape == Shape::SchemaOrSchemas && member.value.as_array().is_none() {
                    add(format!("/{}", keyword.name), &member.value);
                }
                for (index, item) in member.value.as_array().unwrap_or_default().iter().enumerate() {
                    add(format!("/{}/{index}", keyword.name), item);
                }
            }
            Shape::SchemaByName | Shape::SchemaByPattern | Shape::Dependencies => {
                // In `dependencies`, a list of names is no schema.
                let is_schema =
                    |entry: &&Member| keyword.shape != Shape::Dependencies || entry.value.as_array().is_none();
                for entry in member.value.as_object().unwrap_or_default().iter().filter(is_schema) {
                    add(format!("/{}/{}", keyword.name, escape_token(&entry.key)), &entry.value);
                }
            }
            _ => {}
        }
    }
    children
}

/// Calls `visit` with the pointer of every schema at and below a place, parents first, in document order.
pub fn walk<'a>(pointer: &str, schema: &'a Node, visit: &mut dyn FnMut(&str, &'a Node)) {
    visit(pointer, schema);
    for child in children(schema) {
        walk(&format!("{pointer}{}", child.pointer), child.node, visit);
    }
}

/// The schema with every direct subschema replaced by what `replace` makes of it; it gets the pointer from the schema.
pub fn map_children(schema: &Node, replace: &mut dyn FnMut(&str, &Node) -> Node) -> Node {
    let Some(members) = schema.as_object() else { return schema.clone() };
    let mut map = |member: &Member| {
        let Some(keyword) = find(&member.key) else { return member.value.clone() };
        match (keyword.shape, &member.value.value) {
            (Shape::Schema, _) | (Shape::SchemaOrSchemas, Value::Object(_) | Value::Bool(_)) => {
                replace(&format!("/{}", keyword.name), &member.value)
            }
            (Shape::Schemas | Shape::SchemaOrSchemas, Value::Array(items)) => {
                let items = items.iter().enumerate();
                Node::new(Value::Array(
                    items.map(|(index, item)| replace(&format!("/{}/{index}", keyword.name), item)).collect(),
                ))
            }
            (Shape::SchemaByName | Shape::SchemaByPattern, Value::Object(entries)) => {
                let place = |key: &str| format!("/{}/{}", keyword.name, escape_token(key));
                let entries =
                    entries.iter().map(|entry| Member::new(&entry.key, replace(&place(&entry.key), &entry.value)));
                Node::new(Value::Object(entries.collect()))
            }
            _ => member.value.clone(),
        }
    };
    Node::new(Value::Object(members.iter().map(|member| Member::new(&member.key, map(member))).collect()))
}

#[cfg(test)]
mod tests;
