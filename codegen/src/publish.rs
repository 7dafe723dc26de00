//! What partners get: each message as one self-contained schema file, as it is and closed for strict checking, and the
//! operations of an API as one OpenAPI file without references to other files.
//!
//! Derived from the schemas alone, never from generated code.

mod strict;

use std::collections::{BTreeMap, BTreeSet};

use crate::dialect::Dialect;
use crate::json::{Member, Node, Value, escape_token};
use crate::load::{Document, Sources};
use crate::openapi::{self, Api};
use crate::output::MARK;
use crate::resolve::{Location, Registry};
use crate::{name, uri, vocabulary};

/// Every published file, by path below the folder of publications, sorted.
pub fn publish(sources: &Sources, registry: &Registry<'_>, apis: &[Api]) -> Vec<(String, String)> {
    let mut files = BTreeMap::new();
    for api in apis {
        let mut add = |name: String, node: &Node| {
            let path = if api.folder.is_empty() { name } else { format!("{}/{name}", api.folder) };
            files.insert(path, format!("{}\n", node.to_json_pretty()));
        };
        let (requests, answers) = messages(registry, api);
        let all: BTreeSet<usize> = requests.union(&answers).copied().collect();
        let names = file_names(registry, &all);
        for (document, name) in &names {
            let root = Location { document: *document, pointer: String::new() };
            add(format!("{name}.schema.json"), &bundle(registry, &root));
            if requests.contains(document) {
                add(format!("strict/{name}.schema.json"), &bundle_strict(registry, &root));
            }
        }
        add("openapi.json".to_owned(), &bundle_openapi(registry, api));
    }
    // Without operations, every schema may be a message.
    if apis.is_empty() {
        for (index, document) in sources.schemas.iter().enumerate() {
            let root = Location { document: index, pointer: String::new() };
            let path = document.path.strip_suffix(".json").unwrap_or(&document.path);
            let path = path.strip_suffix(".schema").unwrap_or(path);
            files.insert(format!("{path}.schema.json"), format!("{}\n", bundle(registry, &root).to_json_pretty()));
            let (folder, stem) = path.rsplit_once('/').map_or(("", path), |(folder, stem)| (folder, stem));
            let strict = if folder.is_empty() { format!("strict/{stem}") } else { format!("{folder}/strict/{stem}") };
            files.insert(
                format!("{strict}.schema.json"),
                format!("{}\n", bundle_strict(registry, &root).to_json_pretty()),
            );
        }
    }
    files.into_iter().collect()
}

/// A schema file with every file it refers to, directly or not, embedded under its identifier.
pub fn bundle(registry: &Registry<'_>, root: &Location) -> Node {
    embed(registry, root, &|_, _| {}, &|id| id.to_owned())
}

/// The same, closed: an object of a known shape takes no members beside those it names.
///
/// Tests of conditions and of `contains` stay as they are, so the same branch applies to the same value.
pub fn bundle_strict(registry: &Registry<'_>, root: &Location) -> Node {
    let closing = strict::Closing::of(registry, root);
    embed(registry, root, &|location, members| closing.close(location, members), &strict_id)
}

/// The identifier of the closed flavour of a schema.
fn strict_id(id: &str) -> String {
    match id.strip_suffix(".json") {
        Some(rest) => match rest.strip_suffix(".schema") {
            Some(rest) => format!("{rest}.strict.schema.json"),
            None => format!("{rest}.strict.json"),
        },
        None => format!("{id}?strict"),
    }
}

/// The schema files of an API's request bodies and of its answers, by number.
fn messages(registry: &Registry<'_>, api: &Api) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let file = |place: &Location| {
        let target = registry.reference(place)?;
        registry.document(&target).root.member("openapi").is_none().then_some(target.document)
    };
    let requests = api.operations.iter().filter_map(|operation| file(operation.request.as_ref()?)).collect();
    let answers = api.operations.iter().flat_map(|operation| &operation.responses);
    (requests, answers.filter_map(|(_, place)| file(place.as_ref()?)).collect())
}

/// A name for each file: its stem, or its path where two have the same stem.
fn file_names(registry: &Registry<'_>, documents: &BTreeSet<usize>) -> Vec<(usize, String)> {
    let document = |index: usize| registry.document(&Location { document: index, pointer: String::new() });
    let is_unique = |stem: &str| documents.iter().filter(|index| document(**index).stem() == stem).count() == 1;
    let name = |document: &Document| match is_unique(document.stem()) {
        true => document.stem().to_owned(),
        false => format!("{}_{}", document.folder().replace('/', "_"), document.stem()),
    };
    documents.iter().map(|index| (*index, name(document(*index)))).collect()
}

/// Every file reached from a file, itself included.
fn reached(registry: &Registry<'_>, roots: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let mut targets: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for place in registry.schemas() {
        targets.entry(place.document).or_default().extend(registry.reference(place).map(|target| target.document));
    }
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<usize> = roots.into_iter().collect();
    while let Some(document) = waiting.pop() {
        if reached.insert(document) {
            waiting.extend(targets.get(&document).into_iter().flatten());
        }
    }
    reached
}

/// What is done with the members of a schema while it is copied.
type Edit<'e> = &'e dyn Fn(&Location, &mut Vec<Member>);

fn embed(registry: &Registry<'_>, root: &Location, edit: Edit<'_>, rename: &dyn Fn(&str) -> String) -> Node {
    let reference = |from: &Location, text: &str| absolute_reference(registry, from, text, rename);
    let copy = |document: usize| {
        let place = Location { document, pointer: String::new() };
        let source = registry.document(&place);
        let node = copy_schema(&place, &source.root, &reference, edit);
        with_identifier(node, &rename(&source.id))
    };
    let mut whole = copy(root.document);
    let mut embedded: Vec<Member> = Vec::new();
    for document in reached(registry, [root.document]) {
        let place = Location { document, pointer: String::new() };
        if document != root.document && registry.schema(&place).is_some() {
            let node = copy(document);
            embedded.push(Member::new(rename(&registry.document(&place).id), node));
        }
    }
    embedded.sort_by(|a, b| a.key.cmp(&b.key));
    if let Value::Object(members) = &mut whole.value {
        let path = &registry.document(root).path;
        let comment = format!("{MARK} from {}/{path}; edit the schema instead.", registry.folder());
        members.retain(|member| member.key != "$comment");
        members.insert(2.min(members.len()), Member::new("$comment", Node::string(comment)));
        if !embedded.is_empty() {
            match members.iter_mut().find(|member| member.key == "$defs") {
                Some(Member { value: Node { value: Value::Object(own), .. }, .. }) => own.extend(embedded),
                _ => members.push(Member::new("$defs", Node::new(Value::Object(embedded)))),
            }
        }
    }
    whole
}

/// A copy without what only the generator needs, each `$ref` rewritten and each schema edited.
fn copy_schema(place: &Location, schema: &Node, reference: &dyn Fn(&Location, &str) -> String, edit: Edit<'_>) -> Node {
    let mut copy = vocabulary::map_children(schema, &mut |below, child| {
        let place = Location { document: place.document, pointer: format!("{}{below}", place.pointer) };
        copy_schema(&place, child, reference, edit)
    });
    if let Value::Object(members) = &mut copy.value {
        members.retain(|member| member.key != "x-rust-name");
        for member in members.iter_mut().filter(|member| member.key == "$ref") {
            if let Some(text) = member.value.as_str() {
                member.value = Node::string(reference(place, text));
            }
        }
        edit(place, members);
    }
    copy
}

/// `$schema` and `$id` come first, also where the source leaves them to its place.
fn with_identifier(mut node: Node, id: &str) -> Node {
    if let Value::Object(members) = &mut node.value {
        members.retain(|member| member.key != "$schema" && member.key != "$id");
        let head =
            [Member::new("$schema", Node::string(Dialect::Draft2020.uri())), Member::new("$id", Node::string(id))];
        members.splice(0..0, head);
    }
    node
}

/// The reference as an absolute URI; within one file it stays as it is.
fn absolute_reference(registry: &Registry<'_>, from: &Location, text: &str, rename: &dyn Fn(&str) -> String) -> String {
    match registry.resolve(from, text) {
        Ok(target) if target.document == from.document && text.starts_with('#') => text.to_owned(),
        Ok(target) => {
            let id = rename(&registry.document(&target).id);
            if target.pointer.is_empty() { id } else { format!("{id}#{}", uri::encode_path(&target.pointer)) }
        }
        Err(_) => text.to_owned(),
    }
}

/// An OpenAPI file whose schemas are all its own, each file under `components/schemas`.
pub fn bundle_openapi(registry: &Registry<'_>, api: &Api) -> Node {
    let document = registry.document(&api.location);
    let mut others = reached(registry, [api.location.document]);
    others.retain(|other| registry.schema(&Location { document: *other, pointer: String::new() }).is_some());
    let names = component_names(registry, document, &others);
    let reference = |from: &Location, text: &str| match registry.resolve(from, text) {
        Ok(target) => match names.get(&target.document) {
            Some(name) => format!("#/components/schemas/{name}{}", uri::encode_path(&target.pointer)),
            None => format!("#{}", uri::encode_path(&target.pointer)),
        },
        Err(_) => text.to_owned(),
    };
    // Identifiers would turn `#/components` into a place of the embedded schema.
    let edit = |_: &Location, members: &mut Vec<Member>| {
        members.retain(|member| !matches!(member.key.as_str(), "$id" | "$schema" | "$anchor"));
    };
    let places: BTreeSet<String> = openapi::schema_places(&document.root).into_iter().collect();
    let copy = |place: &Location, node: &Node| copy_schema(place, node, &reference, &edit);
    let mut whole = copy_openapi(&document.root, "", &mut |pointer, node| {
        let place = Location { document: api.location.document, pointer: pointer.to_owned() };
        places.contains(pointer).then(|| copy(&place, node))
    });
    let schemas = names.iter().map(|(index, name)| {
        let place = Location { document: *index, pointer: String::new() };
        Member::new(name, copy(&place, &registry.document(&place).root))
    });
    add_components(&mut whole, schemas.collect());
    let path = &document.path;
    let comment = format!("{MARK} from {}/{path}; edit the schemas instead.", registry.folder());
    if let Value::Object(members) = &mut whole.value {
        let mut head = vec![Member::new("x-comment", Node::string(comment))];
        if members.iter().all(|member| member.key != "jsonSchemaDialect") {
            head.push(Member::new("jsonSchemaDialect", Node::string(Dialect::Draft2020.uri())));
        }
        let at = 1.min(members.len());
        members.splice(at..at, head);
    }
    whole
}

fn copy_openapi(node: &Node, pointer: &str, schema: &mut dyn FnMut(&str, &Node) -> Option<Node>) -> Node {
    if let Some(copy) = schema(pointer, node) {
        return copy;
    }
    match &node.value {
        Value::Object(members) => {
            let mut copy = |member: &Member| {
                Member::new(
                    &member.key,
                    copy_openapi(&member.value, &format!("{pointer}/{}", escape_token(&member.key)), schema),
                )
            };
            Node::new(Value::Object(members.iter().map(&mut copy).collect()))
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            Node::new(Value::Array(
                items.map(|(index, item)| copy_openapi(item, &format!("{pointer}/{index}"), schema)).collect(),
            ))
        }
        _ => node.clone(),
    }
}

/// A name for each file under `components/schemas`: that of its type, with its folder where two would be the same.
fn component_names(
    registry: &Registry<'_>,
    openapi: &Document,
    documents: &BTreeSet<usize>,
) -> BTreeMap<usize, String> {
    let own = openapi.root.at_pointer("/components/schemas").and_then(Node::as_object).unwrap_or_default();
    let short = |index: usize| {
        let document = registry.document(&Location { document: index, pointer: String::new() });
        let given = document.root.member("x-rust-name").and_then(Node::as_str).map(str::to_owned);
        (given.unwrap_or_else(|| name::pascal(document.stem())), document)
    };
    let name = |index: usize| {
        let (name, document) = short(index);
        let is_taken = documents.iter().any(|other| *other != index && short(*other).0 == name)
            || own.iter().any(|member| member.key == name);
        if is_taken { format!("{}{name}", name::pascal(document.folder())) } else { name }
    };
    documents.iter().map(|index| (*index, name(*index))).collect()
}

fn add_components(openapi: &mut Node, mut schemas: Vec<Member>) {
    let mut node = openapi;
    for key in ["components", "schemas"] {
        let Value::Object(members) = &mut node.value else { return };
        let at = members.iter().position(|member| member.key == key).unwrap_or_else(|| {
            members.push(Member::new(key, Node::new(Value::Object(Vec::new()))));
            members.len() - 1
        });
        node = &mut members[at].value;
    }
    if let Value::Object(members) = &mut node.value {
        members.append(&mut schemas);
        members.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

#[cfg(test)]
mod tests;
