//! Finds what every `$ref` means.
//!
//! Knows identifiers (`$id`, nested ones too), anchors and pointers of the files that were read. Cycles through parts of the
//! value are fine; a cycle that never looks at a part is refused here.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{self, Diagnostic, nearest};
use crate::json::Node;
use crate::load::{Document, Sources};
use crate::{openapi, uri, vocabulary};

/// A place in one of the documents.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// Number of the document in the order of [`Sources::documents`]: the schemas, then the OpenAPI files.
    pub document: usize,
    /// JSON Pointer inside it.
    pub pointer: String,
}

/// All schemas of the sources by place and by identifier.
pub struct Registry<'s> {
    folder: &'s str,
    documents: Vec<&'s Document>,
    /// Every schema, in the order of documents and texts; with its base URI.
    schemas: BTreeMap<Location, Known<'s>>,
    /// Document order of the same.
    order: Vec<Location>,
    /// Absolute URI without fragment to the schema that has it.
    resources: HashMap<String, Location>,
    /// Base URI to the anchors of that resource.
    anchors: HashMap<String, BTreeMap<String, Location>>,
}

struct Known<'s> {
    node: &'s Node,
    base: String,
}

impl<'s> Registry<'s> {
    /// Registers every schema and checks every `$ref`.
    pub fn new(sources: &'s Sources) -> Result<Registry<'s>, Vec<Diagnostic>> {
        let mut registry = Registry {
            folder: &sources.folder,
            documents: sources.documents().collect(),
            schemas: BTreeMap::new(),
            order: Vec::new(),
            resources: HashMap::new(),
            anchors: HashMap::new(),
        };
        let mut faults = registry.register();
        faults.extend(registry.dangling());
        if faults.is_empty() {
            faults = registry.endless();
        }
        if faults.is_empty() {
            return Ok(registry);
        }
        diagnostic::sort(&mut faults);
        Err(faults)
    }

    /// The name of the folder of the schemas, as generated files name it.
    pub fn folder(&self) -> &'s str {
        self.folder
    }

    /// The document of a location.
    pub fn document(&self, location: &Location) -> &'s Document {
        self.documents[location.document]
    }

    /// The schema at a location; `None` if no schema stands there.
    pub fn schema(&self, location: &Location) -> Option<&'s Node> {
        self.schemas.get(location).map(|known| known.node)
    }

    /// The places of all schemas, documents in order, parents first.
    pub fn schemas(&self) -> impl Iterator<Item = &Location> {
        self.order.iter()
    }

    /// The base URI that holds at a location.
    pub fn base(&self, location: &Location) -> &str {
        let mut pointer = location.pointer.as_str();
        loop {
            let place = Location { document: location.document, pointer: pointer.to_owned() };
            if let Some(known) = self.schemas.get(&place) {
                return &known.base;
            }
            match pointer.rfind('/') {
                Some(at) => pointer = &pointer[..at],
                None => return &self.documents[location.document].id,
            }
        }
    }

    /// The target of the schema's own `$ref`; `None` if it has none.
    pub fn reference(&self, from: &Location) -> Option<Location> {
        let reference = self.schema(from)?.member("$ref")?.as_str()?;
        self.resolve(from, reference).ok()
    }

    /// What a reference means at a place, for example in the `$ref` of the schema that stands there.
    pub fn resolve(&self, from: &Location, reference: &str) -> Result<Location, Box<Diagnostic>> {
        self.find(from, reference).map_err(|problem| Box::new(self.explain(from, reference, problem)))
    }

    fn find(&self, from: &Location, reference: &str) -> Result<Location, Problem> {
        let absolute = uri::resolve(self.base(from), reference);
        let resource = uri::without_fragment(&absolute);
        let Some(root) = self.resources.get(resource).or_else(|| self.beside(from, reference)) else {
            return Err(Problem::NoResource(resource.to_owned()));
        };
        let fragment = uri::decode(uri::fragment(&absolute)).ok_or(Problem::Escape)?;
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let base = &self.schemas.get(root).ok_or(Problem::Escape)?.base;
            return self
                .anchors
                .get(base)
                .and_then(|anchors| anchors.get(&fragment))
                .cloned()
                .ok_or(Problem::NoAnchor(root.clone(), fragment));
        }
        let target = Location { document: root.document, pointer: format!("{}{fragment}", root.pointer) };
        if self.schemas.contains_key(&target) {
            return Ok(target);
        }
        match self.documents[target.document].root.at_pointer(&target.pointer) {
            Some(_) => Err(Problem::NotASchema),
            None => Err(Problem::NoPlace(root.clone(), fragment)),
        }
    }

    /// Files of strangers often refer to each other by path although their `$id`s say something else.
    fn beside(&self, from: &Location, reference: &str) -> Option<&Location> {
        let path = uri::decode(uri::without_fragment(reference))?;
        if path.is_empty() || path.contains(':') || path.starts_with('/') {
            return None;
        }
        let wanted = uri::resolve(&self.documents[from.document].path, &path);
        let document = self.documents.iter().find(|document| document.path == wanted)?;
        self.resources.get(&document.id)
    }

    fn register(&mut self) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for index in 0..self.documents.len() {
            let document = self.documents[index];
            let roots = match document.root.member("openapi") {
                Some(_) => {
                    self.resources
                        .entry(document.id.clone())
                        .or_insert(Location { document: index, pointer: String::new() });
                    openapi::schema_places(&document.root)
                }
                None => vec![String::new()],
            };
            for root in roots {
                if let Some(node) = document.root.at_pointer(&root) {
                    self.register_schema(index, root, node, &document.id, &mut faults);
                }
            }
        }
        faults
    }

    fn register_schema(
        &mut self,
        index: usize,
        pointer: String,
        node: &'s Node,
        outer: &str,
        faults: &mut Vec<Diagnostic>,
    ) {
        let document = self.documents[index];
        let location = Location { document: index, pointer };
        let own = node.member("$id").and_then(|id| Some((id, id.as_str()?)));
        let base = match own {
            // The document's own identifier is resolved already.
            Some((_, id)) if !location.pointer.is_empty() => uri::without_fragment(&uri::resolve(outer, id)).to_owned(),
            _ => outer.to_owned(),
        };
        if own.is_some() || location.pointer.is_empty() {
            let span = own.map_or(node.span.start..node.span.start, |(id, _)| id.span.clone());
            match self.resources.get(&base) {
                Some(first) => {
                    let first = self.place(first);
                    let message = format!("the identifier <{base}> is taken by {first}");
                    faults.push(
                        Diagnostic::error(document, span, location.pointer.clone(), message)
                            .with_keyword("$id")
                            .with_help("give each schema its own `$id`"),
                    );
                }
                None => {
                    self.resources.insert(base.clone(), location.clone());
                }
            }
        }
        if let Some(anchor) = node.member("$anchor")
            && let Some(name) = anchor.as_str()
        {
            let anchors = self.anchors.entry(base.clone()).or_default();
            if let Some(first) = anchors.insert(name.to_owned(), location.clone()) {
                let message = format!("the anchor `{name}` is taken by {}", self.place(&first));
                faults.push(
                    Diagnostic::error(document, anchor.span.clone(), format!("{}/$anchor", location.pointer), message)
                        .with_keyword("$anchor"),
                );
            }
        }
        self.order.push(location.clone());
        self.schemas.insert(location.clone(), Known { node, base: base.clone() });
        for child in vocabulary::children(node) {
            self.register_schema(index, format!("{}{}", location.pointer, child.pointer), child.node, &base, faults);
        }
    }

    fn place(&self, location: &Location) -> String {
        let path = &self.documents[location.document].path;
        if location.pointer.is_empty() { path.clone() } else { format!("{path}#{}", location.pointer) }
    }

    fn dangling(&self) -> Vec<Diagnostic> {
        let references =
            self.order.iter().filter_map(|from| Some((from, self.schema(from)?.member("$ref")?.as_str()?)));
        references.filter_map(|(from, reference)| self.resolve(from, reference).err()).map(|fault| *fault).collect()
    }

    fn explain(&self, from: &Location, reference: &str, problem: Problem) -> Diagnostic {
        let document = self.documents[from.document];
        let holder = document.root.at_pointer(&from.pointer);
        let (span, pointer) = match holder.and_then(|schema| schema.member("$ref")) {
            Some(site) if site.as_str() == Some(reference) => (site.span.clone(), format!("{}/$ref", from.pointer)),
            _ => (holder.map_or(0..0, |node| node.span.start..node.span.start), from.pointer.clone()),
        };
        let (message, help) = match problem {
            Problem::Escape => (format!("`{reference}` has a broken escape"), None),
            Problem::NotASchema => (
                format!("`{reference}` points to something that is not a schema"),
                Some("move the schema to `$defs` and refer to it there".to_owned()),
            ),
            Problem::NoResource(resource) => {
                let help = match self.similar_file(from, reference) {
                    Some(path) => format!("did you mean `{path}`?"),
                    None => "nothing is fetched: add the file to the folder".to_owned(),
                };
                (format!("`{reference}` leads to <{resource}>, which is not among the files"), Some(help))
            }
            Problem::NoAnchor(root, name) => {
                let anchors = self.schemas.get(&root).and_then(|known| self.anchors.get(&known.base));
                let near = nearest(&name, anchors.into_iter().flatten().map(|(name, _)| name.as_str()));
                let message = format!("there is no anchor `{name}` in {}", self.place(&root));
                (message, near.map(|near| format!("did you mean `#{near}`?")))
            }
            Problem::NoPlace(root, fragment) => {
                let message = format!("there is nothing at `#{fragment}` in {}", self.place(&root));
                (message, self.similar_place(&root, &fragment).map(|near| format!("did you mean `#{near}`?")))
            }
        };
        let mut diagnostic = Diagnostic::error(document, span, pointer, message).with_keyword("$ref");
        diagnostic.help = help;
        diagnostic
    }

    /// The file most like the one a reference names, written as the reference should be.
    fn similar_file(&self, from: &Location, reference: &str) -> Option<String> {
        let wanted = uri::without_fragment(reference);
        let here = &self.documents[from.document].path;
        let paths: Vec<String> = self
            .documents
            .iter()
            .filter(|other| other.path != *here)
            .map(|other| uri::relative(here, &other.path))
            .collect();
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let same_name = paths.iter().find(|path| name(path) == name(wanted));
        same_name.map(String::as_str).or_else(|| nearest(wanted, paths.iter().map(String::as_str))).map(str::to_owned)
    }

    fn similar_place(&self, root: &Location, fragment: &str) -> Option<String> {
        let below = self
            .order
            .iter()
            .filter(|place| place.document == root.document)
            .filter_map(|place| place.pointer.strip_prefix(root.pointer.as_str()));
        let places: Vec<&str> = below.filter(|pointer| !pointer.is_empty()).collect();
        let name = |pointer: &str| pointer.rsplit('/').next().unwrap_or(pointer).to_owned();
        let same_name = places.iter().find(|place| place.starts_with("/$defs/") && name(place) == name(fragment));
        same_name.copied().or_else(|| nearest(fragment, places)).map(str::to_owned)
    }

    /// Cycles of references and in-place applicators: checking a value against them would never end.
    fn endless(&self) -> Vec<Diagnostic> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            Open,
            Done,
        }
        let mut states: HashMap<Location, State> = HashMap::new();
        let mut faults = Vec::new();
        for start in &self.order {
            if states.contains_key(start) {
                continue;
            }
            // A path of schemas, each with the places it applies to the same value that are still to visit.
            let mut path = vec![(start.clone(), self.applied_in_place(start))];
            states.insert(start.clone(), State::Open);
            while let Some((_, rest)) = path.last_mut() {
                let Some(next) = rest.pop() else {
                    if let Some((done, _)) = path.pop() {
                        states.insert(done, State::Done);
                    }
                    continue;
                };
                match states.get(&next) {
                    Some(State::Done) => {}
                    Some(State::Open) => {
                        let cycle = path.iter().map(|(place, _)| place).skip_while(|place| **place != next);
                        faults.push(self.endless_fault(&cycle.collect::<Vec<_>>()));
                    }
                    None => {
                        states.insert(next.clone(), State::Open);
                        let rest = self.applied_in_place(&next);
                        path.push((next, rest));
                    }
                }
            }
        }
        faults
    }

    fn applied_in_place(&self, place: &Location) -> Vec<Location> {
        let Some(node) = self.schema(place) else {
            return Vec::new();
        };
        let below = vocabulary::children(node).into_iter().filter(|child| child.in_place);
        let mut applied: Vec<Location> = below
            .map(|child| Location { document: place.document, pointer: format!("{}{}", place.pointer, child.pointer) })
            .collect();
        applied.extend(self.reference(place));
        applied
    }

    fn endless_fault(&self, cycle: &[&Location]) -> Diagnostic {
        // Children hang below their parents, so every cycle has a `$ref`; the last one closes it.
        let site = cycle.iter().rev().find(|place| self.reference(place).is_some()).or(cycle.first());
        let places: Vec<String> = cycle
            .iter()
            .chain(cycle.first())
            .map(|place| format!("{}#{}", self.documents[place.document].path, place.pointer))
            .collect();
        let message = format!(
            "this `$ref` leads back to itself without looking at any part of the value: {}",
            places.join(" → ")
        );
        let Some(site) = site else {
            return Diagnostic::file("", message);
        };
        let span =
            self.schema(site).and_then(|node| node.member("$ref")).map_or(0..0, |reference| reference.span.clone());
        let diagnostic =
            Diagnostic::error(self.documents[site.document], span, format!("{}/$ref", site.pointer), message);
        diagnostic
            .with_keyword("$ref")
            .with_help("remove one of the references, or put it below `properties` or `items`")
    }
}

enum Problem {
    /// A broken percent-escape.
    Escape,
    NoResource(String),
    NoAnchor(Location, String),
    NoPlace(Location, String),
    NotASchema,
}

#[cfg(test)]
mod tests;
