//! Types and their readers.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Emitter, json_list, number};
use crate::model::{NodeId, Type};
use crate::name::identifier;
use crate::plan::{Field, Shape, Variant};

impl Emitter<'_> {
    /// Emits the named type of a schema: the type, how it is written, how it is read.
    pub(super) fn named_type(&mut self, id: NodeId) {
        let Some(name) = self.plan.name(id).map(|name| identifier(&name.name)) else { return };
        match self.plan.shape(id).clone() {
            Shape::Record(fields) => self.record(id, &name, &fields),
            Shape::Tagged { tag, variants } => self.tagged(id, &name, &tag, &variants),
            Shape::ByType(kinds) => self.by_type(id, &name, &kinds),
            Shape::Choice(choices) => self.choice(id, &name, &choices),
            _ => {}
        }
    }

    /// Emits the type of a document whose shape has no name: a type around it.
    pub(super) fn document(&mut self, id: NodeId) {
        let Some(name) = self.plan.documents.get(&id).map(|name| identifier(&name.name)) else { return };
        let docs = self.docs(id);
        let (parameters, _) = self.generics(id);
        let (value_head, message_head) = self.heads(id, &name);
        let inner = self.type_of(id);
        let read = self.read(id, &quote!(at));
        let schema_id = self.schema_id(id);
        self.put(
            id,
            0,
            quote!(
                #docs
                #[derive(Debug, Clone, PartialEq)]
                pub struct #name #parameters(
                    /// The value.
                    pub #inner,
                );
            ),
        );
        self.put(
            id,
            1,
            quote!(
                #value_head {
                    fn write(&self, writer: &mut wire::Writer) {
                        self.0.write(writer);
                    }
                }
            ),
        );
        self.put(
            id,
            2,
            quote!(
                #message_head {
                    const SCHEMA: &'static str = #schema_id;

                    fn read(reader: &mut wire::Reader<'a>, at: &wire::Path<'_>) -> wire::Read<Self> {
                        Ok(#read?.map(Self))
                    }
                }
            ),
        );
    }

    fn docs(&self, id: NodeId) -> TokenStream {
        let note = |pick: fn(&crate::model::Annotations) -> Option<String>| self.plan.model.annotation(id, pick);
        let text = note(|note| note.description.clone()).or_else(|| note(|note| note.title.clone()));
        let text = text.unwrap_or_else(|| format!("`{}`", self.schema(id).origin));
        // Prose of a schema is no Markdown: brackets would be links, and angle brackets tags.
        let text = text.replace('[', "\\[").replace(']', "\\]").replace('<', "\\<");
        let text = format!(" {}", text.replace('\n', "\n "));
        quote!(#[doc = #text])
    }

    fn generics(&self, id: NodeId) -> (TokenStream, TokenStream) {
        if self.plan.is_generic(id) { (quote!(<S = String>), quote!(<S>)) } else { (quote!(), quote!()) }
    }

    /// The `impl` heads of writing and reading a type.
    fn heads(&self, id: NodeId, name: &Ident) -> (TokenStream, TokenStream) {
        if self.plan.is_generic(id) {
            (
                quote!(impl<S: wire::Value> wire::Value for #name<S>),
                quote!(impl<'a, S: wire::Text<'a>> wire::Message<'a> for #name<S>),
            )
        } else {
            (quote!(impl wire::Value for #name), quote!(impl<'a> wire::Message<'a> for #name))
        }
    }

    fn schema_id(&self, id: NodeId) -> String {
        let location = &self.schema(id).location;
        let document = self.registry.document(location);
        if location.pointer.is_empty() { document.id.clone() } else { format!("{}#{}", document.id, location.pointer) }
    }

    /// The type of a value.
    pub(super) fn type_of(&self, id: NodeId) -> TokenStream {
        if let Some(path) = self.type_path(id) {
            let (_, arguments) = self.generics(id);
            return quote!(#path #arguments);
        }
        match self.plan.shape(id) {
            Shape::Boolean => quote!(bool),
            Shape::Integer => quote!(i64),
            Shape::Decimal => quote!(wire::Decimal),
            Shape::Text => quote!(S),
            Shape::Array(item) => {
                let item = self.type_of(*item);
                quote!(Vec<#item>)
            }
            Shape::Map(value) => {
                let value = self.type_of(*value);
                quote!(std::collections::BTreeMap<String, #value>)
            }
            Shape::Nullable(inner) => {
                let inner = self.type_of(*inner);
                quote!(wire::Nullable<#inner>)
            }
            _ => quote!(wire::Json),
        }
    }

    /// An expression of type `Read<T>` that reads the value at `at`.
    pub(super) fn read(&mut self, id: NodeId, at: &TokenStream) -> TokenStream {
        let target = self.plan.model.target(id);
        if let Some(path) = self.type_path(id) {
            return quote!(#path::read(reader, #at));
        }
        let bare = self.read_bare(target, at);
        if !self.plan.rescans(target) {
            return bare;
        }
        // Rules beyond the shape: the value is read, then its bytes are looked at again.
        let check = self.in_place(target, at);
        quote!({
            let mark = reader.mark();
            let value: Option<_> = #bare?;
            #check
            Ok(value)
        })
    }

    fn read_bare(&mut self, target: NodeId, at: &TokenStream) -> TokenStream {
        let origin = self.schema(target).origin.clone();
        match self.plan.shape(target).clone() {
            Shape::Boolean => quote!(reader.boolean(#at, #origin)),
            Shape::Integer => {
                let rule = self.rule(target);
                quote!(reader.integer(#at, &#rule))
            }
            Shape::Decimal => {
                let rule = self.rule(target);
                quote!(reader.number(#at, &#rule))
            }
            Shape::Text => {
                let rule = self.rule(target);
                quote!(reader.string(#at, &#rule))
            }
            Shape::Constant(json) => {
                let keyword = self.schema(target).constants.as_ref().map_or("type", |(keyword, _)| *keyword);
                quote!(reader.constants(#at, #origin, #keyword, &[#json]))
            }
            Shape::Array(item) => {
                let array = self.schema(target).array.clone();
                let (min, max) = (number(array.min_items.unwrap_or(0) as usize), bound(array.max_items));
                let unique = array.unique;
                let item = self.read(item, &quote!(at));
                quote!(reader.list(#at, &wire::ListRule { schema: #origin, min_items: #min, max_items: #max, unique: #unique }, |reader, at| #item))
            }
            Shape::Map(value) => {
                let object = self.schema(target).object.clone();
                let (min, max) = (number(object.min_properties.unwrap_or(0) as usize), bound(object.max_properties));
                let value = self.read(value, &quote!(at));
                quote!(reader.map(#at, #origin, #min, #max, |reader, at| #value))
            }
            Shape::Nullable(inner) => {
                let inner = self.read(inner, at);
                quote!(
                    if reader.kind()? == wire::Kind::Null {
                        reader.null_token().map(|()| Some(wire::Nullable::Null))
                    } else {
                        #inner.map(|value| value.map(wire::Nullable::Value))
                    }
                )
            }
            _ => quote!(wire::Json::read_any(reader)),
        }
    }

    // ---- records

    fn record(&mut self, id: NodeId, name: &Ident, fields: &[Field]) {
        let docs = self.docs(id);
        let (parameters, _) = self.generics(id);
        let kept: Vec<&Field> =
            fields.iter().filter(|field| field.node.is_some() && field.constant.is_none()).collect();
        // Where nothing is required, nothing given is a value too.
        let default = (!kept.iter().any(|field| field.required)).then(|| quote!(Default,));
        let members: Vec<TokenStream> = kept.iter().map(|field| self.field(field)).collect();
        self.put(
            id,
            0,
            quote!(
                #docs
                #[derive(Debug, Clone, #default PartialEq)]
                pub struct #name #parameters {
                    #(#members,)*
                    /// The members that the contract does not name.
                    pub unknown: wire::Unknown,
                }
            ),
        );
        let (value_head, message_head) = self.heads(id, name);
        let writes = write_members(fields);
        self.put(
            id,
            1,
            quote!(
                #value_head {
                    fn write(&self, writer: &mut wire::Writer) {
                        let mut object = writer.object(&self.unknown);
                        #(#writes)*
                        object.close();
                    }
                }
            ),
        );
        let read = self.read_record(id, name, fields);
        let schema_id = self.schema_id(id);
        self.put(
            id,
            2,
            quote!(
                #message_head {
                    const SCHEMA: &'static str = #schema_id;

                    fn read(reader: &mut wire::Reader<'a>, at: &wire::Path<'_>) -> wire::Read<Self> {
                        #read
                    }
                }
            ),
        );
    }

    fn field(&self, field: &Field) -> TokenStream {
        let Some(node) = field.node else { return quote!() };
        let docs = self.docs(node);
        let ident = identifier(&field.rust);
        let mut kind = self.type_of(node);
        if field.boxed {
            kind = quote!(Box<#kind>);
        }
        if field.personal {
            kind = quote!(wire::Personal<#kind>);
        }
        if !field.required {
            kind = quote!(Option<#kind>);
        }
        quote!(#docs pub #ident: #kind)
    }

    fn read_record(&mut self, id: NodeId, name: &Ident, fields: &[Field]) -> TokenStream {
        let schema = self.schema(id).clone();
        let names = self.names(id, fields);
        let rescans = self.plan.rescans(id);
        let conditional = schema.in_place.condition.is_some();
        let mark = (rescans || conditional).then(|| quote!(let mark = reader.mark();));
        let slots: Vec<Ident> = fields.iter().enumerate().map(|(index, field)| slot(index, field)).collect();
        let declared = fields.iter().zip(&slots).filter(|(field, _)| field.node.is_some()).map(|(_, slot)| slot);
        let declared: Vec<&Ident> = declared.collect();
        let mut arms = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let slot = &slots[index];
            let wire = &field.name;
            let index = number(index);
            arms.push(match field.node {
                None if self.is_closed(id) => self.unnamed_member(id, wire, &index),
                None => quote!(#index => reader.keep_member(&mut members, #wire)?),
                Some(node) => {
                    let read = if let Some(json) = field.constant.as_ref() {
                        self.read_constant(node, wire, json)
                    } else {
                        let read = self.read(node, &quote!(&at.member(#wire)));
                        let boxed = field.boxed.then(|| quote!(.map(Box::new)));
                        let personal = field.personal.then(|| quote!(.map(wire::Personal::new)));
                        quote!(#read? #boxed #personal)
                    };
                    quote!(#index => #slot = #read)
                }
            });
        }
        let next = self.next_member(id, &names);
        let closing = self.closing(id, fields, &names, true);
        let kept = fields.iter().zip(&slots).filter(|(field, _)| field.node.is_some());
        let values: Vec<TokenStream> = kept
            .clone()
            .filter(|(field, _)| field.constant.is_none())
            .map(|(field, slot)| {
                let ident = identifier(&field.rust);
                match (field.required, slot == &ident) {
                    (true, _) => quote!(#ident: wire::need!(#slot)),
                    (false, true) => quote!(#ident),
                    (false, false) => quote!(#ident: #slot),
                }
            })
            .collect();
        let constants: Vec<TokenStream> =
            kept.filter(|(field, _)| field.constant.is_some()).map(|(_, slot)| quote!(wire::need!(#slot);)).collect();
        quote!(
            #mark
            let Some(mut members) = reader.object(at, &#names)? else { return Ok(None) };
            #(let mut #declared = None;)*
            loop {
                match #next {
                    #(#arms,)*
                    _ => break,
                }
            }
            #closing
            #(#constants)*
            Ok(Some(#name { #(#values,)* unknown: members.unknown }))
        )
    }

    /// Reads a member that can have but one value; nothing of it is kept.
    fn read_constant(&mut self, node: NodeId, wire: &str, json: &str) -> TokenStream {
        let target = self.plan.model.target(node);
        let origin = self.schema(target).origin.clone();
        match constant_text(json) {
            Some(text) => quote!(reader.constant_text(&at.member(#wire), #origin, #text)?),
            None => quote!(reader.constants(&at.member(#wire), #origin, "const", &[#json])?.map(drop)),
        }
    }

    // ---- unions

    fn tagged(&mut self, id: NodeId, name: &Ident, tag: &str, variants: &[Variant]) {
        let docs = self.docs(id);
        let (parameters, _) = self.generics(id);
        let answer = self.plan.answers.contains(&id);
        let idents: Vec<Ident> = variants.iter().map(|variant| identifier(&variant.rust)).collect();
        let kinds: Vec<TokenStream> = variants.iter().map(|variant| self.type_of(variant.node)).collect();
        let item_docs: Vec<TokenStream> = variants.iter().map(|variant| self.docs(variant.node)).collect();
        let unknown = answer.then(|| {
            quote!(
                /// A variant of a newer version.
                Unknown(wire::Json),
            )
        });
        self.put(
            id,
            0,
            quote!(
                #docs
                #[derive(Debug, Clone, PartialEq)]
                pub enum #name #parameters {
                    #(#item_docs #idents(#kinds),)*
                    #unknown
                }
            ),
        );
        let (value_head, message_head) = self.heads(id, name);
        let unknown = answer.then(|| quote!(#name::Unknown(json) => json.write(writer),));
        self.put(
            id,
            1,
            quote!(
                #value_head {
                    fn write(&self, writer: &mut wire::Writer) {
                        match self {
                            #(#name::#idents(value) => value.write(writer),)*
                            #unknown
                        }
                    }
                }
            ),
        );
        let origin = self.schema(id).origin.clone();
        let values: Vec<&String> = variants.iter().map(|variant| &variant.value).collect();
        let allowed = json_list(&values);
        let reads: Vec<TokenStream> = variants.iter().map(|variant| self.read(variant.node, &quote!(at))).collect();
        let fallback = if answer {
            quote!(Ok(reader.unknown_tag(at, #origin, #tag, #allowed)?.map(#name::Unknown)))
        } else {
            quote!(reader.wrong_tag(at, #origin, #tag, #allowed))
        };
        let schema_id = self.schema_id(id);
        self.put(
            id,
            2,
            quote!(
                #message_head {
                    const SCHEMA: &'static str = #schema_id;

                    fn read(reader: &mut wire::Reader<'a>, at: &wire::Path<'_>) -> wire::Read<Self> {
                        let Some(tag) = reader.tag(at, #origin, #tag)? else { return Ok(None) };
                        match &*tag {
                            #(#values => Ok(#reads?.map(#name::#idents)),)*
                            _ => #fallback,
                        }
                    }
                }
            ),
        );
    }

    fn by_type(&mut self, id: NodeId, name: &Ident, kinds: &[(Type, NodeId)]) {
        let docs = self.docs(id);
        let (parameters, _) = self.generics(id);
        let idents: Vec<Ident> = kinds.iter().map(|(kind, _)| variant_of(*kind)).collect();
        let types: Vec<TokenStream> = kinds
            .iter()
            .map(|(kind, node)| {
                if *kind == Type::Null {
                    quote!()
                } else {
                    let inner = self.type_of(*node);
                    quote!((#inner))
                }
            })
            .collect();
        let item_docs = kinds.iter().map(|(kind, _)| format!(" As JSON {}.", kind.name()));
        self.put(
            id,
            0,
            quote!(
                #docs
                #[derive(Debug, Clone, PartialEq)]
                pub enum #name #parameters {
                    #(#[doc = #item_docs] #idents #types,)*
                }
            ),
        );
        let (value_head, message_head) = self.heads(id, name);
        let writes = kinds.iter().zip(&idents).map(|((kind, _), ident)| match kind {
            Type::Null => quote!(#name::#ident => writer.null()),
            _ => quote!(#name::#ident(value) => value.write(writer)),
        });
        self.put(
            id,
            1,
            quote!(
                #value_head {
                    fn write(&self, writer: &mut wire::Writer) {
                        match self {
                            #(#writes,)*
                        }
                    }
                }
            ),
        );
        let mut arms = Vec::new();
        for ((kind, node), ident) in kinds.iter().zip(&idents) {
            let token = kind_of(*kind);
            arms.push(if *kind == Type::Null {
                quote!(wire::Kind::#token => reader.null_token().map(|()| Some(#name::#ident)))
            } else {
                let read = self.read(*node, &quote!(at));
                quote!(wire::Kind::#token => Ok(#read?.map(#name::#ident)))
            });
        }
        let expected = kinds.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>().join(" or ");
        let origin = self.schema(id).origin.clone();
        let schema_id = self.schema_id(id);
        let rest = (kinds.len() < 6).then(|| quote!(_ => reader.wrong_type(at, #origin, #expected).map(|()| None),));
        let read = quote!(
            match reader.kind()? {
                #(#arms,)*
                #rest
            }
        );
        let read = self.and_again(id, read);
        self.put(
            id,
            2,
            quote!(
                #message_head {
                    const SCHEMA: &'static str = #schema_id;

                    fn read(reader: &mut wire::Reader<'a>, at: &wire::Path<'_>) -> wire::Read<Self> {
                        #read
                    }
                }
            ),
        );
    }

    /// The reading of a named type, followed by the rules that its shape does not cover.
    fn and_again(&mut self, id: NodeId, read: TokenStream) -> TokenStream {
        if !self.plan.rescans(id) {
            return read;
        }
        let check = self.in_place(id, &quote!(at));
        quote!(
            let mark = reader.mark();
            let value: Option<Self> = { #read }?;
            #check
            Ok(value)
        )
    }

    fn choice(&mut self, id: NodeId, name: &Ident, choices: &[(String, String)]) {
        let docs = self.docs(id);
        let lists_unknown = choices.iter().any(|(_, variant)| variant == "Unknown");
        // An answer from the future may hold a value that nobody knows yet.
        let answer = self.plan.answers.contains(&id);
        let other = if lists_unknown { format_ident!("Other") } else { format_ident!("Unknown") };
        let values: Vec<&String> = choices.iter().map(|(value, _)| value).collect();
        let idents: Vec<Ident> = choices.iter().map(|(_, variant)| identifier(variant)).collect();
        let value_docs = values.iter().map(|value| format!(" `{value}`"));
        let unknown = answer.then(|| {
            quote!(
                /// A value of a newer version.
                #other(Box<str>),
            )
        });
        let copy = (!answer).then(|| quote!(Copy,));
        self.put(
            id,
            0,
            quote!(
                #docs
                #[derive(Debug, Clone, #copy PartialEq, Eq, Hash)]
                pub enum #name {
                    #(#[doc = #value_docs] #idents,)*
                    #unknown
                }
            ),
        );
        let unknown_text = answer.then(|| quote!(#name::#other(text) => text,));
        let find_unknown = answer.then(|| {
            quote!(
                fn unknown(text: std::borrow::Cow<'a, str>) -> Option<Self> {
                    Some(#name::#other(text.into_owned().into_boxed_str()))
                }
            )
        });
        let allowed = json_list(&values);
        let origin = self.schema(id).origin.clone();
        let schema_id = self.schema_id(id);
        let read = self.and_again(id, quote!(reader.choice(at, #origin)));
        self.put(
            id,
            1,
            quote!(
                impl #name {
                    /// The spelling of the contract.
                    pub fn as_str(&self) -> &str {
                        match self {
                            #(#name::#idents => #values,)*
                            #unknown_text
                        }
                    }
                }

                impl wire::Value for #name {
                    fn write(&self, writer: &mut wire::Writer) {
                        writer.text(self.as_str());
                    }
                }
            ),
        );
        self.put(
            id,
            2,
            quote!(
                impl<'a> wire::Choice<'a> for #name {
                    const ALLOWED: &'static str = #allowed;

                    fn find(text: &str) -> Option<Self> {
                        match text {
                            #(#values => Some(#name::#idents),)*
                            _ => None,
                        }
                    }

                    #find_unknown
                }

                impl<'a> wire::Message<'a> for #name {
                    const SCHEMA: &'static str = #schema_id;

                    fn read(reader: &mut wire::Reader<'a>, at: &wire::Path<'_>) -> wire::Read<Self> {
                        #read
                    }
                }
            ),
        );
    }
}

/// The local that holds a member until the record is complete. Locals of the reader itself keep their names.
pub(super) fn slot(index: usize, field: &Field) -> Ident {
    match field.rust.as_str() {
        // What has no field of its own may have any name, even that of another member's field.
        _ if field.constant.is_some() || field.node.is_none() => format_ident!("member_{index}"),
        "reader" | "at" | "members" | "mark" | "value" | "condition" | "tag" => format_ident!("{}_", field.rust),
        other => identifier(other),
    }
}

pub(super) fn bound(max: Option<u64>) -> TokenStream {
    match max {
        Some(max) => {
            let max = number(max as usize);
            quote!(#max)
        }
        None => quote!(usize::MAX),
    }
}

/// The statements that write the members of a record, in the order of their names.
fn write_members(fields: &[Field]) -> Vec<TokenStream> {
    let mut sorted: Vec<&Field> = fields.iter().filter(|field| field.node.is_some()).collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    sorted
        .into_iter()
        .map(|field| {
            let (name, ident) = (&field.name, identifier(&field.rust));
            match (&field.constant, field.credential, field.required) {
                (Some(json), _, _) => match constant_text(json) {
                    Some(text) => quote!(object.put(#name, #text);),
                    None => quote!(object.put(#name, &wire::Verbatim(#json));),
                },
                (None, true, true) => quote!(object.credential(#name, Some(&self.#ident));),
                (None, true, false) => quote!(object.credential(#name, self.#ident.as_ref());),
                (None, false, true) => quote!(object.put(#name, &self.#ident);),
                (None, false, false) => quote!(object.put_if(#name, &self.#ident);),
            }
        })
        .collect()
}

/// The string that a constant in canonical JSON is, if it is one.
fn constant_text(json: &str) -> Option<String> {
    crate::json::parse(json).ok()?.as_str().map(str::to_owned)
}

fn variant_of(kind: Type) -> Ident {
    match kind {
        Type::String => format_ident!("Text"),
        other => identifier(&crate::name::pascal(other.name())),
    }
}

/// The variant of the runtime's `Kind` for a JSON type.
pub(super) fn kind_of(kind: Type) -> Ident {
    match kind {
        Type::String => format_ident!("Text"),
        Type::Integer | Type::Number => format_ident!("Number"),
        other => identifier(&crate::name::pascal(other.name())),
    }
}
