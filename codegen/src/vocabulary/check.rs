//! The check of schemas against the vocabulary: the meta-schema's demands, and keywords that say nothing where they stand.

use std::ops::Range;

use super::{Applies, FORMATS, KEYWORDS, Keyword, PRIVACY, Shape, TYPES, find, format_function, walk};
use crate::diagnostic::{Diagnostic, nearest};
use crate::dialect::Dialect;
use crate::json::{Member, Node, Number, Value, escape_token};
use crate::load::{Document, LoadOptions, Sources};
use crate::{openapi, pattern, uri};

/// Checks every schema of every file, those in OpenAPI files too.
pub fn check_all(sources: &Sources, options: &LoadOptions) -> Vec<Diagnostic> {
    let dialects: Vec<&str> = sources.documents().map(|document| document.id.as_str()).collect();
    let mut found: Vec<Diagnostic> = sources
        .schemas
        .iter()
        .flat_map(|document| check_in(document, "", &document.root, options, &dialects))
        .collect();
    for document in &sources.openapi {
        for place in openapi::schema_places(&document.root) {
            if let Some(schema) = document.root.at_pointer(&place) {
                found.extend(check_in(document, &place, schema, options, &dialects));
            }
        }
    }
    found
}

/// Checks every schema of a schema file against the vocabulary.
pub fn check(document: &Document, options: &LoadOptions) -> Vec<Diagnostic> {
    check_below(document, "", &document.root, options)
}

/// Checks a schema that stands inside a document, for example in an OpenAPI file, and every schema below it.
pub fn check_below(document: &Document, pointer: &str, schema: &Node, options: &LoadOptions) -> Vec<Diagnostic> {
    check_in(document, pointer, schema, options, &[])
}

fn check_in(
    document: &Document,
    pointer: &str,
    schema: &Node,
    options: &LoadOptions,
    dialects: &[&str],
) -> Vec<Diagnostic> {
    let mut checker = Checker { document, options, dialects, root: pointer.to_owned(), found: Vec::new() };
    walk(pointer, schema, &mut |pointer, schema| checker.schema(pointer, schema));
    checker.found
}

struct Checker<'a> {
    document: &'a Document,
    options: &'a LoadOptions,
    /// Meta-schemas among the files.
    dialects: &'a [&'a str],
    /// Pointer of the outermost schema.
    root: String,
    found: Vec<Diagnostic>,
}

/// A keyword in a schema that is being checked.
struct Site<'a> {
    keyword: &'static Keyword,
    pointer: String,
    value: &'a Node,
}

impl Checker<'_> {
    fn schema(&mut self, pointer: &str, schema: &Node) {
        let members = match &schema.value {
            Value::Object(members) => members,
            Value::Bool(_) => return,
            _ => {
                let message = format!("a schema is an object or a boolean, found {}", article(schema.type_name()));
                self.found.push(Diagnostic::error(self.document, schema.span.clone(), pointer, message));
                return;
            }
        };
        let dialect = self.dialect_at(pointer);
        for member in members {
            let place = format!("{pointer}/{}", escape_token(&member.key));
            match find(&member.key) {
                Some(keyword) if !dialect.knows(keyword.name) => {
                    let message = format!("`{}` means nothing in {}: it has no effect", keyword.name, dialect.name());
                    let help = match keyword.name {
                        "additionalItems" => {
                            "write the leading items as `prefixItems` and the rest as `items`; beside a single `items` leave it out"
                        }
                        "$recursiveRef" | "$recursiveAnchor" => "write `$dynamicRef` and `$dynamicAnchor`",
                        _ => "name a newer draft in `$schema`",
                    };
                    self.remark(member.key_span.clone(), &place, keyword.name, message, Some(help.to_owned()));
                }
                Some(keyword) => {
                    let site = Site { keyword, pointer: place, value: &member.value };
                    self.older_name(&site, &member.key_span, dialect);
                    self.shape(&site);
                    self.company(&site, &member.key_span, schema, pointer);
                }
                None => self.unknown(&member.key, &member.key_span, place),
            }
        }
    }

    /// The draft that a schema is written in.
    fn dialect_at(&self, pointer: &str) -> Dialect {
        let mut pointer = pointer;
        loop {
            let named = self.document.root.at_pointer(pointer).and_then(|node| node.member("$schema")?.as_str());
            if let Some(dialect) = named.and_then(Dialect::of) {
                return dialect;
            }
            match pointer.rfind('/') {
                Some(at) => pointer = &pointer[..at],
                None => return self.options.dialect,
            }
        }
    }

    /// A note to a stranger, an error in our own tree.
    fn remark(&mut self, span: Range<usize>, pointer: &str, keyword: &str, message: String, help: Option<String>) {
        let build = if self.options.own_tree { Diagnostic::error } else { Diagnostic::note };
        let mut diagnostic = build(self.document, span, pointer, message).with_keyword(keyword);
        diagnostic.help = help;
        self.found.push(diagnostic);
    }

    fn error(
        &mut self,
        span: Range<usize>,
        pointer: &str,
        keyword: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let mut diagnostic = Diagnostic::error(self.document, span, pointer, message).with_keyword(keyword);
        diagnostic.help = help;
        self.found.push(diagnostic);
    }

    fn unknown(&mut self, key: &str, key_span: &Range<usize>, place: String) {
        let near = nearest(key, KEYWORDS.iter().map(|keyword| keyword.name));
        let help = match key {
            "nullable" => Some("write `\"type\": [\"string\", \"null\"]`".to_owned()),
            "id" => Some("write `$id`".to_owned()),
            "example" => Some("write `examples`, an array".to_owned()),
            "discriminator" => {
                Some("give every record of the `oneOf` a required property with its own `const` string".to_owned())
            }
            _ if self.options.own_tree && near.is_none() => Some("leave it out, or say it in `$comment`".to_owned()),
            _ => near.map(|near| format!("did you mean `{near}`?")),
        };
        let message = format!("unknown keyword `{key}`: an annotation, it has no effect");
        self.remark(key_span.clone(), &place, key, message, help);
    }

    fn older_name(&mut self, site: &Site, key_span: &Range<usize>, dialect: Dialect) {
        let help = match site.keyword.name {
            "definitions" => "write `$defs`, and `#/$defs/…` where it is referred to",
            "dependencies" => "write `dependentRequired` for lists of names, `dependentSchemas` for schemas",
            _ => return,
        };
        if dialect > Dialect::Draft7 {
            let message = format!("`{}` is the name of older drafts", site.keyword.name);
            self.remark(key_span.clone(), &site.pointer, site.keyword.name, message, Some(help.to_owned()));
        }
    }

    /// Faults that show only beside the other keywords of the same schema.
    fn company(&mut self, site: &Site, key_span: &Range<usize>, schema: &Node, pointer: &str) {
        let name = site.keyword.name;
        let partners: &[&str] = match name {
            "then" | "else" => &["if"],
            "minContains" | "maxContains" => &["contains"],
            "x-code" => &["anyOf", "oneOf", "not", "pattern", "format"],
            _ => &[],
        };
        if !partners.is_empty() && partners.iter().all(|partner| schema.member(partner).is_none()) {
            let list = partners.iter().map(|partner| format!("`{partner}`")).collect::<Vec<_>>().join(", ");
            let help =
                format!("add {}{list} beside it, or leave it out", if partners.len() > 1 { "one of " } else { "" });
            self.remark(key_span.clone(), &site.pointer, name, format!("`{name}` alone has no effect"), Some(help));
        }
        if name == "items" && site.value.as_array().is_some() && self.dialect_at(pointer) == Dialect::Draft2020 {
            let help = "write the array as `prefixItems`; `items` then holds for the items after it".to_owned();
            let message = "`items` must be a schema, found an array";
            self.error(site.value.span.clone(), &site.pointer, name, message, Some(help));
        }
        if name == "enum" && schema.member("const").is_some() {
            let help = Some("keep `const`, if `enum` lists its value".to_owned());
            self.error(
                key_span.clone(),
                &site.pointer,
                name,
                "`enum` beside `const` adds nothing or allows nothing",
                help,
            );
        }
        if name == "$schema" && pointer != self.root && schema.member("$id").is_none() {
            let help = Some("leave it out: the schema of the file decides".to_owned());
            self.error(
                key_span.clone(),
                &site.pointer,
                name,
                "`$schema` stands only beside the `$id` of a schema or at the top of a file",
                help,
            );
        }
        if let Some(types) = declared_types(schema)
            && !types.is_empty()
            && !types.iter().any(|declared| looked_at(site.keyword.applies, declared))
        {
            let message = format!("`{name}` has no effect: `type` admits only {}", types.join(", "));
            self.remark(
                key_span.clone(),
                &site.pointer,
                name,
                message,
                Some("leave it out, or widen `type`".to_owned()),
            );
        }
    }

    fn shape(&mut self, site: &Site) {
        let wrong = match site.keyword.shape {
            // Whether a subschema is one is seen when its turn comes.
            Shape::Any | Shape::Schema | Shape::SchemaOrSchemas => None,
            Shape::Dependencies => {
                site.value.as_object().is_none().then_some("an object of schemas and lists of names")
            }
            Shape::Boolean => site.value.as_bool().is_none().then_some("a boolean"),
            Shape::True => (site.value.as_bool() != Some(true)).then_some("`true`"),
            Shape::Text => site.value.as_str().is_none().then_some("a string"),
            Shape::Number => site.value.as_number_text().is_none().then_some("a number"),
            Shape::PositiveNumber => (!is_positive(site.value)).then_some("a number greater than 0"),
            Shape::Count => site.value.as_u64().is_none().then_some("a non-negative integer"),
            Shape::Array => site.value.as_array().is_none().then_some("an array"),
            Shape::Schemas => (!is_schemas(site.value)).then_some("an array of at least one schema"),
            Shape::SchemaByName | Shape::SchemaByPattern => {
                site.value.as_object().is_none().then_some("an object whose members are schemas")
            }
            Shape::Reference => site.value.as_str().is_none().then_some("a string: a URI reference"),
            Shape::Identifier => self.identifier(site),
            Shape::Types => self.types(site),
            Shape::Choices => self.choices(site),
            Shape::Names => self.names(site, &site.pointer, site.value),
            Shape::NamesByName => self.names_by_name(site),
            Shape::Pattern => self.pattern(site),
            Shape::Format => self.format(site),
            Shape::Dialect => self.dialect(site),
            Shape::Anchor => {
                (!is_anchor(site.value)).then_some("a name: a letter or `_`, then letters, digits, `-`, `_`, `.`")
            }
            Shape::RustName => (!is_type_name(site.value)).then_some("a type name such as `MortgageRequest`"),
            Shape::Privacy => self.privacy(site),
            Shape::Rule => self.rule(site),
            Shape::Code => (!is_word(site.value, '_')).then_some("a code such as `email_domain`"),
            Shape::Xml => (!is_xml(site.value)).then_some(
                "an object with any of `name`, `namespace`, `prefix` and `x-type-namespace`, each a text that XML allows there",
            ),
            Shape::TextsByPattern => (!is_texts(site.value)).then_some("an object of texts, one for each pattern"),
        };
        if let Some(wanted) = wrong {
            let message = format!("`{}` must be {wanted}, found {}", site.keyword.name, excerpt(site.value));
            let help = older_draft(site);
            self.error(site.value.span.clone(), &site.pointer, site.keyword.name, message, help);
        }
        if matches!(site.keyword.shape, Shape::SchemaByPattern | Shape::TextsByPattern) {
            self.pattern_keys(site);
        }
    }

    fn identifier(&mut self, site: &Site) -> Option<&'static str> {
        let Some(id) = site.value.as_str() else {
            return Some("a string: a URI reference without fragment");
        };
        let pointer = site.pointer.trim_end_matches("/$id");
        if !uri::fragment(id).is_empty() && self.dialect_at(pointer) > Dialect::Draft7 {
            let help = Some("name the place by `$anchor`".to_owned());
            self.error(site.value.span.clone(), &site.pointer, "$id", "`$id` has a fragment", help);
        }
        None
    }

    fn types(&mut self, site: &Site) -> Option<&'static str> {
        const WANTED: &str =
            "a type name or an array of different type names (null, boolean, object, array, number, string, integer)";
        let items = match &site.value.value {
            Value::String(_) => std::slice::from_ref(site.value),
            Value::Array(items) if !items.is_empty() => items,
            _ => return Some(WANTED),
        };
        for (index, item) in items.iter().enumerate() {
            let Some(name) = item.as_str() else {
                return Some(WANTED);
            };
            if !TYPES.contains(&name) {
                let near = match name {
                    "int" | "long" => Some("integer"),
                    "float" | "double" | "decimal" => Some("number"),
                    "bool" => Some("boolean"),
                    "text" | "date" => Some("string"),
                    "list" => Some("array"),
                    "map" | "record" => Some("object"),
                    _ => nearest(name, TYPES),
                };
                let help = near.map(|near| format!("did you mean `{near}`?"));
                self.error(item.span.clone(), &site.pointer, "type", format!("there is no type `{name}`"), help);
            } else if items[..index].contains(item) {
                self.error(item.span.clone(), &site.pointer, "type", format!("`{name}` stands here twice"), None);
            }
        }
        None
    }

    fn choices(&mut self, site: &Site) -> Option<&'static str> {
        let Some(items) = site.value.as_array() else {
            return Some("an array");
        };
        if items.is_empty() {
            let help = Some("a schema that accepts nothing is written `false`".to_owned());
            let message = "`enum` is empty: nothing is accepted".to_owned();
            self.remark(site.value.span.clone(), &site.pointer, "enum", message, help);
        }
        for (index, item) in items.iter().enumerate() {
            if items[..index].contains(item) {
                let message = format!("{} stands here twice", excerpt(item));
                self.remark(item.span.clone(), &site.pointer, "enum", message, None);
            }
        }
        None
    }

    fn names(&mut self, site: &Site, pointer: &str, value: &Node) -> Option<&'static str> {
        const WANTED: &str = "an array of different strings";
        let Some(items) = value.as_array() else {
            return Some(WANTED);
        };
        for (index, item) in items.iter().enumerate() {
            let Some(name) = item.as_str() else {
                return Some(WANTED);
            };
            if items[..index].contains(item) {
                self.error(
                    item.span.clone(),
                    pointer,
                    site.keyword.name,
                    format!("`{name}` stands here twice"),
                    Some("remove one of the two".to_owned()),
                );
            }
        }
        None
    }

    fn names_by_name(&mut self, site: &Site) -> Option<&'static str> {
        const WANTED: &str = "an object whose members are arrays of different strings";
        let Some(members) = site.value.as_object() else {
            return Some(WANTED);
        };
        for member in members {
            let pointer = format!("{}/{}", site.pointer, escape_token(&member.key));
            if self.names(site, &pointer, &member.value).is_some() {
                return Some(WANTED);
            }
        }
        None
    }

    fn pattern(&mut self, site: &Site) -> Option<&'static str> {
        let Some(text) = site.value.as_str() else {
            return Some("a string: a regular expression");
        };
        if let Err(error) = pattern::compile(text) {
            self.error(site.value.span.clone(), &site.pointer, "pattern", error.message, error.help);
        }
        None
    }

    fn pattern_keys(&mut self, site: &Site) {
        for member in site.value.as_object().unwrap_or_default() {
            if let Err(error) = pattern::compile(&member.key) {
                let pointer = format!("{}/{}", site.pointer, escape_token(&member.key));
                self.error(member.key_span.clone(), &pointer, site.keyword.name, error.message, error.help);
            }
        }
    }

    fn format(&mut self, site: &Site) -> Option<&'static str> {
        let Some(name) = site.value.as_str() else {
            return Some("a string");
        };
        if format_function(name).is_none() {
            let help = match nearest(name, FORMATS.iter().map(|(name, _)| *name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("say it with `pattern`; asserted are {}", FORMATS.map(|(name, _)| name).join(", ")),
            };
            self.remark(
                site.value.span.clone(),
                &site.pointer,
                "format",
                format!("format `{name}` is not asserted: it has no effect"),
                Some(help),
            );
        }
        None
    }

    fn dialect(&mut self, site: &Site) -> Option<&'static str> {
        let Some(dialect) = site.value.as_str() else {
            return Some("a string: a URI");
        };
        let dialect = dialect.trim_end_matches('#');
        let newest = Dialect::Draft2020.uri();
        if dialect == newest || self.dialects.contains(&dialect) {
            return None;
        }
        let rewrite = format!(
            "write \"{newest}\"; what changes: `definitions` is `$defs`, an array of `items` is `prefixItems`, `dependencies` is `dependentRequired` or `dependentSchemas`"
        );
        if let Some(known) = Dialect::of(dialect) {
            if self.options.own_tree {
                let message =
                    format!("our own tree is written in {}, not in {}", Dialect::Draft2020.name(), known.name());
                self.error(site.value.span.clone(), &site.pointer, "$schema", message, Some(rewrite));
            }
            return None;
        }
        let older = ["draft-03", "draft-04", "draft-05", "draft-06"].into_iter().find(|draft| dialect.contains(draft));
        let (message, help) = match older {
            Some(draft) => (format!("draft {} is not read", draft.trim_start_matches("draft-")), rewrite),
            None => (
                format!("unknown dialect `{dialect}`"),
                format!("write \"{newest}\", or add the meta-schema of this name to the folder"),
            ),
        };
        self.error(site.value.span.clone(), &site.pointer, "$schema", message, Some(help));
        None
    }

    fn privacy(&mut self, site: &Site) -> Option<&'static str> {
        let Some(class) = site.value.as_str() else {
            return Some("a string");
        };
        if !PRIVACY.contains(&class) {
            let help = match nearest(class, PRIVACY) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", PRIVACY.join(", ")),
            };
            self.error(
                site.value.span.clone(),
                &site.pointer,
                "x-privacy",
                format!("there is no privacy class `{class}`"),
                Some(help),
            );
        }
        None
    }

    fn rule(&mut self, site: &Site) -> Option<&'static str> {
        if !is_word(site.value, '-') {
            return Some("a rule name such as `phone-cz`");
        }
        let rules = &self.options.rules;
        let name = site.value.as_str().unwrap_or_default();
        if !rules.is_empty() && !rules.iter().any(|rule| rule == name) {
            let help = match nearest(name, rules.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", rules.join(", ")),
            };
            self.error(
                site.value.span.clone(),
                &site.pointer,
                "x-rule",
                format!("there is no rule `{name}`"),
                Some(help),
            );
        }
        None
    }
}

/// The rewrite of a value that an older draft allowed.
fn older_draft(site: &Site) -> Option<String> {
    let help = match (site.keyword.name, &site.value.value) {
        ("exclusiveMinimum", Value::Bool(_)) => "write the number itself here and leave `minimum` out",
        ("exclusiveMaximum", Value::Bool(_)) => "write the number itself here and leave `maximum` out",
        ("required", Value::Bool(_)) => "list the name in `required` of the object that has this property",
        ("examples", Value::Object(_)) => "write an array of values",
        ("type", Value::Array(items)) if items.iter().any(|item| item.as_object().is_some()) => {
            "write `anyOf` with the schemas"
        }
        ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(_)) => "leave it out",
        ("x-credential", Value::Bool(false)) => "leave it out",
        _ => return None,
    };
    Some(help.to_owned())
}

/// The type names a schema's own `type` admits, if it has a well-formed one.
fn declared_types(schema: &Node) -> Option<Vec<&str>> {
    let declared = schema.member("type")?;
    match &declared.value {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => names.iter().map(Node::as_str).collect(),
        _ => None,
    }
}

fn looked_at(applies: Applies, declared: &str) -> bool {
    match applies {
        Applies::Any => true,
        Applies::Scalars => !matches!(declared, "object" | "array"),
        Applies::Numbers => matches!(declared, "number" | "integer"),
        Applies::Strings => declared == "string",
        Applies::Arrays => declared == "array",
        Applies::Objects => declared == "object",
    }
}

fn is_schemas(node: &Node) -> bool {
    node.as_array().is_some_and(|items| !items.is_empty())
}

fn is_texts(node: &Node) -> bool {
    let is_text = |value: &Node| value.as_str().is_some_and(|text| !text.is_empty());
    node.as_object().is_some_and(|members| !members.is_empty() && members.iter().all(|member| is_text(&member.value)))
}

/// What a message is in XML, as OpenAPI says it, and the namespace of the names in `xsi:type`.
fn is_xml(node: &Node) -> bool {
    let is_right = |member: &Member| {
        let Some(text) = member.value.as_str() else { return false };
        match member.key.as_str() {
            "name" | "prefix" => {
                text.starts_with(|first: char| first.is_ascii_alphabetic()) && is_anchor(&member.value)
            }
            // Written between double quotes as it is.
            "namespace" | "x-type-namespace" => {
                !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>&".contains(&byte))
            }
            _ => false,
        }
    };
    node.as_object().is_some_and(|members| !members.is_empty() && members.iter().all(is_right))
}

fn is_positive(node: &Node) -> bool {
    node.as_number_text().map(Number::of).is_some_and(|number| !number.negative && !number.digits.is_empty())
}

fn is_anchor(node: &Node) -> bool {
    node.as_str().is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'))
    })
}

fn is_type_name(node: &Node) -> bool {
    node.as_str().is_some_and(|name| {
        name != "Self"
            && name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.chars().all(|char| char.is_ascii_alphanumeric())
    })
}

/// Lower-case words joined by a separator.
fn is_word(node: &Node, separator: char) -> bool {
    node.as_str().is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.split(separator).all(|part| {
                !part.is_empty() && part.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
            })
    })
}

/// The value as it may stand in a message.
fn excerpt(node: &Node) -> String {
    let text = node.to_json();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

fn article(noun: &str) -> String {
    match noun {
        "null" => noun.to_owned(),
        "array" | "object" => format!("an {noun}"),
        _ => format!("a {noun}"),
    }
}
