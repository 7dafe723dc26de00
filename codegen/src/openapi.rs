//! Reads OpenAPI 3.1 files into operations.

use crate::diagnostic::{self, Diagnostic};
use crate::json::{Node, Value, escape_token};
use crate::load::{Document, Sources};
use crate::name::{is_identifier, snake};
use crate::resolve::{Location, Registry};

/// Pointers of the outermost schemas of an OpenAPI document, in document order.
pub fn schema_places(root: &Node) -> Vec<String> {
    let mut places = Vec::new();
    collect_places(root, "", &mut places);
    places
}

fn collect_places(node: &Node, pointer: &str, places: &mut Vec<String>) {
    match &node.value {
        Value::Object(members) => {
            // Below `components/<kind>` the keys are names, not keywords.
            let named = pointer.strip_prefix("/components/").is_some_and(|kind| !kind.contains('/'));
            for member in members {
                let place = format!("{pointer}/{}", escape_token(&member.key));
                let is_schema = if named { pointer == "/components/schemas" } else { member.key == "schema" };
                if is_schema {
                    places.push(place);
                } else if named
                    || !(member.key.starts_with("x-") || matches!(member.key.as_str(), "example" | "examples"))
                {
                    collect_places(&member.value, &place, places);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_places(item, &format!("{pointer}/{index}"), places);
            }
        }
        _ => {}
    }
}

/// What one OpenAPI file describes.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// The folder of the file: `contact_request/v1`.
    pub folder: String,
    /// The document.
    pub location: Location,
    /// The operations, in document order.
    pub operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Where it stands.
    pub location: Location,
    /// `operationId`
    pub id: String,
    /// HTTP method, in capitals.
    pub method: String,
    /// Full path; parameters in braces.
    pub path: String,
    /// `x-kind`: what it does to what is stored.
    pub kind: String,
    /// `x-check-of`: the submit that this one checks for.
    pub check_of: Option<String>,
    /// `summary`, else `description`.
    pub summary: String,
    /// The parameters, those of the path item first.
    pub parameters: Vec<Parameter>,
    /// The schema of the JSON body.
    pub request: Option<Location>,
    /// Status or `default`, and the schema of the JSON answer.
    pub responses: Vec<(String, Option<Location>)>,
    /// Whether the body may be XML too.
    pub xml_request: bool,
    /// The answers that may be XML too.
    pub xml_answers: Vec<String>,
}

impl Operation {
    /// The status of a good answer: the first of the two hundreds.
    pub fn success(&self) -> u16 {
        let statuses = self.responses.iter().filter_map(|(status, _)| status.parse::<u16>().ok());
        statuses.filter(|status| (200..300).contains(status)).min().unwrap_or(200)
    }
}

/// One parameter of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `in`: `path`, `query` or `header`.
    pub place: String,
    /// Whether it must be given.
    pub required: bool,
    /// The schema of its value.
    pub schema: Location,
    /// `description`
    pub description: Option<String>,
}

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
const KINDS: [&str; 6] = ["submit", "check", "read", "list", "withdraw", "change"];

/// Reads the operations of every OpenAPI file.
///
/// # Errors
/// An operation without a name or kind, a name that stands twice, a parameter that cannot be read.
pub fn read(sources: &Sources, registry: &Registry<'_>) -> Result<Vec<Api>, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let mut apis = Vec::new();
    for (index, document) in sources.openapi.iter().enumerate() {
        let document_number = sources.schemas.len() + index;
        let mut reading = Reading { document, number: document_number, registry, faults: &mut faults };
        apis.push(reading.api());
    }
    if faults.is_empty() {
        return Ok(apis);
    }
    diagnostic::sort(&mut faults);
    Err(faults)
}

struct Reading<'r, 's> {
    document: &'r Document,
    number: usize,
    registry: &'r Registry<'s>,
    faults: &'r mut Vec<Diagnostic>,
}

impl<'r> Reading<'r, '_> {
    fn at(&self, pointer: &str) -> Location {
        Location { document: self.number, pointer: pointer.to_owned() }
    }

    fn fault(&mut self, pointer: &str, node: &Node, message: String, help: &str) {
        let fault = Diagnostic::error(self.document, node.span.clone(), pointer, message);
        self.faults.push(fault.with_help(help));
    }

    fn api(&mut self) -> Api {
        let document = self.document;
        let mut operations: Vec<Operation> = Vec::new();
        let paths = document.root.member("paths").and_then(Node::as_object).unwrap_or_default();
        for path in paths {
            let below = format!("/paths/{}", escape_token(&path.key));
            let shared = self.parameters(&below, &path.value);
            for member in path.value.as_object().unwrap_or_default() {
                if METHODS.contains(&member.key.as_str()) {
                    let pointer = format!("{below}/{}", member.key);
                    let operation = self.operation(&pointer, &path.key, &member.key, &member.value, &shared);
                    if operations.iter().any(|other| snake(&other.id) == snake(&operation.id)) {
                        let message = format!("the operation `{}` stands twice", operation.id);
                        self.fault(&pointer, &member.value, message, "give each operation an `operationId` of its own");
                    }
                    operations.push(operation);
                }
            }
        }
        for operation in &operations {
            self.check_twin(operation, &operations);
        }
        Api { folder: document.folder().to_owned(), location: self.at(""), operations }
    }

    /// A check names the submit it checks for; nothing else names one.
    fn check_twin(&mut self, operation: &Operation, all: &[Operation]) {
        let Some(node) = self.document.root.at_pointer(&operation.location.pointer) else { return };
        let pointer = &operation.location.pointer;
        match &operation.check_of {
            None if operation.kind == "check" => {
                let message = format!("`{}` checks, but nothing says what", operation.id);
                self.fault(pointer, node, message, "add `x-check-of` with the `operationId` of the submit");
            }
            Some(submit) if !all.iter().any(|other| other.id == *submit && other.kind == "submit") => {
                let submits = all.iter().filter(|other| other.kind == "submit").map(|other| other.id.as_str());
                let help = match diagnostic::nearest(submit, submits) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name the `operationId` of an operation whose `x-kind` is submit".to_owned(),
                };
                self.fault(pointer, node, format!("there is no submit `{submit}` to check for"), &help);
            }
            Some(_) if operation.kind != "check" => {
                let message = format!("`{}` is no check, so it checks for nothing", operation.id);
                self.fault(pointer, node, message, "leave `x-check-of` out, or write `\"x-kind\": \"check\"`");
            }
            _ => {}
        }
    }

    fn operation(
        &mut self,
        pointer: &str,
        path: &str,
        method: &str,
        node: &'r Node,
        shared: &[Parameter],
    ) -> Operation {
        let text = |name: &str| node.member(name).and_then(Node::as_str).map(str::to_owned);
        let id = text("operationId").unwrap_or_default();
        if !is_identifier(&snake(&id)) {
            self.fault(
                pointer,
                node,
                "an operation needs a name".to_owned(),
                "add an `operationId` such as `submitOrder`",
            );
        }
        // Without our own keyword, what reads is known by its method.
        let kind = text("x-kind").unwrap_or_else(|| if method == "get" { "read".into() } else { "submit".into() });
        if !KINDS.contains(&kind.as_str()) {
            let help = format!("use one of {}", KINDS.join(", "));
            self.fault(pointer, node, format!("`{kind}` is no kind of operation"), &help);
        }
        let mut parameters = self.parameters(pointer, node);
        for parameter in shared {
            let is = |own: &Parameter| own.name == parameter.name && own.place == parameter.place;
            if !parameters.iter().any(is) {
                parameters.insert(0, parameter.clone());
            }
        }
        self.check_parameters(pointer, path, node, &parameters);
        let mut responses = Vec::new();
        let mut xml_answers = Vec::new();
        for response in node.member("responses").and_then(Node::as_object).unwrap_or_default() {
            let below = format!("{pointer}/responses/{}", escape_token(&response.key));
            let (below, response_node) = self.follow(below, &response.value);
            if self.has_xml(&below, response_node) {
                xml_answers.push(response.key.clone());
            }
            responses.push((response.key.clone(), self.json_content(&below, response_node)));
        }
        let body = node.member("requestBody").map(|body| self.follow(format!("{pointer}/requestBody"), body));
        let request = body.as_ref().and_then(|(below, body)| self.json_content(below, body));
        let xml_request = body.as_ref().is_some_and(|(below, body)| self.has_xml(below, body));
        Operation {
            location: self.at(pointer),
            id,
            method: method.to_uppercase(),
            path: path.to_owned(),
            kind,
            check_of: text("x-check-of"),
            summary: text("summary").or_else(|| text("description")).unwrap_or_default(),
            parameters,
            request,
            responses,
            xml_request,
            xml_answers,
        }
    }

    /// The braces of a path and the parameters in it are the same, and every parameter has a name of its own in Rust.
    fn check_parameters(&mut self, pointer: &str, path: &str, node: &Node, parameters: &[Parameter]) {
        let in_braces: Vec<&str> = path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect();
        for name in &in_braces {
            if !parameters.iter().any(|parameter| parameter.place == "path" && parameter.name == *name) {
                let message = format!("nothing says what `{{{name}}}` in the path is");
                self.fault(pointer, node, message, "add a parameter of that name with `\"in\": \"path\"`");
            }
        }
        for (index, parameter) in parameters.iter().enumerate() {
            let name = &parameter.name;
            if parameter.place == "path" && !in_braces.contains(&name.as_str()) {
                self.fault(
                    pointer,
                    node,
                    format!("the path has no `{{{name}}}`"),
                    "write it into the path, or leave the parameter out",
                );
            }
            if parameter.place == "path" && !parameter.required {
                self.fault(
                    pointer,
                    node,
                    format!("`{name}` stands in the path, so it is required"),
                    "add `\"required\": true`",
                );
            }
            let rust = snake(name);
            if !is_identifier(&rust) || parameters[..index].iter().any(|other| snake(&other.name) == rust) {
                let message = format!("`{name}` makes no name of its own in Rust");
                self.fault(
                    pointer,
                    node,
                    message,
                    "give it a name that begins with a letter and differs from the others in more than case",
                );
            }
        }
    }

    fn parameters(&mut self, pointer: &str, node: &'r Node) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (index, item) in node.member("parameters").and_then(Node::as_array).unwrap_or_default().iter().enumerate() {
            let (below, item) = self.follow(format!("{pointer}/parameters/{index}"), item);
            let text = |name: &str| item.member(name).and_then(Node::as_str).map(str::to_owned);
            let schema = self.at(&format!("{below}/schema"));
            match (text("name"), text("in")) {
                (Some(name), Some(place)) if matches!(place.as_str(), "path" | "query" | "header") => {
                    let required = item.member("required").and_then(Node::as_bool) == Some(true);
                    let description = text("description");
                    parameters.push(Parameter { name, place, required, schema, description });
                }
                _ => {
                    let message = "a parameter needs a name, and stands in path, query or header".to_owned();
                    self.fault(&below, item, message, "give it `name`, `in` and `schema`");
                }
            }
        }
        parameters
    }

    /// Follows a `$ref` to another place of the same document, as parameters, bodies and responses may be.
    fn follow(&mut self, pointer: String, node: &'r Node) -> (String, &'r Node) {
        let Some(reference) = node.member("$ref").and_then(Node::as_str) else { return (pointer, node) };
        let target = reference.strip_prefix('#').and_then(|below| Some((below, self.document.root.at_pointer(below)?)));
        match target {
            Some((below, target)) => (below.to_owned(), target),
            None => {
                let message = format!("`{reference}` leads nowhere");
                self.fault(
                    &pointer,
                    node,
                    message,
                    "point to a place of this document, such as #/components/responses/Name",
                );
                (pointer, node)
            }
        }
    }

    /// The schema of the JSON content of a body.
    fn json_content(&self, pointer: &str, node: &Node) -> Option<Location> {
        let content = node.member("content").and_then(Node::as_object)?;
        let media = content.iter().find(|media| {
            let kind = media.key.split(';').next().unwrap_or_default().trim();
            kind == "application/json" || kind.ends_with("+json")
        })?;
        let place = self.at(&format!("{pointer}/content/{}/schema", escape_token(&media.key)));
        self.registry.schema(&place)?;
        Some(place)
    }

    /// Whether a body may be XML too, of the same schema.
    fn has_xml(&mut self, pointer: &str, node: &'r Node) -> bool {
        let Some(xml) = node.member("content").and_then(|content| content.member("application/xml")) else {
            return false;
        };
        let place = self.at(&format!("{pointer}/content/application~1xml/schema"));
        let meant = |place: &Location| self.registry.reference(place);
        let json = self.json_content(pointer, node);
        let same = meant(&place).is_some_and(|schema| json.as_ref().and_then(meant) == Some(schema));
        if !same {
            let message = "the XML form of a body is another form of its JSON".to_owned();
            self.fault(&place.pointer, xml, message, "refer to the same schema as `application/json` beside it");
        }
        same
    }
}

#[cfg(test)]
mod tests;
