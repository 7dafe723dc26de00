//! The model: every schema as a node of an arena, with its keywords read out of the JSON once.
//!
//! Lowering changes nothing in what a schema accepts. Numbers stay text, references stay references.

use std::collections::HashMap;

use crate::json::Node as Json;
use crate::resolve::{Location, Meaning, Registry};

/// The number of a node in its arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// A JSON type as `type` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `string`
    String,
    /// `array`
    Array,
    /// `object`
    Object,
}

impl Type {
    /// All types, in the order in which alternatives are listed.
    pub const ALL: [Type; 7] =
        [Type::Null, Type::Boolean, Type::Integer, Type::Number, Type::String, Type::Array, Type::Object];

    /// The name in the schema.
    pub fn name(self) -> &'static str {
        match self {
            Type::Null => "null",
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::String => "string",
            Type::Array => "array",
            Type::Object => "object",
        }
    }

    fn named(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a schema says without asserting it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotations {
    /// `title`
    pub title: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `default`, as JSON text.
    pub default: Option<String>,
    /// `deprecated`
    pub deprecated: bool,
    /// `x-privacy`
    pub privacy: Option<String>,
    /// `x-rust-name`
    pub rust_name: Option<String>,
    /// `x-code`
    pub code: Option<String>,
    /// `x-credential`
    pub credential: bool,
    /// `xml`
    pub xml: Xml,
}

/// What a message is in XML, as far as its schema says it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Xml {
    /// `name`: of the root element.
    pub name: Option<String>,
    /// `namespace`: of the root element.
    pub namespace: Option<String>,
    /// `prefix`: that the root element is written with.
    pub prefix: Option<String>,
    /// `x-type-namespace`: of the names in `xsi:type`.
    pub type_namespace: Option<String>,
}

impl Xml {
    fn of(value: &Json) -> Xml {
        let text = |name: &str| value.member(name).and_then(Json::as_str).map(str::to_owned);
        Xml {
            name: text("name"),
            namespace: text("namespace"),
            prefix: text("prefix"),
            type_namespace: text("x-type-namespace"),
        }
    }
}

/// The assertions on numbers, each as JSON text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NumberRules {
    /// `minimum`
    pub minimum: Option<String>,
    /// `maximum`
    pub maximum: Option<String>,
    /// `exclusiveMinimum`
    pub exclusive_minimum: Option<String>,
    /// `exclusiveMaximum`
    pub exclusive_maximum: Option<String>,
    /// `multipleOf`
    pub multiple_of: Option<String>,
}

/// The assertions on strings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextRules {
    /// `minLength`
    pub min_length: Option<u64>,
    /// `maxLength`
    pub max_length: Option<u64>,
    /// `pattern`; several where schemas were merged.
    pub patterns: Vec<String>,
    /// `format`
    pub format: Option<String>,
}

/// The assertions on arrays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArrayRules {
    /// `items`, or `additionalItems` beside a list of `items`.
    pub items: Option<NodeId>,
    /// `additionalItems`, until it is known whether a list of `items` is beside it.
    additional: Option<NodeId>,
    /// `prefixItems`
    pub prefix: Vec<NodeId>,
    /// `minItems`
    pub min_items: Option<u64>,
    /// `maxItems`
    pub max_items: Option<u64>,
    /// `uniqueItems`
    pub unique: bool,
    /// `contains`
    pub contains: Option<NodeId>,
    /// Whether what `contains` counts is evaluated by it.
    pub contains_evaluates: bool,
    /// `minContains`
    pub min_contains: Option<u64>,
    /// `maxContains`
    pub max_contains: Option<u64>,
    /// `unevaluatedItems`
    pub unevaluated: Option<NodeId>,
}

/// The assertions on objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectRules {
    /// `properties`, in the order of the schema.
    pub properties: Vec<(String, NodeId)>,
    /// `required`
    pub required: Vec<String>,
    /// `dependentRequired`
    pub dependent_required: Vec<(String, Vec<String>)>,
    /// `dependentSchemas`
    pub dependent_schemas: Vec<(String, NodeId)>,
    /// `patternProperties`
    pub patterns: Vec<(String, NodeId)>,
    /// `additionalProperties`
    pub additional: Option<NodeId>,
    /// `propertyNames`
    pub names: Option<NodeId>,
    /// `minProperties`
    pub min_properties: Option<u64>,
    /// `maxProperties`
    pub max_properties: Option<u64>,
    /// `unevaluatedProperties`
    pub unevaluated: Option<NodeId>,
}

/// The assertions that apply other schemas to the same value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InPlace {
    /// `allOf`
    pub all_of: Vec<NodeId>,
    /// `anyOf`
    pub any_of: Vec<NodeId>,
    /// `oneOf`
    pub one_of: Vec<NodeId>,
    /// `not`
    pub not: Option<NodeId>,
    /// `if`
    pub condition: Option<NodeId>,
    /// `then`
    pub then: Option<NodeId>,
    /// `else`
    pub otherwise: Option<NodeId>,
}

/// A `$dynamicRef` that several anchors may answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Dynamic {
    /// What it means where no resource on the way has the anchor.
    pub initial: NodeId,
    /// The resources that have the anchor, and the schema it names there.
    pub anchors: Vec<(u32, NodeId)>,
}

/// One schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Where it stands.
    pub location: Location,
    /// The same for people and for violations: `contact_request/v1/person.schema.json#/properties/forename`.
    pub origin: String,
    /// The schema `true` or `false`.
    pub boolean: Option<bool>,
    /// What it says without asserting it.
    pub annotations: Annotations,
    /// `$ref`
    pub reference: Option<NodeId>,
    /// `$dynamicRef`, where what it means depends on the way to it.
    pub dynamic: Option<Dynamic>,
    /// The number of the resource it stands in, where entering that resource changes what a `$dynamicRef` means.
    pub scope: Option<u32>,
    /// `type`; empty where every type may stand.
    pub types: Vec<Type>,
    /// `const` or `enum`: the keyword and the values.
    pub constants: Option<(&'static str, Vec<Json>)>,
    /// On numbers.
    pub number: NumberRules,
    /// On strings.
    pub text: TextRules,
    /// `x-rule`
    pub rule: Option<String>,
    /// On arrays.
    pub array: ArrayRules,
    /// On objects.
    pub object: ObjectRules,
    /// Other schemas on the same value.
    pub in_place: InPlace,
}

impl Schema {
    /// The schema of any object, made at a place rather than read there.
    pub fn of_objects(location: Location, origin: String) -> Schema {
        Schema {
            location,
            origin,
            boolean: None,
            annotations: Annotations::default(),
            reference: None,
            dynamic: None,
            scope: None,
            types: vec![Type::Object],
            constants: None,
            number: NumberRules::default(),
            text: TextRules::default(),
            rule: None,
            array: ArrayRules::default(),
            object: ObjectRules::default(),
            in_place: InPlace::default(),
        }
    }

    /// Whether it asserts nothing of its own beside a reference.
    pub fn only_refers(&self) -> bool {
        self.boolean.is_none()
            && self.asserts_nothing()
            && self.in_place == InPlace::default()
            && self.dynamic.is_none()
            && self.scope.is_none()
    }

    /// Whether it asserts nothing by keywords on the value itself: no types, constants, bounds or members.
    pub fn asserts_nothing(&self) -> bool {
        self.types.is_empty()
            && self.constants.is_none()
            && self.number == NumberRules::default()
            && self.text == TextRules::default()
            && self.rule.is_none()
            && self.array == ArrayRules::default()
            && self.object == ObjectRules::default()
    }

    /// Whether values of this type pass `type`.
    pub fn allows(&self, kind: Type) -> bool {
        self.types.is_empty()
            || self.types.contains(&kind)
            || (kind == Type::Integer && self.types.contains(&Type::Number))
    }
}

/// All schemas.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The nodes; a [`NodeId`] is an index.
    pub nodes: Vec<Schema>,
    by_location: HashMap<Location, NodeId>,
}

impl Model {
    /// Lowers every schema of the registry.
    pub fn new(registry: &Registry<'_>) -> Model {
        let mut model = Model::default();
        for (index, location) in registry.schemas().enumerate() {
            model.by_location.insert(location.clone(), NodeId(index));
        }
        for location in registry.schemas() {
            let node = model.lower(registry, location);
            model.nodes.push(node);
        }
        model
    }

    /// The node of a place where a schema stands.
    pub fn at(&self, location: &Location) -> Option<NodeId> {
        self.by_location.get(location).copied()
    }

    /// The schema of a node.
    pub fn schema(&self, id: NodeId) -> &Schema {
        &self.nodes[id.0]
    }

    /// Adds a schema that a pass made out of others.
    pub fn add(&mut self, schema: Schema) -> NodeId {
        self.nodes.push(schema);
        NodeId(self.nodes.len() - 1)
    }

    /// Follows references that assert nothing of their own to the schema that is meant.
    pub fn target(&self, id: NodeId) -> NodeId {
        let mut id = id;
        // The registry refuses cycles of bare references, so this ends.
        while let Schema { reference: Some(next), .. } = self.schema(id) {
            if !self.schema(id).only_refers() {
                break;
            }
            id = *next;
        }
        id
    }

    /// The nearest annotation on the way from a schema along its references.
    pub fn annotation<T: Clone>(&self, id: NodeId, pick: impl Fn(&Annotations) -> Option<T>) -> Option<T> {
        let mut id = id;
        loop {
            let schema = self.schema(id);
            if let Some(found) = pick(&schema.annotations) {
                return Some(found);
            }
            id = schema.reference?;
        }
    }

    fn lower(&self, registry: &Registry<'_>, location: &Location) -> Schema {
        let document = registry.document(location);
        let mut schema = Schema {
            location: location.clone(),
            origin: match location.pointer.as_str() {
                "" => document.path.clone(),
                pointer => format!("{}#{pointer}", document.path),
            },
            boolean: None,
            annotations: Annotations::default(),
            reference: registry.reference(location).and_then(|target| self.at(&target)),
            dynamic: None,
            scope: registry.scope(location),
            types: Vec::new(),
            constants: None,
            number: NumberRules::default(),
            text: TextRules::default(),
            rule: None,
            array: ArrayRules::default(),
            object: ObjectRules::default(),
            in_place: InPlace::default(),
        };
        let Some(json) = registry.schema(location) else { return schema };
        schema.boolean = json.as_bool();
        let (asserts, dialect) = (registry.asserts(location), registry.dialect(location));
        let refers_alone = dialect.refers_alone() && json.member("$ref").is_some();
        for member in json.as_object().unwrap_or_default() {
            let is_assertion = || {
                crate::vocabulary::find(&member.key)
                    .is_some_and(|keyword| keyword.class == crate::vocabulary::Class::Assertion)
            };
            if if member.key == "format" { !asserts.formats } else { !asserts.validation && is_assertion() } {
                continue;
            }
            let is_annotation = || {
                crate::vocabulary::find(&member.key)
                    .is_some_and(|keyword| keyword.class == crate::vocabulary::Class::Annotation)
            };
            if !dialect.knows(&member.key) || (refers_alone && !is_annotation()) {
                continue;
            }
            let at = Lowering { model: self, location, keyword: &member.key };
            at.read(&member.value, &mut schema);
        }
        // Beside a single schema for all items there are no others.
        let additional = schema.array.additional.take();
        if !schema.array.prefix.is_empty() && schema.array.items.is_none() {
            schema.array.items = additional;
        }
        schema.array.contains_evaluates = schema.array.contains.is_some() && dialect.contains_evaluates();
        match registry.dynamic(location) {
            None => {}
            Some(Meaning::Always(target)) => match (schema.reference, self.at(&target)) {
                (None, target) => schema.reference = target,
                (Some(_), target) => schema.in_place.all_of.extend(target),
            },
            Some(Meaning::Depends { initial, anchors }) => {
                let anchors = anchors.into_iter().filter_map(|(scope, place)| Some((scope, self.at(&place)?)));
                let anchors = anchors.collect();
                schema.dynamic = self.at(&initial).map(|initial| Dynamic { initial, anchors });
            }
        }
        if let Some((_, values)) = &schema.constants {
            // A type that none of the allowed values has is not allowed either.
            let possible = |kind: &Type| values.iter().any(|value| crate::plan::has_type(value, *kind));
            if schema.types.len() > 1 && schema.types.iter().any(possible) {
                schema.types.retain(possible);
            }
        }
        schema
    }
}

/// One keyword being lowered. The vocabulary was checked before, so a value of the wrong type is simply not there.
struct Lowering<'m> {
    model: &'m Model,
    location: &'m Location,
    keyword: &'m str,
}

impl Lowering<'_> {
    fn read(&self, value: &Json, schema: &mut Schema) {
        let text = || value.as_str().map(str::to_owned);
        let number = || value.as_number_text().map(str::to_owned);
        let note = &mut schema.annotations;
        match self.keyword {
            "title" => note.title = text(),
            "description" => note.description = text(),
            "default" => note.default = Some(value.to_json()),
            "deprecated" => note.deprecated = value.as_bool() == Some(true),
            "x-privacy" => note.privacy = text(),
            "x-rust-name" => note.rust_name = text(),
            "x-code" => note.code = text(),
            "x-credential" => note.credential = value.as_bool() == Some(true),
            "xml" => note.xml = Xml::of(value),
            "x-rule" => schema.rule = text(),
            "type" => {
                let names = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
                schema.types = names.into_iter().filter_map(|name| Type::named(name.as_str()?)).collect();
                schema.types.sort_unstable();
                if schema.types.contains(&Type::Number) {
                    // Every integer is a number.
                    schema.types.retain(|kind| *kind != Type::Integer);
                }
            }
            "const" => schema.constants = Some(("const", vec![value.clone()])),
            "enum" if schema.constants.is_none() => {
                schema.constants = Some(("enum", value.as_array().unwrap_or_default().to_vec()));
            }
            "minimum" => schema.number.minimum = number(),
            "maximum" => schema.number.maximum = number(),
            "exclusiveMinimum" => schema.number.exclusive_minimum = number(),
            "exclusiveMaximum" => schema.number.exclusive_maximum = number(),
            "multipleOf" => schema.number.multiple_of = number(),
            "minLength" => schema.text.min_length = value.as_u64(),
            "maxLength" => schema.text.max_length = value.as_u64(),
            "pattern" => schema.text.patterns = text().into_iter().collect(),
            "format" => schema.text.format = text().filter(|name| crate::vocabulary::format_function(name).is_some()),
            "items" if value.as_array().is_some() => schema.array.prefix = self.list(value),
            "items" => schema.array.items = self.child(""),
            "additionalItems" => schema.array.additional = self.child(""),
            "dependencies" => {
                for member in value.as_object().unwrap_or_default() {
                    match (member.value.as_array(), self.child(&format!("/{}", crate::json::escape_token(&member.key))))
                    {
                        (Some(_), _) => {
                            schema.object.dependent_required.push((member.key.clone(), strings(&member.value)));
                        }
                        (None, Some(node)) => schema.object.dependent_schemas.push((member.key.clone(), node)),
                        (None, None) => {}
                    }
                }
            }
            "prefixItems" => schema.array.prefix = self.list(value),
            "unevaluatedItems" => schema.array.unevaluated = self.child(""),
            "unevaluatedProperties" => schema.object.unevaluated = self.child(""),
            "minItems" => schema.array.min_items = value.as_u64(),
            "maxItems" => schema.array.max_items = value.as_u64(),
            "uniqueItems" => schema.array.unique = value.as_bool() == Some(true),
            "contains" => schema.array.contains = self.child(""),
            "minContains" => schema.array.min_contains = value.as_u64(),
            "maxContains" => schema.array.max_contains = value.as_u64(),
            "properties" => schema.object.properties = self.named(value),
            "required" => schema.object.required = strings(value),
            "dependentRequired" => {
                let members = value.as_object().unwrap_or_default();
                schema.object.dependent_required =
                    members.iter().map(|member| (member.key.clone(), strings(&member.value))).collect();
            }
            "dependentSchemas" => schema.object.dependent_schemas = self.named(value),
            "patternProperties" => schema.object.patterns = self.named(value),
            "additionalProperties" => schema.object.additional = self.child(""),
            "propertyNames" => schema.object.names = self.child(""),
            "minProperties" => schema.object.min_properties = value.as_u64(),
            "maxProperties" => schema.object.max_properties = value.as_u64(),
            "allOf" => schema.in_place.all_of = self.list(value),
            "anyOf" => schema.in_place.any_of = self.list(value),
            "oneOf" => schema.in_place.one_of = self.list(value),
            "not" => schema.in_place.not = self.child(""),
            "if" => schema.in_place.condition = self.child(""),
            "then" => schema.in_place.then = self.child(""),
            "else" => schema.in_place.otherwise = self.child(""),
            // Identifiers are the registry's, `$defs` are nodes of their own, and the vocabulary knows no other keyword.
            _ => {}
        }
    }

    fn child(&self, below: &str) -> Option<NodeId> {
        let pointer = format!("{}/{}{below}", self.location.pointer, self.keyword);
        self.model.at(&Location { document: self.location.document, pointer })
    }

    fn list(&self, value: &Json) -> Vec<NodeId> {
        (0..value.as_array().unwrap_or_default().len()).filter_map(|index| self.child(&format!("/{index}"))).collect()
    }

    fn named(&self, value: &Json) -> Vec<(String, NodeId)> {
        let members = value.as_object().unwrap_or_default().iter();
        let below = |key: &str| format!("/{}", crate::json::escape_token(key));
        members.filter_map(|member| Some((member.key.clone(), self.child(&below(&member.key))?))).collect()
    }
}

fn strings(value: &Json) -> Vec<String> {
    value.as_array().unwrap_or_default().iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
