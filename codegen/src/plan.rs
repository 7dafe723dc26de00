//! The plan: what each schema becomes in Rust, and how each of its rules is checked.
//!
//! A schema in a place of its own gets a shape. Every assertion is either part of the shape and checked while reading
//! (*fused*), decided when the object closes (*resolved*), or checked by reading the same bytes again (*re-scan*). Nothing is
//! left out: what fits no better class is re-scanned.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::generate::Reader;
use crate::json::Node as Json;
use crate::model::{Annotations, Model, NodeId, ObjectRules, Schema, Type};
use crate::name::{is_identifier, pascal, snake};
use crate::openapi::{Api, Operation};
use crate::resolve::Registry;

/// What a value becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Anything: kept as canonical JSON text.
    Any,
    /// `bool`
    Boolean,
    /// An integer that its bounds keep within `i64`.
    Integer,
    /// An exact decimal.
    Decimal,
    /// A string.
    Text,
    /// The one value, as canonical JSON.
    Constant(String),
    /// One of a list of strings: value and variant.
    Choice(Vec<(String, String)>),
    /// An array of one kind of items.
    Array(NodeId),
    /// An object of one kind of values under any names.
    Map(NodeId),
    /// An object with named members.
    Record(Vec<Field>),
    /// One of several records, told apart by a constant member.
    Tagged {
        /// The constant member.
        tag: String,
        /// The records.
        variants: Vec<Variant>,
    },
    /// A value of one of several JSON types.
    ByType(Vec<(Type, NodeId)>),
    /// A value that may be `null`.
    Nullable(NodeId),
}

/// A member of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name in the schema.
    pub name: String,
    /// The name in Rust, before keywords are escaped.
    pub rust: String,
    /// The schema of its value; none for a member that is only required.
    pub node: Option<NodeId>,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it is kept out of everything that prints: personal data, and credentials.
    pub personal: bool,
    /// Whether it is a credential.
    pub credential: bool,
    /// The one value it can have, as canonical JSON: then the type has no field for it.
    pub constant: Option<String>,
    /// Whether the value must be boxed because the type contains itself.
    pub boxed: bool,
}

/// A record of a tagged union.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The value of the tag.
    pub value: String,
    /// The variant in Rust.
    pub rust: String,
    /// The record.
    pub node: NodeId,
}

/// How a rule is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// While the value is read.
    Fused,
    /// From the members seen, when the object closes.
    Resolved,
    /// By reading the same bytes again.
    Rescan,
}

/// The plan of all schemas that have a place of their own.
pub struct Plan {
    /// The schemas, with those that planning derived.
    pub model: Model,
    /// What each becomes.
    pub shapes: BTreeMap<NodeId, Shape>,
    /// The types that get a name, with their module path (folder and file) and name.
    pub names: BTreeMap<NodeId, TypeName>,
    /// Files that are documents of their own, since nothing refers to them, and whose shape has no named type: they get a
    /// type around that shape.
    pub documents: BTreeMap<NodeId, TypeName>,
    /// Types that are used in answers.
    pub answers: BTreeSet<NodeId>,
    /// The parameters of each operation as a record, by `operationId`.
    pub parameters: BTreeMap<String, NodeId>,
}

/// The name of a type and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeName {
    /// The folders, each a module: `contact_request`, `v1`.
    pub folder: Vec<String>,
    /// The module of the file.
    pub file: String,
    /// The type.
    pub name: String,
}

impl Plan {
    /// Plans every schema file and definition, and what they contain.
    ///
    /// # Errors
    /// Names that collide or cannot be written in Rust, with both places.
    pub fn new(registry: &Registry<'_>, model: Model, apis: &[Api]) -> Result<Plan, Vec<Diagnostic>> {
        let mut plan = Plan {
            model,
            shapes: BTreeMap::new(),
            names: BTreeMap::new(),
            documents: BTreeMap::new(),
            answers: BTreeSet::new(),
            parameters: BTreeMap::new(),
        };
        let mut planner = Planner { registry, plan: &mut plan, taken: BTreeMap::new(), faults: Vec::new() };
        planner.definitions();
        planner.documents();
        let operations = || apis.iter().flat_map(|api| api.operations.iter().map(move |operation| (api, operation)));
        for (api, operation) in operations() {
            planner.parameters(api, operation);
        }
        let mut faults = planner.faults;
        plan.box_cycles();
        for (_, operation) in operations() {
            for (_, location) in &operation.responses {
                if let Some(id) = location.as_ref().and_then(|location| plan.model.at(location)) {
                    plan.mark_answer(id);
                }
            }
        }
        if faults.is_empty() {
            return Ok(plan);
        }
        crate::diagnostic::sort(&mut faults);
        Err(faults)
    }

    /// The shape of the schema that `id` means.
    pub fn shape(&self, id: NodeId) -> &Shape {
        self.shapes.get(&self.model.target(id)).unwrap_or(&Shape::Any)
    }

    /// The named type of the schema that `id` means.
    pub fn name(&self, id: NodeId) -> Option<&TypeName> {
        self.names.get(&self.model.target(id))
    }

    /// The schemas whose values stand inside a value of `id`.
    pub fn parts(&self, id: NodeId) -> Vec<NodeId> {
        match self.shape(id) {
            Shape::Array(item) | Shape::Map(item) | Shape::Nullable(item) => vec![*item],
            Shape::Record(fields) => fields.iter().filter_map(|field| field.node).collect(),
            Shape::Tagged { variants, .. } => variants.iter().map(|variant| variant.node).collect(),
            Shape::ByType(kinds) => kinds.iter().map(|(_, node)| *node).collect(),
            _ => Vec::new(),
        }
    }

    /// How each schema file is read, by its path.
    pub fn readers(&self, registry: &Registry<'_>) -> BTreeMap<String, Reader> {
        let files = self.model.nodes.iter().enumerate().filter(|(_, schema)| schema.location.pointer.is_empty());
        let reader = |(index, schema): (usize, &Schema)| {
            let id = self.model.target(NodeId(index));
            let own = self.documents.get(&NodeId(index));
            let name = own.or_else(|| self.names.get(&id)).or_else(|| self.documents.get(&id))?;
            let modules: String = name.folder.iter().map(|folder| format!("{folder}::")).collect();
            let path = format!("{modules}{}", name.name);
            Some((registry.document(&schema.location).path.clone(), Reader { path, class: self.class_below(id) }))
        };
        files.filter_map(reader).collect()
    }

    /// The most expensive class of a schema and of what its values hold.
    fn class_below(&self, id: NodeId) -> Class {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.model.target(id)];
        let mut class = Class::Fused;
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                class = class.max(self.class(id));
                open.extend(self.parts(id).into_iter().map(|part| self.model.target(part)));
            }
        }
        class
    }

    /// Whether the type of `id` holds strings and so is generic over them.
    pub fn is_generic(&self, id: NodeId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.model.target(id)];
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if self.shape(id) == &Shape::Text {
                return true;
            }
            let fields = |fields: &Vec<Field>| {
                fields.iter().filter(|field| field.constant.is_none()).filter_map(|field| field.node).collect()
            };
            let parts = if let Shape::Record(list) = self.shape(id) { fields(list) } else { self.parts(id) };
            open.extend(parts.into_iter().map(|part| self.model.target(part)));
        }
        false
    }

    /// How the rules of a schema that its shape does not cover are checked; fused if there are none.
    pub fn class(&self, id: NodeId) -> Class {
        let id = self.model.target(id);
        let schema = self.model.schema(id);
        if self.rescans(id) {
            Class::Rescan
        } else if !schema.object.dependent_required.is_empty()
            || !schema.in_place.any_of.is_empty()
            || schema.in_place.condition.is_some()
        {
            Class::Resolved
        } else {
            Class::Fused
        }
    }

    /// Whether a schema has rules that are checked by reading its bytes again.
    pub fn rescans(&self, id: NodeId) -> bool {
        let id = self.model.target(id);
        let schema = self.model.schema(id);
        let shape = self.shape(id);
        let in_place = &schema.in_place;
        let condition = in_place.condition.is_some_and(|_| self.resolved_condition(id).is_none());
        let then = [in_place.then, in_place.otherwise]
            .into_iter()
            .flatten()
            .any(|branch| in_place.condition.is_some() && self.only_requires(branch).is_none());
        !in_place.all_of.is_empty()
            || in_place.not.is_some()
            || (!in_place.any_of.is_empty() && !self.is_union(id) && self.any_required(id).is_none())
            || (!in_place.one_of.is_empty() && !self.is_union(id))
            || condition
            || then
            || self.checks_constants(id)
            || self.walks_members(id)
            || self.walks_items(id)
            || (shape == &Shape::Any && !schema.asserts_nothing())
            || schema.boolean == Some(false)
            || schema.dynamic.is_some()
            || schema.scope.is_some()
            || schema.array.unevaluated.is_some()
            || schema.object.unevaluated.is_some()
    }

    /// Whether the shape of a schema says all that its `anyOf` or `oneOf` says. A shape by type that comes from a list of
    /// types says nothing of them.
    pub fn is_union(&self, id: NodeId) -> bool {
        match self.shape(id) {
            Shape::Tagged { .. } => true,
            Shape::ByType(_) | Shape::Nullable(_) => self.model.schema(self.model.target(id)).types.is_empty(),
            _ => false,
        }
    }

    /// Whether each alternative of a shape carries the rules for its own JSON type.
    fn is_split_by_type(&self, id: NodeId) -> bool {
        matches!(self.shape(id), Shape::ByType(_) | Shape::Nullable(_))
    }

    /// Whether `const` or `enum` is not expressed by the shape.
    pub fn checks_constants(&self, id: NodeId) -> bool {
        self.model.schema(id).constants.is_some()
            && !matches!(
                self.shape(id),
                Shape::Choice(_)
                    | Shape::Constant(_)
                    | Shape::ByType(_)
                    | Shape::Nullable(_)
                    | Shape::Text
                    | Shape::Integer
                    | Shape::Decimal
            )
    }

    /// Whether members must be looked at again: by pattern, by name, or with schemas that depend on them.
    pub fn walks_members(&self, id: NodeId) -> bool {
        let object = &self.model.schema(id).object;
        let additional = object.additional.is_some_and(|node| {
            let boolean = self.model.schema(node).boolean;
            boolean != Some(true) && !(boolean == Some(false) && object.patterns.is_empty())
        });
        let walks = !object.patterns.is_empty()
            || object.names.is_some()
            || !object.dependent_schemas.is_empty()
            || (additional && !matches!(self.shape(id), Shape::Map(_)));
        walks && !self.is_split_by_type(id)
    }

    /// Whether items must be looked at again: by position, or those that `contains` counts.
    pub fn walks_items(&self, id: NodeId) -> bool {
        let array = &self.model.schema(id).array;
        (!array.prefix.is_empty() || array.contains.is_some()) && !self.is_split_by_type(id)
    }

    /// The names of which one must be there, if that is all `anyOf` says: each branch only requires members.
    pub fn any_required(&self, id: NodeId) -> Option<Vec<Vec<String>>> {
        if !matches!(self.shape(id), Shape::Record(_)) {
            return None;
        }
        self.model.schema(id).in_place.any_of.iter().map(|branch| self.only_requires(*branch)).collect()
    }

    /// The members that a schema requires, if it asserts nothing else.
    pub fn only_requires(&self, id: NodeId) -> Option<Vec<String>> {
        let schema = self.model.schema(self.model.target(id));
        let mut bare = schema.clone();
        bare.object.required = Vec::new();
        let object_only = schema.types.is_empty() || schema.types == [Type::Object];
        bare.types = Vec::new();
        (object_only && bare.only_refers() && bare.reference.is_none() && schema.boolean.is_none())
            .then(|| schema.object.required.clone())
    }

    /// The tests of `if`, if members of this record decide it.
    pub fn resolved_condition(&self, id: NodeId) -> Option<Vec<Test>> {
        let Shape::Record(fields) = self.shape(id) else { return None };
        let condition = self.model.target(self.model.schema(id).in_place.condition?);
        let schema = self.model.schema(condition);
        let mut bare = schema.clone();
        bare.object.required = Vec::new();
        bare.object.properties = Vec::new();
        if !(bare.types.is_empty() || bare.types == [Type::Object]) || bare.reference.is_some() {
            return None;
        }
        bare.types = Vec::new();
        if !bare.only_refers() {
            return None;
        }
        let mut tests = Vec::new();
        for name in &schema.object.required {
            let field = fields.iter().position(|field| &field.name == name)?;
            tests.push(Test::Present(field));
        }
        for (name, node) in &schema.object.properties {
            let field = fields.iter().position(|field| &field.name == name)?;
            tests.push(Test::Value(field, self.value_test(fields[field].node?, *node)?));
        }
        Some(tests)
    }

    /// What a member must be for its part of an `if` to hold.
    fn value_test(&self, member: NodeId, test: NodeId) -> Option<ValueTest> {
        let schema = self.model.schema(self.model.target(test));
        let mut bare = schema.clone();
        let constants = bare.constants.take();
        if let Some((_, values)) = constants {
            if !(bare.types.is_empty() || bare.types.contains(&Type::String)) {
                return None;
            }
            bare.types = Vec::new();
            let texts: Option<Vec<String>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            let fits = matches!(self.shape(member), Shape::Choice(_) | Shape::Text);
            return (fits && bare.only_refers() && bare.reference.is_none()).then_some(ValueTest::OneOf(texts?));
        }
        // The tag of a union that is a member: which of its variants is there.
        let Shape::Tagged { tag, variants } = self.shape(member) else { return None };
        let [(name, inner)] = schema.object.properties.as_slice() else { return None };
        let required = schema.object.required == [name.clone()];
        // Nothing else may be asked, neither of the union nor of its tag.
        let object_only = bare.types.is_empty() || bare.types == [Type::Object];
        (bare.object.properties, bare.object.required, bare.types) = Default::default();
        let mut inner = self.model.schema(self.model.target(*inner)).clone();
        let constants = inner.constants.take();
        let text_only = inner.types.is_empty() || inner.types == [Type::String];
        inner.types = Vec::new();
        let plain = |schema: &Schema| schema.only_refers() && schema.reference.is_none();
        if !(object_only && text_only && plain(&bare) && plain(&inner)) {
            return None;
        }
        let (_, values) = constants.as_ref()?;
        let texts: Option<Vec<&str>> = values.iter().map(Json::as_str).collect();
        let texts = texts?;
        let known = texts.iter().all(|text| variants.iter().any(|variant| variant.value == *text));
        (name == tag && required && known).then(|| ValueTest::Variants(texts.into_iter().map(str::to_owned).collect()))
    }

    /// The privacy class of a member: its own, its definition's, or that of the items it lists.
    pub fn privacy(&self, node: NodeId) -> Option<String> {
        let model = &self.model;
        if let Some(class) = model.annotation(node, |note| note.privacy.clone()) {
            return Some(class);
        }
        let target = model.schema(model.target(node));
        target.array.items.and_then(|items| model.annotation(items, |note| note.privacy.clone()))
    }

    /// The report that is printed: each schema with its shape and class.
    pub fn report(&self) -> String {
        let mut lines: Vec<String> = self
            .shapes
            .keys()
            .map(|id| {
                let class = match self.class(*id) {
                    Class::Fused => "fused",
                    Class::Resolved => "resolved",
                    Class::Rescan => "re-scan",
                };
                format!("{class:<9} {:<12} {}", self.shape_name(*id), self.model.schema(*id).origin)
            })
            .collect();
        lines.sort_by(|a, b| a[22..].cmp(&b[22..]));
        lines.dedup();
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn shape_name(&self, id: NodeId) -> &'static str {
        match self.shape(id) {
            Shape::Any => "any",
            Shape::Boolean => "boolean",
            Shape::Integer => "integer",
            Shape::Decimal => "decimal",
            Shape::Text => "text",
            Shape::Constant(_) => "constant",
            Shape::Choice(_) => "choice",
            Shape::Array(_) => "array",
            Shape::Map(_) => "map",
            Shape::Record(_) => "record",
            Shape::Tagged { .. } => "tagged",
            Shape::ByType(_) => "by-type",
            Shape::Nullable(_) => "nullable",
        }
    }

    /// Boxes every field through which a record contains itself.
    fn box_cycles(&mut self) {
        let records: Vec<NodeId> = self.shapes.keys().copied().collect();
        for id in records {
            let Shape::Record(fields) = self.shape(id).clone() else { continue };
            let boxed =
                fields.iter().map(|field| field.node.is_some_and(|node| self.contains(node, id))).collect::<Vec<_>>();
            if let Some(Shape::Record(fields)) = self.shapes.get_mut(&id) {
                fields.iter_mut().zip(boxed).for_each(|(field, boxed)| field.boxed = boxed);
            }
        }
    }

    /// Whether a value of `outer` holds one of `inner` directly, not behind the pointer of an array or a map.
    fn contains(&self, outer: NodeId, inner: NodeId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.model.target(outer)];
        while let Some(id) = open.pop() {
            if id == inner {
                return true;
            }
            if seen.insert(id) && !matches!(self.shape(id), Shape::Array(_) | Shape::Map(_)) {
                open.extend(self.parts(id).into_iter().map(|part| self.model.target(part)));
            }
        }
        false
    }

    fn mark_answer(&mut self, id: NodeId) {
        let id = self.model.target(id);
        if self.answers.insert(id) {
            self.parts(id).into_iter().for_each(|part| self.mark_answer(part));
        }
    }
}

/// A part of a condition that the members of a record decide.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The field must be there.
    Present(usize),
    /// The field, if it is there, must be such.
    Value(usize, ValueTest),
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTest {
    /// One of these strings.
    OneOf(Vec<String>),
    /// A union's variant with one of these tags.
    Variants(Vec<String>),
}

/// Names that generated code needs for itself.
const RESERVED: [&str; 12] =
    ["Box", "Default", "Err", "None", "Ok", "Option", "Result", "S", "Self", "Some", "String", "Vec"];

struct Planner<'p, 's> {
    registry: &'p Registry<'s>,
    plan: &'p mut Plan,
    taken: BTreeMap<(Vec<String>, String), NodeId>,
    faults: Vec<Diagnostic>,
}

impl Planner<'_, '_> {
    /// Plans what has a name of its own: files and definitions, then whatever else the walk meets below them.
    fn definitions(&mut self) {
        let roots: Vec<(NodeId, String)> = (0..self.plan.model.nodes.len())
            .map(NodeId)
            .filter_map(|id| {
                let location = &self.plan.model.schema(id).location;
                let name = match location.pointer.rsplit_once('/') {
                    None => self.registry.document(location).stem().to_owned(),
                    Some((parent, key)) if parent.ends_with("/$defs") || parent.ends_with("/definitions") => {
                        crate::json::unescape_token(key)?
                    }
                    Some(_) => return None,
                };
                let is_api = module_of(self.registry.document(location)) == "operations";
                (!is_api).then_some((id, pascal(&name)))
            })
            .collect();
        for (id, name) in &roots {
            if !self.plan.model.schema(*id).only_refers() || self.plan.model.schema(*id).reference.is_none() {
                self.value(*id, name);
            }
        }
    }

    /// Plans the parameters of an operation as a record, so that they are read and checked like any message.
    fn parameters(&mut self, api: &Api, operation: &Operation) {
        if operation.parameters.is_empty() {
            return;
        }
        for parameter in &operation.parameters {
            if let Some(id) = self.plan.model.at(&parameter.schema) {
                // OpenAPI describes the parameter, not the schema of its value.
                let note = &mut self.plan.model.nodes[id.0].annotations;
                note.description = note.description.take().or_else(|| parameter.description.clone());
            }
        }
        let located = operation.parameters.iter();
        let properties: Vec<(String, NodeId)> = located
            .filter_map(|parameter| Some((parameter.name.clone(), self.plan.model.at(&parameter.schema)?)))
            .collect();
        let required = operation.parameters.iter().filter(|parameter| parameter.required);
        let origin = format!("{}#{}", self.registry.document(&operation.location).path, operation.location.pointer);
        let schema = Schema {
            object: ObjectRules {
                properties,
                required: required.map(|parameter| parameter.name.clone()).collect(),
                ..ObjectRules::default()
            },
            annotations: Annotations {
                description: Some(format!("The parameters of `{}`.", operation.id)),
                ..Annotations::default()
            },
            ..Schema::of_objects(operation.location.clone(), origin)
        };
        let id = self.plan.model.add(schema);
        self.plan.parameters.insert(format!("{}/{}", api.folder, operation.id), id);
        self.value(id, &format!("{}Parameters", pascal(&operation.id)));
    }

    /// Plans the schema that `id` means; `suggested` is its name if it needs one and says none.
    fn value(&mut self, id: NodeId, suggested: &str) {
        let id = self.plan.model.target(id);
        if self.plan.shapes.contains_key(&id) {
            return;
        }
        // A definition is named after itself, whoever meets it first.
        let name = self.own_name(id).unwrap_or_else(|| suggested.to_owned());
        let shape = self.shape(id, &name);
        let named = matches!(shape, Shape::Record(_) | Shape::Tagged { .. } | Shape::ByType(_) | Shape::Choice(_));
        self.plan.shapes.insert(id, shape.clone());
        let runs_rule =
            matches!(shape, Shape::Text | Shape::Integer | Shape::Decimal | Shape::ByType(_) | Shape::Nullable(_));
        if self.plan.model.schema(id).rule.is_some() && !runs_rule {
            let message = "`x-rule` has no effect on this schema".to_owned();
            self.fault(id, message, "give it a `type` of string, integer or number, and no list of values");
        }
        if named {
            self.name(id, &name);
        }
        match shape {
            Shape::Array(item) => self.value(item, &format!("{name}Item")),
            Shape::Map(value) => self.value(value, &format!("{name}Value")),
            // The name of a file that nothing refers to belongs to the document itself.
            Shape::Nullable(inner) if self.is_document(id) => {
                self.value(inner, &format!("{name}Value"));
            }
            Shape::Nullable(inner) => self.value(inner, &name),
            Shape::Record(fields) => {
                for field in fields {
                    if let Some(node) = field.node {
                        self.value(node, &format!("{name}{}", pascal(&field.name)));
                    }
                }
            }
            Shape::Tagged { variants, .. } => {
                for variant in variants {
                    self.value(variant.node, &format!("{name}{}", variant.rust));
                }
            }
            Shape::ByType(kinds) => {
                for (kind, node) in kinds {
                    self.value(node, &format!("{name}{}", pascal(kind.name())));
                }
            }
            _ => {}
        }
    }

    /// Names the files that are documents of their own and have no named type.
    fn documents(&mut self) {
        let referred: BTreeSet<NodeId> = self.plan.model.nodes.iter().filter_map(|schema| schema.reference).collect();
        let entries = &self.registry.options.entries;
        let is_entry = |planner: &Self, id: NodeId| {
            let document = planner.registry.document(&planner.plan.model.schema(id).location);
            entries.contains(&document.path)
        };
        let mut roots: Vec<NodeId> = self.plan.shapes.keys().copied().collect();
        // An entry that only refers to another place gets a type of its own too.
        let refers = |id: &NodeId| self.plan.model.target(*id) != *id && is_entry(self, *id);
        roots.extend((0..self.plan.model.nodes.len()).map(NodeId).filter(refers));
        for id in roots {
            let is_file = self.plan.model.schema(id).location.pointer.is_empty();
            let wanted = is_entry(self, id) || !referred.contains(&id);
            if is_file && wanted && !self.plan.names.contains_key(&id) {
                let name = self.own_name(id).unwrap_or_default();
                // What an entry refers to may have no other place than inside another schema.
                self.value(id, &format!("{name}Value"));
                self.name(id, &name);
                if let Some(named) = self.plan.names.remove(&id) {
                    self.plan.documents.insert(id, named);
                }
            }
        }
    }

    /// Whether a schema is a file that nothing refers to.
    fn is_document(&self, id: NodeId) -> bool {
        let model = &self.plan.model;
        model.schema(id).location.pointer.is_empty() && !model.nodes.iter().any(|schema| schema.reference == Some(id))
    }

    fn own_name(&self, id: NodeId) -> Option<String> {
        let schema = self.plan.model.schema(id);
        if let Some(name) = &schema.annotations.rust_name {
            return Some(name.clone());
        }
        match schema.location.pointer.rsplit_once('/') {
            None if schema.location.pointer.is_empty() => Some(pascal(self.registry.document(&schema.location).stem())),
            Some((parent, key)) if parent.ends_with("/$defs") || parent.ends_with("/definitions") => {
                crate::json::unescape_token(key).map(|key| pascal(&key))
            }
            _ => None,
        }
    }

    fn name(&mut self, id: NodeId, name: &str) {
        let location = self.plan.model.schema(id).location.clone();
        let document = self.registry.document(&location);
        let folder: Vec<String> = document.folder().split('/').filter(|part| !part.is_empty()).map(snake).collect();
        let named = TypeName { folder: folder.clone(), file: module_of(document), name: name.to_owned() };
        if !is_identifier(name) || folder.iter().chain([&named.file]).any(|part| !is_identifier(part)) {
            self.fault(id, format!("`{name}` is no name for a Rust type"), "give the schema an `x-rust-name`");
            return;
        }
        if RESERVED.contains(&name) {
            let message = format!("the type name `{name}` has a meaning of its own in Rust");
            self.fault(id, message, "give the schema an `x-rust-name`");
        }
        if let Some(other) = self.taken.insert((folder, name.to_owned()), id) {
            let place = self.plan.model.schema(other).origin.clone();
            let message = format!("the type name `{name}` is taken by {place}");
            self.fault(id, message, "give one of the two an `x-rust-name`");
        }
        self.plan.names.insert(id, named);
    }

    fn fault(&mut self, id: NodeId, message: String, help: &str) {
        let schema = self.plan.model.schema(id);
        let document = self.registry.document(&schema.location);
        let span = document.root.at_pointer(&schema.location.pointer).map_or(0..0, beginning);
        self.faults.push(Diagnostic::error(document, span, &schema.location.pointer, message).with_help(help));
    }

    fn shape(&mut self, id: NodeId, name: &str) -> Shape {
        let schema = self.plan.model.schema(id).clone();
        if schema.boolean.is_some() || schema.dynamic.is_some() || schema.scope.is_some() {
            return Shape::Any;
        }
        if let Some(shape) = self.constant_shape(&schema) {
            return shape;
        }
        if let Some(shape) = self.union_shape(id, &schema) {
            return shape;
        }
        match schema.types.as_slice() {
            [] => Shape::Any,
            [Type::Boolean] => Shape::Boolean,
            [Type::Integer] if within_i64(&schema) => Shape::Integer,
            [Type::Integer | Type::Number] | [Type::Integer, Type::Number] => Shape::Decimal,
            [Type::String] => Shape::Text,
            [Type::Array] => self.array_shape(&schema),
            [Type::Object] => self.object_shape(id, &schema, name),
            [Type::Null] => Shape::Constant("null".to_owned()),
            [Type::Null, rest @ ..] => Shape::Nullable(self.restricted(&schema, rest)),
            several => Shape::ByType(several.iter().map(|kind| (*kind, self.restricted(&schema, &[*kind]))).collect()),
        }
    }

    fn constant_shape(&self, schema: &Schema) -> Option<Shape> {
        let (_, values) = schema.constants.as_ref()?;
        let mut bare = schema.clone();
        (bare.constants, bare.types) = (None, Vec::new());
        let fits = |value: &Json| schema.types.is_empty() || schema.types.iter().any(|kind| has_type(value, *kind));
        if !bare.only_refers() || !values.iter().all(fits) || values.is_empty() {
            return None;
        }
        if let [value] = values.as_slice()
            && (schema.types.is_empty() || schema.constants.as_ref().is_some_and(|(keyword, _)| *keyword == "const"))
        {
            return canonical(value).map(Shape::Constant);
        }
        let texts: Option<Vec<&str>> = values.iter().map(Json::as_str).collect();
        let choices: Vec<(String, String)> = texts?.iter().map(|text| ((*text).to_owned(), pascal(text))).collect();
        let names: BTreeSet<&String> = choices.iter().map(|(_, variant)| variant).collect();
        let good = names.len() == choices.len() && choices.iter().all(|(_, variant)| is_identifier(variant));
        good.then_some(Shape::Choice(choices))
    }

    /// A union whose branches are told apart by a constant member or by their JSON type.
    fn union_shape(&mut self, id: NodeId, schema: &Schema) -> Option<Shape> {
        let branches = match (schema.in_place.one_of.as_slice(), schema.in_place.any_of.as_slice()) {
            (one_of, []) if !one_of.is_empty() => one_of,
            ([], any_of) if !any_of.is_empty() => any_of,
            _ => return None,
        };
        let mut bare = schema.clone();
        (bare.in_place.one_of, bare.in_place.any_of) = (Vec::new(), Vec::new());
        let object_only = bare.types == [Type::Object];
        if !(bare.types.is_empty() || object_only) {
            return None;
        }
        bare.types = Vec::new();
        if !bare.only_refers() || bare.reference.is_some() {
            return None;
        }
        let model = &self.plan.model;
        if let Some(tag) = self.tag(branches) {
            let variants: Option<Vec<Variant>> = branches
                .iter()
                .map(|branch| {
                    let value = tag_value(model, *branch, &tag)?;
                    let rust = pascal(&value);
                    Some(Variant { value, rust, node: *branch })
                })
                .collect();
            let variants = variants?;
            let names: BTreeSet<&String> = variants.iter().map(|variant| &variant.rust).collect();
            if names.len() == variants.len() && names.iter().all(|name| is_identifier(name)) {
                return Some(Shape::Tagged { tag, variants });
            }
        }
        if object_only {
            return None;
        }
        let mut kinds = Vec::new();
        for branch in branches {
            let target = model.schema(model.target(*branch));
            let [kind] = target.types.as_slice() else { return None };
            kinds.push((*kind, *branch));
        }
        kinds.sort_unstable();
        let distinct = kinds.windows(2).all(|pair| pair[0].0 != pair[1].0);
        let numbers = kinds.iter().filter(|(kind, _)| matches!(kind, Type::Integer | Type::Number)).count();
        if !distinct || numbers > 1 || model.target(id) != id {
            return None;
        }
        match kinds.as_slice() {
            [(Type::Null, _), (_, other)] => Some(Shape::Nullable(*other)),
            _ => Some(Shape::ByType(kinds)),
        }
    }

    /// A member that every branch requires with a constant string of its own.
    fn tag(&self, branches: &[NodeId]) -> Option<String> {
        let model = &self.plan.model;
        let first = model.schema(model.target(*branches.first()?));
        let candidates = first.object.properties.iter().map(|(name, _)| name);
        candidates
            .filter(|name| {
                let values: Option<BTreeSet<String>> =
                    branches.iter().map(|branch| tag_value(model, *branch, name)).collect();
                values.is_some_and(|values| values.len() == branches.len())
            })
            .map(String::clone)
            .next()
    }

    fn array_shape(&mut self, schema: &Schema) -> Shape {
        match schema.array.items {
            Some(items) if schema.array.prefix.is_empty() => Shape::Array(items),
            _ => Shape::Any,
        }
    }

    fn object_shape(&mut self, id: NodeId, schema: &Schema, name: &str) -> Shape {
        let object = &schema.object;
        let plain_map = object.properties.is_empty()
            && object.patterns.is_empty()
            && object.names.is_none()
            && object.required.is_empty()
            && object.dependent_required.is_empty()
            && object.dependent_schemas.is_empty()
            && schema.in_place == Default::default();
        if let Some(additional) = object.additional
            && plain_map
            && self.plan.model.schema(additional).boolean.is_none()
        {
            return Shape::Map(additional);
        }
        let mut names: Vec<(String, Option<NodeId>)> =
            object.properties.iter().map(|(name, node)| (name.clone(), Some(*node))).collect();
        let mentioned = object
            .required
            .iter()
            .chain(object.dependent_required.iter().flat_map(|(name, needs)| std::iter::once(name).chain(needs)));
        // Branches that only require members name them too.
        let branches: Vec<String> = schema
            .in_place
            .any_of
            .iter()
            .copied()
            .chain(schema.in_place.then)
            .chain(schema.in_place.otherwise)
            .filter_map(|branch| self.plan.only_requires(branch))
            .flatten()
            .collect();
        for mention in mentioned.chain(&branches) {
            if !names.iter().any(|(known, _)| known == mention) {
                names.push((mention.clone(), None));
            }
        }
        let mut fields = Vec::new();
        for (member, node) in names {
            let required = object.required.contains(&member);
            let constant = node.filter(|_| required).and_then(|node| self.constant(node));
            let rust = snake(&member);
            let model = &self.plan.model;
            let credential =
                node.and_then(|node| model.annotation(node, |note| note.credential.then_some(()))).is_some();
            let classed = node.and_then(|node| self.plan.privacy(node)).is_some_and(|class| class != "none");
            // A credential belongs to no person, and belongs in no log either.
            let personal = (classed || credential) && constant.is_none();
            fields.push(Field { name: member, rust, node, required, personal, credential, constant, boxed: false });
        }
        let fielded = fields.iter().filter(|field| field.node.is_some() && field.constant.is_none());
        let mut seen: BTreeMap<&str, &str> = BTreeMap::from([("unknown", "the members that are not named")]);
        let mut clash = None;
        for field in fielded {
            if let Some(other) = seen.insert(&field.rust, &field.name) {
                let message = format!(
                    "the members `{}` and `{other}` of `{name}` get the same name `{}`",
                    field.name, field.rust
                );
                clash = Some((field.node.unwrap_or(id), message));
            }
        }
        let fieldless = |field: &Field| field.node.is_some() && field.constant.is_none() && !is_identifier(&field.rust);
        if fields.iter().any(fieldless) {
            // A name of signs or digits only cannot be a field; such an object is kept as it is and checked all the same.
            return Shape::Any;
        }
        if let Some((id, clash)) = clash {
            self.fault(id, clash, "spell one of the two otherwise");
        }
        Shape::Record(fields)
    }

    fn constant(&self, node: NodeId) -> Option<String> {
        let schema = self.plan.model.schema(self.plan.model.target(node));
        match self.constant_shape(schema)? {
            Shape::Constant(json) => Some(json),
            _ => None,
        }
    }

    /// The same schema for values of some of its types only.
    fn restricted(&mut self, schema: &Schema, types: &[Type]) -> NodeId {
        let mut restricted = schema.clone();
        restricted.types = types.to_vec();
        restricted.annotations.rust_name = None;
        restricted.in_place = Default::default();
        // What is left over is for the whole schema to say: the other schemas on the value stay with it.
        (restricted.array.unevaluated, restricted.object.unevaluated) = (None, None);
        let has = |kind: Type| types.contains(&kind);
        if !has(Type::String) {
            restricted.text = Default::default();
        }
        if !(has(Type::Integer) || has(Type::Number)) {
            restricted.number = Default::default();
        }
        if !has(Type::Array) {
            restricted.array = Default::default();
        }
        if !has(Type::Object) {
            restricted.object = Default::default();
        }
        // Derived schemas are told apart from the one they come from, which keeps its place in the file.
        let suffix: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
        restricted.location.pointer = format!("{}/({})", schema.location.pointer, suffix.join("|"));
        self.plan.model.add(restricted)
    }
}

fn tag_value(model: &Model, branch: NodeId, tag: &str) -> Option<String> {
    let schema = model.schema(model.target(branch));
    if schema.types != [Type::Object] || !schema.object.required.iter().any(|name| name == tag) {
        return None;
    }
    let (_, node) = schema.object.properties.iter().find(|(name, _)| name == tag)?;
    let (_, values) = model.schema(model.target(*node)).constants.as_ref()?;
    match values.as_slice() {
        [value] => value.as_str().map(str::to_owned),
        _ => None,
    }
}

/// Whether a value has a JSON type.
pub(crate) fn has_type(value: &Json, kind: Type) -> bool {
    match kind {
        Type::Integer => value.as_number_text().is_some_and(|text| crate::json::Number::of(text).is_integer()),
        other => value.type_name() == other.name(),
    }
}

/// Where a schema begins: a message about all of it need not show all of it.
pub(crate) fn beginning(node: &Json) -> std::ops::Range<usize> {
    node.span.start..node.span.end.min(node.span.start + 1)
}

/// The module of a file: what an OpenAPI file needs stands with its operations.
pub fn module_of(document: &crate::load::Document) -> String {
    if document.root.member("openapi").is_some() { "operations".to_owned() } else { snake(document.stem()) }
}

/// The canonical JSON text of a constant.
pub fn canonical(value: &Json) -> Option<String> {
    use crate::json::Value;
    Some(match &value.value {
        Value::Null => "null".to_owned(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Number(text) => canonical_number(text),
        Value::String(text) => {
            let mut out = String::new();
            crate::json::write_string(text, &mut out);
            out
        }
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(canonical).collect();
            format!("[{}]", items?.join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|a, b| a.key.cmp(&b.key));
            let members: Option<Vec<String>> = members
                .into_iter()
                .map(|member| {
                    let mut out = String::new();
                    crate::json::write_string(&member.key, &mut out);
                    Some(format!("{out}:{}", canonical(&member.value)?))
                })
                .collect();
            format!("{{{}}}", members?.join(","))
        }
    })
}

/// A number without exponent and trailing zeros. One that would be longer than any document keeps its spelling.
pub fn canonical_number(text: &str) -> String {
    let number = crate::json::Number::of(text);
    let sign = if number.negative { "-" } else { "" };
    let digits = if number.digits.is_empty() { "0" } else { &number.digits };
    match number.exponent {
        exponent if exponent.unsigned_abs() > 100_000 => text.to_owned(),
        exponent if exponent >= 0 => format!("{sign}{digits}{}", "0".repeat(exponent.unsigned_abs() as usize)),
        exponent => {
            let places = exponent.unsigned_abs() as usize;
            let padded = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = padded.split_at(padded.len() - places);
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// Whether the bounds keep an integer within `i64`.
fn within_i64(schema: &Schema) -> bool {
    let fits =
        |bound: &Option<String>| bound.as_ref().is_some_and(|text| canonical_number(text).parse::<i64>().is_ok());
    let number = &schema.number;
    (fits(&number.minimum) || fits(&number.exclusive_minimum))
        && (fits(&number.maximum) || fits(&number.exclusive_maximum))
}
