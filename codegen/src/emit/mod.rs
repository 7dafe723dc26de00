//! From the plan to Rust: types, readers and operations, one file for each schema file.
//!
//! What is emitted is dull: named fields, tables of rules, and calls into the runtime.

mod checks;
mod operations;
mod types;
mod unevaluated;
mod xml;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote};

use crate::diagnostic::Diagnostic;
use crate::model::{NodeId, Schema, Type};
use crate::name::{identifier, screaming, snake, stable_number};
use crate::openapi::Api;
use crate::pattern::{self, Pattern};
use crate::plan::{Plan, Shape, TypeName};
use crate::resolve::Registry;

/// How the generated crate begins. One form of code serves every schema; where another would be shorter is no matter.
const LIBRARY_HEAD: &str = "//! The contracts as Rust types that check themselves.\n\n\
    #![allow(clippy::redundant_closure, clippy::while_let_loop, clippy::large_enum_variant)]\n\
    #![allow(clippy::collapsible_if, clippy::match_single_binding, clippy::single_match)]\n\
    #![allow(clippy::needless_else, clippy::manual_range_contains, clippy::never_loop)]\n\n";

/// A module of the generated crate: the folders, then the file.
type Module = (Vec<String>, String);

/// Emits the whole crate: paths below its `src` folder and their texts.
///
/// # Errors
/// Patterns that cannot be compiled, names that collide.
pub fn emit(registry: &Registry<'_>, plan: &Plan, apis: &[Api]) -> Result<Vec<(String, String)>, Vec<Diagnostic>> {
    let mut emitter = Emitter {
        registry,
        plan,
        items: BTreeMap::new(),
        rules: BTreeSet::new(),
        places: BTreeMap::new(),
        seen: BTreeSet::new(),
        checks: BTreeMap::new(),
        xml: BTreeSet::new(),
        here: Module::default(),
        faults: Vec::new(),
    };
    let named: Vec<NodeId> = plan.names.keys().copied().collect();
    for id in named {
        emitter.inside(id, |emitter| emitter.named_type(id));
    }
    for id in plan.documents.keys() {
        emitter.inside(*id, |emitter| emitter.document(*id));
    }
    for api in apis {
        emitter.operations(api);
    }
    let mut faults = std::mem::take(&mut emitter.faults);
    if !faults.is_empty() {
        crate::diagnostic::sort(&mut faults);
        faults.dedup_by_key(|fault| fault.to_text());
        return Err(faults);
    }
    Ok(emitter.files())
}

struct Emitter<'e> {
    registry: &'e Registry<'e>,
    plan: &'e Plan,
    /// What each module holds, in the order of the schemas; the number tells items of one schema apart.
    items: BTreeMap<Module, BTreeMap<(NodeId, u8), TokenStream>>,
    rules: BTreeSet<NodeId>,
    /// The names that were made of places, and the schema that has each.
    places: BTreeMap<(Module, String), NodeId>,
    /// Schemas that have a function that marks what they look at.
    seen: BTreeSet<NodeId>,
    /// Checks that read again, by the number that the runtime remembers their verdicts under.
    checks: BTreeMap<u32, NodeId>,
    /// The schemas whose XML tables are there, and whether a request or an answer asked for each.
    xml: BTreeSet<(NodeId, bool)>,
    /// The module whose items are being written: its own are named without a path.
    here: Module,
    faults: Vec<Diagnostic>,
}

impl Emitter<'_> {
    fn schema(&self, id: NodeId) -> &Schema {
        self.plan.model.schema(id)
    }

    fn module(&self, id: NodeId) -> Module {
        let document = self.registry.document(&self.schema(id).location);
        let folder = document.folder().split('/').filter(|part| !part.is_empty()).map(snake).collect();
        (folder, crate::plan::module_of(document))
    }

    fn put(&mut self, id: NodeId, order: u8, item: TokenStream) {
        let module = self.module(id);
        self.items.entry(module).or_default().insert((id, order), item);
    }

    /// Writes what `emit` emits in the module of `id`.
    fn inside<T>(&mut self, id: NodeId, emit: impl FnOnce(&mut Self) -> T) -> T {
        let module = self.module(id);
        let outer = std::mem::replace(&mut self.here, module);
        let emitted = emit(self);
        self.here = outer;
        emitted
    }

    /// The path of an item that stands in the module of `id`.
    fn path(&self, id: NodeId, item: &Ident) -> TokenStream {
        let module = self.module(id);
        if module == self.here {
            return quote!(#item);
        }
        let (folder, file) = module;
        let file = identifier(&file);
        if folder == self.here.0 {
            return quote!(super::#file::#item);
        }
        let folder = folder.iter().map(|part| identifier(part));
        quote!(crate::#(#folder::)*#file::#item)
    }

    /// The path of the named type that `id` means, without its parameter.
    fn type_path(&self, id: NodeId) -> Option<TokenStream> {
        let name = self.plan.name(id)?;
        let ident = identifier(&name.name);
        if name.folder == self.here.0 && name.file == self.here.1 {
            return Some(quote!(#ident));
        }
        let operations = (name.file == "operations").then(|| quote!(operations::));
        if name.folder == self.here.0 {
            return Some(quote!(super::#operations #ident));
        }
        let folder = name.folder.iter().map(|part| identifier(part));
        Some(quote!(crate::#(#folder::)* #operations #ident))
    }

    /// A name for an item of a schema that has no name of its own: from its place in its file. Places that differ in signs
    /// only would get the same name; all but the first get a number too.
    fn place_name(&mut self, id: NodeId) -> String {
        let schema = self.schema(id);
        let mut name = snake(self.registry.document(&schema.location).stem());
        let keywords = ["$defs", "properties", "definitions"];
        for token in schema.location.pointer.split('/').skip(1).filter(|token| !keywords.contains(token)) {
            name.push('_');
            name.push_str(&snake(&crate::json::unescape_token(token).unwrap_or_default()));
        }
        let pointer = schema.location.pointer.clone();
        let taken = *self.places.entry((self.module(id), name.clone())).or_insert(id);
        if taken == id { name } else { format!("{name}_{:08x}", stable_number(&pointer)) }
    }

    /// The static that holds the rules of a scalar, emitted once beside its schema.
    fn rule(&mut self, id: NodeId) -> TokenStream {
        let ident = identifier(&format!("{}_RULE", screaming(&self.place_name(id))));
        if self.rules.insert(id) {
            let item = match self.plan.shape(id) {
                Shape::Text => self.text_rule(id, &ident),
                _ => self.number_rule(id, &ident),
            };
            self.put(id, 3, item);
        }
        self.path(id, &ident)
    }

    fn text_rule(&mut self, id: NodeId, ident: &Ident) -> TokenStream {
        let schema = self.schema(id).clone();
        let origin = &schema.origin;
        let mut fields = vec![quote!(schema: #origin)];
        if let Some(min) = schema.text.min_length {
            let min = number(min as usize);
            fields.push(quote!(min_length: #min));
        }
        if let Some(max) = schema.text.max_length {
            let max = number(max as usize);
            fields.push(quote!(max_length: #max));
        }
        let patterns: Vec<TokenStream> = schema.text.patterns.iter().map(|source| self.pattern(id, source)).collect();
        let sources = &schema.text.patterns;
        if !patterns.is_empty() {
            fields.push(quote!(patterns: &[#((#sources, #patterns)),*]));
        }
        if let Some(format) = &schema.text.format
            && let Some(function) = crate::vocabulary::format_function(format)
        {
            let function = format_ident!("{function}");
            fields.push(quote!(format: Some(wire::Format { name: #format, holds: wire::format::#function })));
        }
        if let Some(code) = &schema.annotations.code {
            let field = if patterns.is_empty() { format_ident!("format_code") } else { format_ident!("pattern_code") };
            fields.push(quote!(#field: #code));
        }
        if let Some((keyword, values)) = &schema.constants {
            let texts: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
            let all = all_constants(keyword, values);
            fields.push(quote!(constants: Some((#keyword, &[#(#texts),*], #all))));
        }
        if let Some(rule) = &schema.rule {
            fields.push(quote!(rule: Some(#rule)));
        }
        quote!(pub(crate) static #ident: wire::TextRule = wire::TextRule { #(#fields,)* ..wire::TextRule::ANY };)
    }

    fn pattern(&mut self, id: NodeId, source: &str) -> TokenStream {
        match pattern::compile(source) {
            Ok(Pattern::Digits { min, max }) => {
                let (min, max) = (number(min as usize), most(max));
                quote!(wire::Pattern::Digits { min: #min, max: #max })
            }
            Ok(Pattern::Trimmed { min, max }) => {
                let (min, max) = (number(min as usize), most(Some(max)));
                quote!(wire::Pattern::Trimmed { min: #min, max: #max })
            }
            Ok(Pattern::Dfa(dfa)) => {
                let literal = dfa.literal();
                quote!(wire::Pattern::Dfa({ static DFA: wire::pattern::Dfa = #literal; &DFA }))
            }
            Err(error) => {
                let location = self.schema(id).location.clone();
                let document = self.registry.document(&location);
                let span = document.root.at_pointer(&location.pointer).map_or(0..0, |node| {
                    node.member("pattern").map_or(node.span.clone(), |pattern| pattern.span.clone())
                });
                let fault = Diagnostic::error(document, span, &location.pointer, error.message);
                let fault = fault.with_keyword("pattern");
                self.faults.push(match error.help {
                    Some(help) => fault.with_help(help),
                    None => fault,
                });
                quote!(wire::Pattern::Digits { min: 0, max: 0 })
            }
        }
    }

    fn number_rule(&self, id: NodeId, ident: &Ident) -> TokenStream {
        let schema = self.schema(id);
        let origin = &schema.origin;
        let number = &schema.number;
        let mut fields = vec![quote!(schema: #origin)];
        let has = |kind| schema.types.contains(&kind);
        if has(Type::Integer) && !has(Type::Number) {
            fields.push(quote!(integer: true));
        }
        for (name, bound) in [
            ("minimum", &number.minimum),
            ("maximum", &number.maximum),
            ("exclusive_minimum", &number.exclusive_minimum),
            ("exclusive_maximum", &number.exclusive_maximum),
            ("multiple_of", &number.multiple_of),
        ] {
            if let Some(text) = bound {
                let (name, bound) = (format_ident!("{name}"), bound_literal(text));
                fields.push(quote!(#name: Some(#bound)));
            }
        }
        if let Some((keyword, values)) = &schema.constants {
            let numbers = values.iter().filter_map(|value| value.as_number_text()).map(bound_literal);
            let all = all_constants(keyword, values);
            fields.push(quote!(constants: Some((#keyword, &[#(#numbers),*], #all))));
        }
        if let Some(rule) = &schema.rule {
            fields.push(quote!(rule: Some(#rule)));
        }
        quote!(pub(crate) static #ident: wire::NumberRule = wire::NumberRule { #(#fields,)* ..wire::NumberRule::ANY };)
    }

    fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut folders: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
        for ((folder, file), items) in &self.items {
            folders.entry(folder.clone()).or_default().insert(file.clone());
            for depth in 0..folder.len() {
                folders.entry(folder[..depth].to_vec()).or_default();
            }
            let items = items.values();
            let source = self.source_of(folder, file);
            let tokens = quote!(
                use usher_wire as wire;
                // A type of a contract may have the name of a trait of the runtime: the traits come without theirs.
                #[allow(unused_imports)]
                use usher_wire::{Choice as _, Message as _, Text as _, Value as _};
                #(#items)*
            );
            files.push((
                format!("{}{file}.rs", prefix(folder)),
                render(&format!("{}/{source}", self.registry.folder()), tokens),
            ));
        }
        folders.entry(Vec::new()).or_default();
        let all: Vec<Vec<String>> = folders.keys().cloned().collect();
        for (folder, modules) in &folders {
            let subfolders = all.iter().filter(|other| other.len() == folder.len() + 1 && other.starts_with(folder));
            let subfolders: Vec<Ident> =
                subfolders.filter_map(|other| other.last()).map(|name| identifier(name)).collect();
            let docs: Vec<String> = all
                .iter()
                .filter(|other| other.len() == folder.len() + 1 && other.starts_with(folder))
                .map(|other| format!(" The contracts below `{}`.", other.join("/")))
                .collect();
            let modules: Vec<Ident> = modules.iter().map(|name| identifier(name)).collect();
            let exported: Vec<&Ident> = modules.iter().filter(|name| *name != "operations").collect();
            let operations = modules.iter().any(|name| name == "operations").then(|| {
                quote!(
                    #[doc = "What the API offers: its operations, the trait of a server and the calls of a client."]
                    pub mod operations;
                )
            });
            // A top folder is an API that can be left out; what APIs share always comes along.
            let features = subfolders.iter().map(|name| {
                let name = name.to_string();
                (folder.is_empty() && name != "shared").then(|| quote!(#[cfg(feature = #name)]))
            });
            let types = exported.iter().filter_map(|file| {
                let in_file = |name: &&TypeName| name.folder == *folder && **file == name.file;
                let named = self.plan.names.values().chain(self.plan.documents.values());
                let mut names: Vec<&str> = named.filter(in_file).map(|name| name.name.as_str()).collect();
                names.sort_unstable();
                let names: Vec<Ident> = names.into_iter().map(identifier).collect();
                (!names.is_empty()).then(|| quote!(#file::{#(#names),*}))
            });
            let skip = folder.is_empty().then(|| quote!(#[rustfmt::skip]));
            let tokens = quote!(
                #(#features #[doc = #docs] #skip pub mod #subfolders;)*
                #operations
                #(#skip pub(crate) mod #exported;)*
                #(#skip pub use self::#types;)*
            );
            let (name, head) = if folder.is_empty() {
                ("lib.rs".to_owned(), LIBRARY_HEAD)
            } else {
                (format!("{}mod.rs", prefix(folder)), "")
            };
            let text = render(&format!("{}/{}", self.registry.folder(), self.folder_source(folder)), tokens);
            let (marker, body) = text.split_once("\n\n").unwrap_or((&text, ""));
            files.push((name, format!("{marker}\n\n{head}{body}")));
        }
        files.sort();
        files
    }

    fn source_of(&self, folder: &[String], file: &str) -> String {
        let document =
            self.plan.model.nodes.iter().map(|schema| self.registry.document(&schema.location)).find(|document| {
                let own: Vec<String> =
                    document.folder().split('/').filter(|part| !part.is_empty()).map(snake).collect();
                let stem = if document.root.member("openapi").is_some() {
                    "operations".to_owned()
                } else {
                    snake(document.stem())
                };
                own == folder && stem == file
            });
        document.map_or_else(|| format!("{}openapi.json", prefix(folder)), |document| document.path.clone())
    }

    fn folder_source(&self, folder: &[String]) -> String {
        prefix(folder)
    }
}

fn prefix(folder: &[String]) -> String {
    folder.iter().map(|part| format!("{part}/")).collect()
}

/// Formats a file and marks it as generated.
fn render(source: &str, tokens: TokenStream) -> String {
    let marker = format!("// @generated by `cargo xtask codegen` from {source}; edit the schema instead.\n\n");
    match syn::parse2::<syn::File>(tokens.clone()) {
        Ok(file) => {
            // The printer puts no lines between items; readers like them there.
            let mut text = marker;
            for (index, item) in file.items.iter().enumerate() {
                let is_short = |item: &syn::Item| matches!(item, syn::Item::Use(_) | syn::Item::Mod(_));
                if index > 0 && !(is_short(item) && is_short(&file.items[index - 1])) {
                    text.push('\n');
                }
                let alone =
                    syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item.clone()] };
                text.push_str(&prettyplease::unparse(&alone));
            }
            text
        }
        // Emitted tokens always parse; if they ever do not, the compiler shows better than a panic what is wrong.
        Err(_) => format!("{marker}{tokens}\n"),
    }
}

/// A count, without the suffix of its type.
fn number(count: usize) -> proc_macro2::Literal {
    proc_macro2::Literal::usize_unsuffixed(count)
}

/// A largest count, where there is one.
fn most(count: Option<u32>) -> TokenStream {
    match count {
        Some(count) => number(count as usize).into_token_stream(),
        None => quote!(usize::MAX),
    }
}

/// A bound as the runtime takes it.
fn bound_literal(text: &str) -> TokenStream {
    let number = crate::json::Number::of(text);
    let digits = if number.digits.is_empty() { "0" } else { &number.digits };
    match (format!("{}{digits}", if number.negative { "-" } else { "" }).parse::<i64>(), i32::try_from(number.exponent))
    {
        (Ok(coefficient), Ok(exponent)) => {
            let coefficient = proc_macro2::Literal::i64_unsuffixed(coefficient);
            let exponent = proc_macro2::Literal::i32_unsuffixed(exponent);
            quote!(wire::Bound::new(#text, #coefficient, #exponent))
        }
        _ => quote!(wire::Bound::long(#text)),
    }
}

/// A JSON array of strings.
fn json_list(texts: &[&String]) -> String {
    let mut list = String::from("[");
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            list.push(',');
        }
        crate::json::write_string(text, &mut list);
    }
    list.push(']');
    list
}

/// The value of `const`, or the list of `enum`, as JSON.
fn all_constants(keyword: &str, values: &[crate::json::Node]) -> String {
    let all: Vec<String> = values.iter().map(crate::json::Node::to_json).collect();
    if keyword == "const" { all.concat() } else { format!("[{}]", all.join(",")) }
}
