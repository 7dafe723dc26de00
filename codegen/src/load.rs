//! Reads a folder of schemas: which files are schemas, which describe operations, what their identifiers are.
//!
//! Only the files given count; nothing is fetched. What the keywords mean is not looked at here.

use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{self, Diagnostic, Severity};
use crate::dialect::Dialect;
use crate::json::{self, Node, Value};
use crate::uri;

/// One file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Path below the folder that was read, with forward slashes.
    pub path: String,
    /// Path as a reader can open it from where the generator was started; diagnostics show this one.
    pub shown_path: String,
    /// The text.
    pub text: Arc<str>,
    /// The text's value.
    pub root: Node,
    /// Absolute identifier: the `$id`, else the base with the path. Without a fragment.
    pub id: String,
    /// Where it was retrieved from, which also finds it; the same as the identifier where it has no `$id`.
    pub retrieved_from: String,
}

/// What a folder without a name of its own is called.
const DEFAULT_FOLDER: &str = "schemas";

/// What was read, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The name of the folder, as generated files name it.
    pub folder: String,
    /// The schema files.
    pub schemas: Vec<Document>,
    /// The OpenAPI files.
    pub openapi: Vec<Document>,
    /// Notes about files that were left out.
    pub notes: Vec<Diagnostic>,
    /// How they were read.
    pub options: LoadOptions,
}

/// How to read a folder.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// What a file without a `$id` is identified by: this with its path. Ends with a slash.
    pub base: String,
    /// Our own tree: what is only noted for a stranger's schemas is an error.
    pub own_tree: bool,
    /// The names `x-rule` may carry; empty where any well-formed name will do.
    pub rules: Vec<String>,
    /// Files larger than this are refused.
    pub file_bytes_max: usize,
    /// Where files were retrieved from: a folder, ending with a slash, and the URI its files without a `$id` stand under.
    pub retrieved: Vec<(String, String)>,
    /// The draft of files that name none in `$schema`.
    pub dialect: Dialect,
    /// The folder in which meta-schemas are said to be that the schemas refer to; ends with a slash.
    pub meta_folder: String,
    /// Files, by path, that get a type to read them by even where other schemas refer to them.
    pub entries: Vec<String>,
    /// Whether `format` is an assertion; else it is only an annotation, as the drafts have it.
    pub assert_formats: bool,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            base: "https://schemas.usher.example/".to_owned(),
            own_tree: false,
            rules: Vec::new(),
            file_bytes_max: 16 << 20,
            retrieved: Vec::new(),
            dialect: Dialect::default(),
            meta_folder: "json_schema_org/".to_owned(),
            entries: Vec::new(),
            assert_formats: true,
        }
    }
}

/// Reads every schema and OpenAPI file below a folder.
///
/// A schema is a file `*.schema.json`, or a `.json` file that looks like one. Folders named `examples` or `node_modules`,
/// hidden ones, `errors.json` and symbolic links to folders are left out.
pub fn load(dir: &Path, options: &LoadOptions) -> Result<Sources, Vec<Diagnostic>> {
    let mut files = Vec::new();
    let mut faults = Vec::new();
    collect(dir, "", options, &mut files, &mut faults);
    let shown_root = dir.to_string_lossy().replace('\\', "/");
    let loaded = read_all(files, options, |path| match shown_root.trim_end_matches('/') {
        "" | "." => path.to_owned(),
        root => format!("{root}/{path}"),
    });
    match loaded {
        Ok(sources) if faults.is_empty() => {
            let folder = dir.file_name().map_or(DEFAULT_FOLDER.into(), |name| name.to_string_lossy().into_owned());
            Ok(Sources { folder, ..sources })
        }
        Ok(_) => Err(faults),
        Err(more) => {
            faults.extend(more);
            diagnostic::sort(&mut faults);
            Err(faults)
        }
    }
}

/// The same for files given as path and text.
pub fn from_memory(files: Vec<(String, String)>, options: &LoadOptions) -> Result<Sources, Vec<Diagnostic>> {
    let files = files.into_iter().filter(|(path, _)| path.split('/').all(is_entered) && is_read(path)).collect();
    read_all(files, options, str::to_owned)
}

impl Sources {
    /// All documents: the schemas, then the OpenAPI files. A [`Location`](crate::resolve::Location) counts in this order.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.schemas.iter().chain(&self.openapi)
    }

    /// The document with this number in the order of [`documents`](Sources::documents).
    pub fn document(&self, index: usize) -> Option<&Document> {
        self.documents().nth(index)
    }
}

impl Document {
    /// The file name without `.schema.json` or `.json`.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.strip_suffix(".schema.json").or_else(|| name.strip_suffix(".json")).unwrap_or(name)
    }

    /// The folder below the one that was read; empty at its top.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

fn is_entered(folder_or_file: &str) -> bool {
    !folder_or_file.starts_with('.') && folder_or_file != "examples" && folder_or_file != "node_modules"
}

fn is_read(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".json") && name != "errors.json"
}

fn collect(
    dir: &Path,
    prefix: &str,
    options: &LoadOptions,
    files: &mut Vec<(String, String)>,
    faults: &mut Vec<Diagnostic>,
) {
    let shown = |path: &Path| path.to_string_lossy().replace('\\', "/");
    let entries = match std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => {
            faults.push(Diagnostic::file(shown(dir), format!("the folder cannot be read: {error}")));
            return;
        }
    };
    for entry in entries {
        let file = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            if file.extension().is_some_and(|extension| extension == "json") {
                faults.push(Diagnostic::file(shown(&file), "the file name is not UTF-8"));
            }
            continue;
        };
        if !is_entered(&name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        // The entry's own type: links to folders are not followed, so a loop of links ends.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&file, &format!("{path}/"), options, files, faults);
        } else if is_read(&path) && file.is_file() {
            match read_text(&file, options) {
                Ok(text) => files.push((path, text)),
                Err(message) => faults.push(Diagnostic::file(shown(&file), message)),
            }
        }
    }
}

fn read_text(file: &Path, options: &LoadOptions) -> Result<String, String> {
    let size = std::fs::metadata(file).map_err(|error| format!("the file cannot be read: {error}"))?.len();
    if size > options.file_bytes_max as u64 {
        return Err(format!("the file has {size} bytes; at most {} are read", options.file_bytes_max));
    }
    let bytes = std::fs::read(file).map_err(|error| format!("the file cannot be read: {error}"))?;
    String::from_utf8(bytes)
        .map_err(|error| format!("the file is not UTF-8: byte {}", error.utf8_error().valid_up_to()))
}

fn read_all(
    mut files: Vec<(String, String)>,
    options: &LoadOptions,
    shown: impl Fn(&str) -> String,
) -> Result<Sources, Vec<Diagnostic>> {
    files.sort();
    let mut sources = Sources { folder: DEFAULT_FOLDER.to_owned(), options: options.clone(), ..Sources::default() };
    let mut faults = Vec::new();
    for (path, text) in files {
        let shown_path = shown(&path);
        let text: Arc<str> = text.into();
        let root = match json::parse(&text) {
            Ok(root) => root,
            Err(error) => {
                let mut fault =
                    Diagnostic::at(Severity::Error, &shown_path, &text, error.span, error.pointer, error.message);
                fault.help = error.help;
                faults.push(fault);
                continue;
            }
        };
        let retrieved_from = retrieval_uri(&path, options);
        let id = match root.member("$id").and_then(Node::as_str) {
            Some(id) => uri::without_fragment(&uri::resolve(&retrieved_from, id)).to_owned(),
            None => retrieved_from.clone(),
        };
        let is_openapi = root.member("openapi").is_some();
        let is_schema = path.ends_with(".schema.json") || looks_like_schema(&root);
        let document = Document { path, shown_path, text, root, id, retrieved_from };
        if is_openapi {
            sources.openapi.push(document);
        } else if is_schema {
            sources.schemas.push(document);
        } else {
            let span = document.root.span.start..document.root.span.start;
            let message = "not read: this file does not look like a schema";
            let build = if options.own_tree { Diagnostic::error } else { Diagnostic::note };
            sources
                .notes
                .push(build(&document, span, "", message).with_help("name it `*.schema.json`, or give it a `$schema`"));
        }
    }
    add_meta_schemas(&mut sources);
    if options.own_tree {
        faults.append(&mut sources.notes);
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults) }
}

/// Adds the meta-schemas that the schemas refer to, and those that these refer to.
fn add_meta_schemas(sources: &mut Sources) {
    let mut looked_at = 0;
    while looked_at < sources.schemas.len() {
        let document = &sources.schemas[looked_at];
        let mut wanted = Vec::new();
        references(&document.root, &document.id, &mut wanted);
        for uri in wanted {
            let known = crate::meta::META_SCHEMAS.iter().find(|(id, ..)| *id == uri);
            let Some((id, path, text)) = known.filter(|_| sources.documents().all(|other| other.id != uri)) else {
                continue;
            };
            let Ok(root) = json::parse(text) else { continue };
            let path = format!("{}{path}", sources.options.meta_folder);
            let (shown_path, text) = ((*id).to_owned(), Arc::from(*text));
            let id = (*id).to_owned();
            sources.schemas.push(Document { path, shown_path, text, root, retrieved_from: id.clone(), id });
        }
        looked_at += 1;
    }
    sources.schemas.sort_by(|a, b| a.path.cmp(&b.path));
}

/// The resources that any `$ref` below a node names.
fn references(node: &Node, base: &str, found: &mut Vec<String>) {
    match &node.value {
        Value::Object(members) => {
            for member in members {
                match (member.key.as_str(), member.value.as_str()) {
                    ("$ref", Some(reference)) => {
                        found.push(uri::without_fragment(&uri::resolve(base, reference)).to_owned());
                    }
                    _ => references(&member.value, base, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, base, found)),
        _ => {}
    }
}

fn retrieval_uri(path: &str, options: &LoadOptions) -> String {
    let retrieved =
        options.retrieved.iter().find_map(|(folder, base)| Some((base, path.strip_prefix(folder.as_str())?)));
    let (base, path) = retrieved.unwrap_or((&options.base, path));
    format!("{base}{}", uri::encode_path(path))
}

/// Whether a file that is not named `*.schema.json` is a schema. Data files may have a `$schema` and a `type` too, but those
/// name something else.
fn looks_like_schema(root: &Node) -> bool {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let Some(members) = root.as_object() else {
        return matches!(root.value, Value::Bool(_));
    };
    let is_type = |node: &Node| node.as_str().is_some_and(|name| TYPES.contains(&name));
    let is_schema_value = |node: &Node| matches!(node.value, Value::Object(_) | Value::Bool(_));
    members.iter().any(|member| match member.key.as_str() {
        "$schema" => member.value.as_str().is_some_and(|id| id.contains("json-schema.org/")),
        "$id" | "$ref" | "$anchor" | "$dynamicRef" => member.value.as_str().is_some(),
        "$defs" | "definitions" => member.value.as_object().is_some(),
        "type" => {
            is_type(&member.value)
                || member.value.as_array().is_some_and(|types| !types.is_empty() && types.iter().all(is_type))
        }
        "properties" | "patternProperties" => {
            members.iter().all(|other| other.key != "type")
                && member
                    .value
                    .as_object()
                    .is_some_and(|schemas| schemas.iter().all(|schema| is_schema_value(&schema.value)))
        }
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
            member.value.as_array().is_some_and(|schemas| !schemas.is_empty() && schemas.iter().all(is_schema_value))
        }
        "enum" => member.value.as_array().is_some(),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
