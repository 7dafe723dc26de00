//! XML: for each message that may come or go as XML, tables that say what its elements mean.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Emitter, number};
use crate::diagnostic::Diagnostic;
use crate::model::{NodeId, Type};
use crate::name::{identifier, screaming};
use crate::openapi::Operation;
use crate::plan::{Field, Shape, Variant};
use crate::resolve::Location;

/// The most members of a record: the reader has one bit for each.
const MEMBERS_MAX: usize = 128;

impl Emitter<'_> {
    /// What an operation takes and gives as XML.
    pub(super) fn xml_forms(&mut self, operation: &Operation) -> TokenStream {
        let success = operation.success().to_string();
        let request = operation.request.as_ref().filter(|_| operation.xml_request);
        let answer = operation.responses.iter().find(|(status, _)| *status == success);
        let answer = answer.and_then(|(_, place)| place.as_ref()).filter(|_| operation.xml_answers.contains(&success));
        // Refusals have one form; where it is the form of good answers too, it is there already.
        for (status, place) in &operation.responses {
            if operation.xml_answers.contains(status)
                && let Some(place) = place
            {
                self.xml_document(place, true);
            }
        }
        let request = request.and_then(|place| self.xml_document(place, false));
        let answer = answer.and_then(|place| self.xml_document(place, true));
        if request.is_none() && answer.is_none() {
            return quote!(None);
        }
        let some = |document: Option<TokenStream>| document.map_or(quote!(None), |document| quote!(Some(&#document)));
        let (request, answer) = (some(request), some(answer));
        quote!(Some(wire::xml::Forms { request: #request, answer: #answer }))
    }

    /// The table of a message, emitted once beside its type.
    fn xml_document(&mut self, place: &Location, is_answer: bool) -> Option<TokenStream> {
        let id = self.plan.model.target(self.plan.model.at(place)?);
        let xml = self.schema(id).annotations.xml.clone();
        let (Some(name), Some(namespace)) = (xml.name, xml.namespace) else {
            self.xml_fault(id, "nobody said what this message is in XML", "add `xml` with `name` and `namespace`");
            return None;
        };
        let (Some(type_name), Shape::Record(_)) = (self.plan.name(id).cloned(), self.plan.shape(id)) else {
            self.xml_fault(id, "a message in XML is an object with named members", "leave `application/xml` out");
            return None;
        };
        let prefix = xml.prefix.unwrap_or_else(|| "m".to_owned());
        let document = self.xml_name(id, "DOCUMENT");
        self.inside(id, |emitter| {
            let members = emitter.xml_table(id, None, is_answer);
            let type_name = identifier(&type_name.name);
            let head = if emitter.plan.is_generic(id) { quote!(impl<S>) } else { quote!(impl) };
            let arguments = emitter.plan.is_generic(id).then(|| quote!(<S>));
            let item = quote!(
                pub(crate) static #document: wire::xml::Document = wire::xml::Document {
                    name: #name,
                    namespace: #namespace,
                    prefix: #prefix,
                    members: &#members,
                };

                #head wire::xml::XmlMessage for #type_name #arguments {
                    const XML: &'static wire::xml::Document = &#document;
                }
            );
            emitter.put(id, 11, item);
        });
        Some(self.path(id, &document))
    }

    /// The table of a record without its tag, or of a union, emitted once beside its type.
    fn xml_table(&mut self, id: NodeId, tag: Option<&str>, is_answer: bool) -> TokenStream {
        let id = self.plan.model.target(id);
        let table = self.xml_name(id, "XML");
        if self.xml.insert((id, is_answer)) {
            self.inside(id, |emitter| {
                let item = match emitter.plan.shape(id).clone() {
                    Shape::Record(fields) => emitter.xml_record(id, &table, &fields, tag, is_answer),
                    Shape::Tagged { tag, variants } => emitter.xml_union(id, &table, &tag, &variants, is_answer),
                    _ => return,
                };
                emitter.put(id, 10, item);
            });
        }
        self.path(id, &table)
    }

    fn xml_record(
        &mut self,
        id: NodeId,
        table: &Ident,
        fields: &[Field],
        tag: Option<&str>,
        is_answer: bool,
    ) -> TokenStream {
        if fields.len() > MEMBERS_MAX {
            let message = format!("a record with more than {MEMBERS_MAX} members has no XML form");
            self.xml_fault(id, &message, "group the members in records of their own");
        }
        let mut members = Vec::new();
        for field in fields.iter().filter(|field| tag != Some(&field.name)) {
            let (is_list, content) = match field.node {
                Some(node) => self.xml_member(node, is_answer),
                None => (false, quote!(wire::xml::Content::Any)),
            };
            let name = &field.name;
            members.push(quote!(wire::xml::Member { name: #name, is_list: #is_list, content: #content }));
        }
        let count = number(members.len());
        quote!(pub(crate) static #table: [wire::xml::Member; #count] = [#(#members),*];)
    }

    fn xml_union(
        &mut self,
        id: NodeId,
        table: &Ident,
        tag: &str,
        variants: &[Variant],
        is_answer: bool,
    ) -> TokenStream {
        if is_answer {
            self.xml_fault(id, "a union by tag is not written as XML", "leave `application/xml` out of the answer");
        }
        let Some(namespace) = self.schema(id).annotations.xml.type_namespace.clone() else {
            let help = "add `\"xml\": {\"x-type-namespace\": \"…\"}`";
            self.xml_fault(id, "nobody said which namespace the names in `xsi:type` have", help);
            return quote!();
        };
        let mut rows = Vec::new();
        for Variant { value, node, .. } in variants {
            let members = self.xml_table(*node, Some(tag), is_answer);
            rows.push(quote!((#value, &#members)));
        }
        quote!(
            pub(crate) static #table: wire::xml::Tagged = wire::xml::Tagged {
                tag: #tag,
                namespace: #namespace,
                variants: &[#(#rows),*],
            };
        )
    }

    /// Whether a member is an array, and what it or its items hold.
    fn xml_member(&mut self, id: NodeId, is_answer: bool) -> (bool, TokenStream) {
        match self.plan.shape(id).clone() {
            Shape::Array(item) => (true, self.xml_content(item, is_answer)),
            Shape::Nullable(inner) => self.xml_member(inner, is_answer),
            _ => (false, self.xml_content(id, is_answer)),
        }
    }

    fn xml_content(&mut self, id: NodeId, is_answer: bool) -> TokenStream {
        let kind = match self.plan.shape(id).clone() {
            Shape::Text | Shape::Choice(_) => "Text",
            Shape::Integer | Shape::Decimal => "Number",
            Shape::Boolean => "Boolean",
            Shape::Constant(json) if json.starts_with('"') => "Text",
            Shape::Constant(json) if json == "true" || json == "false" => "Boolean",
            Shape::Constant(json) if json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => "Number",
            Shape::ByType(kinds) if is_number_or_text(&kinds) => "NumberOrText",
            Shape::Nullable(inner) => return self.xml_content(inner, is_answer),
            Shape::Record(_) => {
                let table = self.xml_table(id, None, is_answer);
                return quote!(wire::xml::Content::Record(&#table));
            }
            Shape::Tagged { .. } => {
                let table = self.xml_table(id, None, is_answer);
                return quote!(wire::xml::Content::Tagged(&#table));
            }
            _ if is_answer => "Any",
            _ => {
                let message = "there is no XML form for values of this schema";
                self.xml_fault(id, message, "give it one type, or leave `application/xml` out");
                "Any"
            }
        };
        let kind = format_ident!("{kind}");
        quote!(wire::xml::Content::#kind)
    }

    fn xml_name(&mut self, id: NodeId, suffix: &str) -> Ident {
        identifier(&format!("{}_{suffix}", screaming(&self.place_name(id))))
    }

    fn xml_fault(&mut self, id: NodeId, message: &str, help: &str) {
        let location = self.schema(id).location.clone();
        let document = self.registry.document(&location);
        let span = document.root.at_pointer(&location.pointer).map_or(0..0, |node| node.span.clone());
        self.faults
            .push(Diagnostic::error(document, span, &location.pointer, message).with_keyword("xml").with_help(help));
    }
}

fn is_number_or_text(kinds: &[(Type, NodeId)]) -> bool {
    let mut types: Vec<Type> = kinds.iter().map(|(kind, _)| *kind).collect();
    types.sort_unstable();
    matches!(types[..], [Type::Integer | Type::Number, Type::String])
}
