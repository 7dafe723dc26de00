//! Finds what every `$ref` means.
//!
//! Knows identifiers (`$id`, nested ones too), anchors and pointers of the files that were read. Cycles through parts of the
//! value are fine; a cycle that never looks at a part is refused here.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{self, Diagnostic, nearest};
use crate::dialect::Dialect;
use crate::json::Node;
use crate::load::{Document, LoadOptions, Sources};
use crate::name::stable_number;
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
    /// How the documents were read.
    pub options: &'s LoadOptions,
    documents: Vec<&'s Document>,
    /// Every schema, in the order of documents and texts; with its base URI.
    schemas: BTreeMap<Location, Known<'s>>,
    /// Document order of the same.
    order: Vec<Location>,
    /// Absolute URI without fragment to the schema that has it.
    resources: HashMap<String, Location>,
    /// Base URI to the anchors of that resource.
    anchors: HashMap<String, BTreeMap<String, Location>>,
    /// Each `$dynamicAnchor` that some `$dynamicRef` asks for: the base URIs that have it, and the schema it names there.
    dynamic: BTreeMap<String, BTreeMap<String, Location>>,
}

/// What a `$dynamicRef` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The same on every way to it.
    Always(Location),
    /// What the outermost resource on the way says that has the anchor.
    Depends {
        /// What it means where none has.
        initial: Location,
        /// The numbers of the resources that have the anchor, and the schema it names there.
        anchors: Vec<(u32, Location)>,
    },
}

/// Which keywords a dialect asserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asserts {
    /// Those on the value itself.
    pub validation: bool,
    /// `format`
    pub formats: bool,
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
            options: &sources.options,
            documents: sources.documents().collect(),
            schemas: BTreeMap::new(),
            order: Vec::new(),
            resources: HashMap::new(),
            anchors: HashMap::new(),
            dynamic: BTreeMap::new(),
        };
        let mut faults = registry.register();
        faults.extend(registry.dangling());
        if faults.is_empty() {
            registry.forget_unasked();
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

    /// What the schema's own `$dynamicRef` means; `None` if it has none.
    pub fn dynamic(&self, from: &Location) -> Option<Meaning> {
        let (keyword, reference) = self.dynamic_reference(from)?;
        let initial = self.resolve(from, reference).ok()?;
        let anchors = self.asked(&initial, keyword, reference).and_then(|name| self.dynamic.get(name));
        match anchors.filter(|anchors| anchors.len() > 1) {
            None => Some(Meaning::Always(initial)),
            Some(anchors) => {
                let anchors = anchors.iter().map(|(base, place)| (stable_number(base), place.clone())).collect();
                Some(Meaning::Depends { initial, anchors })
            }
        }
    }

    /// The schema's own `$dynamicRef`, or what it was before: keyword and reference.
    fn dynamic_reference(&self, from: &Location) -> Option<(&'static str, &'s str)> {
        let dialect = self.dialect(from);
        let said = |keyword| Some((keyword, self.schema(from)?.member(keyword)?.as_str()?));
        let known = |(keyword, _): &(&str, &str)| dialect.knows(keyword);
        said("$dynamicRef").filter(known).or_else(|| said(RECURSIVE_REF).filter(known))
    }

    /// The anchor a `$dynamicRef` asks every resource on the way for: its fragment, if that names a `$dynamicAnchor`.
    /// A `$recursiveRef` asks for the anchor without a name.
    fn asked<'r>(&self, initial: &Location, keyword: &str, reference: &'r str) -> Option<&'r str> {
        if keyword == RECURSIVE_REF {
            let anchor = self.schema(initial)?.member(RECURSIVE_ANCHOR)?.as_bool()?;
            return anchor.then_some("");
        }
        let name = uri::fragment(reference);
        let anchor = self.schema(initial)?.member("$dynamicAnchor")?.as_str()?;
        (anchor == name).then_some(name)
    }

    /// The number of the resource at a place, if some `$dynamicRef` means something else where that resource was entered.
    pub fn scope(&self, at: &Location) -> Option<u32> {
        let base = self.base(at);
        let matters = |anchors: &BTreeMap<String, Location>| anchors.len() > 1 && anchors.contains_key(base);
        self.dynamic.values().any(matters).then(|| stable_number(base))
    }

    /// Which keywords are asserted at a place, as the meta-schema says that its `$schema` names.
    pub fn asserts(&self, at: &Location) -> Asserts {
        let all = Asserts { validation: true, formats: self.options.assert_formats };
        let Some(dialect) = self.named_dialect(at) else { return all };
        let meta = self.resources.get(dialect).and_then(|place| self.schema(place));
        let Some(vocabularies) = meta.and_then(|meta| meta.member("$vocabulary")).and_then(Node::as_object) else {
            return all;
        };
        let has = |name: &str| vocabularies.iter().any(|entry| entry.key.ends_with(name));
        Asserts { validation: has("/vocab/validation"), formats: all.formats || has("/vocab/format-assertion") }
    }

    /// The draft that a schema is written in.
    pub fn dialect(&self, at: &Location) -> Dialect {
        let Some(named) = self.named_dialect(at) else { return self.options.dialect };
        Dialect::of(named).unwrap_or_else(|| {
            // A dialect of one's own is of the draft its meta-schema is written in.
            let meta = self.resources.get(named).and_then(|place| self.schema(place));
            let above = meta.and_then(|meta| meta.member("$schema")).and_then(Node::as_str);
            above.and_then(Dialect::of).unwrap_or(self.options.dialect)
        })
    }

    /// The nearest `$schema` at or above a place.
    fn named_dialect(&self, at: &Location) -> Option<&'s str> {
        let mut pointer = at.pointer.as_str();
        loop {
            let node = self.documents[at.document].root.at_pointer(pointer);
            if let Some(dialect) = node.and_then(|node| node.member("$schema")).and_then(Node::as_str) {
                return Some(dialect.trim_end_matches('#'));
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }

    /// Drops the dynamic anchors that no `$dynamicRef` asks for: they are plain anchors.
    fn forget_unasked(&mut self) {
        let asked: Vec<String> = self
            .order
            .iter()
            .filter_map(|from| {
                let (keyword, reference) = self.dynamic_reference(from)?;
                let initial = self.resolve(from, reference).ok()?;
                self.asked(&initial, keyword, reference).map(str::to_owned)
            })
            .collect();
        self.dynamic.retain(|name, _| asked.contains(name));
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
        for index in 0..self.documents.len() {
            let document = self.documents[index];
            if let Some(place) = self.resources.get(&document.id).cloned() {
                self.resources.entry(document.retrieved_from.clone()).or_insert(place);
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
        let dialect = self.dialect(&location);
        // Where a reference stands alone, the identifier beside it counts as little as the rest.
        let is_alone = dialect.refers_alone() && node.member("$ref").is_some() && !location.pointer.is_empty();
        let named = node.member("$id").and_then(|id| Some((id, id.as_str()?))).filter(|_| !is_alone);
        let fragment = named.map_or("", |(_, id)| uri::fragment(id));
        let own = named.filter(|(_, id)| !id.starts_with('#'));
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
        if node.member(RECURSIVE_ANCHOR).and_then(Node::as_bool) == Some(true) && dialect.knows(RECURSIVE_ANCHOR) {
            self.dynamic.entry(String::new()).or_default().insert(base.clone(), location.clone());
        }
        let says = |keyword| Some((keyword, node.member(keyword)?, node.member(keyword)?.as_str()?));
        let anchors = [says("$anchor"), says("$dynamicAnchor")].into_iter().flatten();
        let anchors = anchors.filter(|(keyword, ..)| dialect.knows(keyword));
        // Before there were anchors, the fragment of an identifier was one.
        let old = named.filter(|_| dialect == Dialect::Draft7 && !fragment.is_empty());
        let old = old.map(|(id, _)| ("$id", id, fragment));
        for (keyword, anchor, name) in anchors.chain(old) {
            if keyword == "$dynamicAnchor" {
                self.dynamic.entry(name.to_owned()).or_default().insert(base.clone(), location.clone());
            }
            let anchors = self.anchors.entry(base.clone()).or_default();
            if let Some(first) = anchors.insert(name.to_owned(), location.clone()) {
                let message = format!("the anchor `{name}` is taken by {}", self.place(&first));
                faults.push(
                    Diagnostic::error(
                        document,
                        anchor.span.clone(),
                        format!("{}/{keyword}", location.pointer),
                        message,
                    )
                    .with_keyword(keyword),
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
        let references = self.order.iter().flat_map(|from| {
            let plain = self.schema(from).and_then(|node| node.member("$ref")?.as_str());
            let dynamic = self.dynamic_reference(from).map(|(_, reference)| reference);
            [plain, dynamic].into_iter().flatten().map(move |reference| (from, reference))
        });
        references.filter_map(|(from, reference)| self.resolve(from, reference).err()).map(|fault| *fault).collect()
    }

    fn explain(&self, from: &Location, reference: &str, problem: Problem) -> Diagnostic {
        let document = self.documents[from.document];
        let holder = document.root.at_pointer(&from.pointer);
        let site = ["$ref", "$dynamicRef", RECURSIVE_REF].into_iter().find_map(|keyword| {
            let site = holder?.member(keyword)?;
            (site.as_str() == Some(reference)).then_some((keyword, site))
        });
        let (span, pointer) = match site {
            Some((keyword, site)) => (site.span.clone(), format!("{}/{keyword}", from.pointer)),
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
        let keyword = site.map_or("$ref", |(keyword, _)| keyword);
        let mut diagnostic = Diagnostic::error(document, span, pointer, message).with_keyword(keyword);
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
        match self.dynamic(place) {
            None => {}
            Some(Meaning::Always(target)) => applied.push(target),
            Some(Meaning::Depends { initial, anchors }) => {
                applied.push(initial);
                applied.extend(anchors.into_iter().map(|(_, place)| place));
            }
        }
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

const RECURSIVE_REF: &str = "$recursiveRef";
const RECURSIVE_ANCHOR: &str = "$recursiveAnchor";

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
