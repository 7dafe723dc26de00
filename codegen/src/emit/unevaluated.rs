//! `unevaluatedProperties` and `unevaluatedItems`: what no other schema has looked at is checked last.
//!
//! For each schema that may take part there is a function that marks what it looks at in a value it accepts.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::checks::entering;
use super::{Emitter, number};
use crate::model::{NodeId, Schema};

impl Emitter<'_> {
    /// The checks of what is left over when everything else of a schema has looked at the value at `mark`.
    pub(super) fn unevaluated(&mut self, id: NodeId, at: &TokenStream) -> Vec<TokenStream> {
        let schema = self.schema(id).clone();
        let members = schema.object.unevaluated.filter(|node| self.schema(*node).boolean != Some(true));
        let items = schema.array.unevaluated.filter(|node| self.schema(*node).boolean != Some(true));
        let mut checks = Vec::new();
        if let Some(node) = members {
            let seen = self.seen(id);
            let check = self.left_over(node, &schema, "unevaluatedProperties", "is no member of this object");
            checks.push(quote!(
                reader.look(mark, wire::Kind::Object, |reader| {
                    let mut seen = wire::Seen::default();
                    #seen(reader, #at, mark, &mut seen)?;
                    let above = #at;
                    let mut object = reader.open_object()?;
                    let mut index = 0;
                    while let Some(name) = reader.any_member(&mut object)? {
                        if !seen.has(index) {
                            let place = above.member(&name);
                            let mark = reader.mark();
                            #check
                        }
                        index += 1;
                        reader.skip()?;
                    }
                    Ok(())
                })?;
            ));
        }
        if let Some(node) = items {
            let seen = self.seen(id);
            let check = self.left_over(node, &schema, "unevaluatedItems", "is no item of this array");
            checks.push(quote!(
                reader.look(mark, wire::Kind::Array, |reader| {
                    let mut seen = wire::Seen::default();
                    #seen(reader, #at, mark, &mut seen)?;
                    let above = #at;
                    let mut items = reader.open_array()?;
                    while let Some(index) = reader.item(&mut items)? {
                        if !seen.has(index) {
                            let place = above.item(index);
                            let mark = reader.mark();
                            #check
                        }
                        reader.skip()?;
                    }
                    Ok(())
                })?;
            ));
        }
        checks
    }

    fn left_over(&mut self, node: NodeId, holder: &Schema, keyword: &str, message: &str) -> TokenStream {
        if self.schema(node).boolean == Some(false) {
            let origin = &holder.origin;
            return quote!(
                let _ = mark;
                reader.violate(&place, #origin, #keyword, "unknown_member", #message, None);
            );
        }
        let check = self.check(node);
        quote!(reader.again(mark, |reader| #check(reader, &place))?;)
    }

    /// The function that marks what a schema, apart from its own `unevaluated` keywords, looks at in the value at `mark`;
    /// emitted once beside its schema.
    fn seen(&mut self, id: NodeId) -> TokenStream {
        let id = self.plan.model.target(id);
        let ident = format_ident!("seen_{}", self.place_name(id));
        if self.seen.insert(id) {
            let body = self.inside(id, |emitter| emitter.seen_body(id));
            self.put(
                id,
                8,
                quote!(
                    #[allow(unused_variables)]
                    pub(crate) fn #ident<'a>(
                        reader: &mut wire::Reader<'a>,
                        at: &wire::Path<'_>,
                        mark: usize,
                        seen: &mut wire::Seen,
                    ) -> Result<(), wire::Stop> {
                        #body
                        Ok(())
                    }
                ),
            );
        }
        self.path(id, &ident)
    }

    /// The statements that mark what another schema looks at in the same value.
    fn seen_by(&mut self, id: NodeId) -> TokenStream {
        let id = self.plan.model.target(id);
        let schema = self.schema(id).clone();
        if schema.boolean.is_some() {
            return quote!();
        }
        let seen = self.seen(id);
        // Its own leftovers are looked at too.
        let members = schema.object.unevaluated.map(|_| mark_all(&quote!(Object)));
        let items = schema.array.unevaluated.map(|_| mark_all(&quote!(Array)));
        quote!(#seen(reader, at, mark, seen)?; #members #items)
    }

    fn seen_body(&mut self, id: NodeId) -> TokenStream {
        let schema = self.schema(id).clone();
        let mut parts = vec![self.seen_members(&schema, id), self.seen_items(&schema)];
        let in_place = &schema.in_place;
        for part in schema.reference.iter().chain(&in_place.all_of) {
            parts.push(self.seen_by(*part));
        }
        for branch in in_place.any_of.iter().chain(&in_place.one_of) {
            let verdict = self.verdict(*branch, &quote!(at));
            let seen = self.seen_by(*branch);
            parts.push(quote!(if #verdict { #seen }));
        }
        if let Some(condition) = in_place.condition {
            let verdict = self.verdict(condition, &quote!(at));
            let mut seen = |node: Option<NodeId>| node.map(|node| self.seen_by(node));
            let (condition, then, otherwise) = (seen(Some(condition)), seen(in_place.then), seen(in_place.otherwise));
            parts.push(quote!(if #verdict { #condition #then } else { #otherwise }));
        }
        if let Some(dynamic) = &schema.dynamic {
            parts.push(self.dispatch(dynamic, Self::seen_by));
        }
        entering(&schema, &quote!(#(#parts)*))
    }

    fn seen_members(&mut self, schema: &Schema, id: NodeId) -> TokenStream {
        let object = &schema.object;
        if object.additional.is_some() {
            return mark_all(&quote!(Object));
        }
        if object.properties.is_empty() && object.patterns.is_empty() && object.dependent_schemas.is_empty() {
            return quote!();
        }
        let names: Vec<&String> = object.properties.iter().map(|(name, _)| name).collect();
        let known = (!names.is_empty()).then(|| {
            quote!(if matches!(&*name, #(#names)|*) {
                seen.mark(index);
            })
        });
        let mut by_pattern = Vec::new();
        for (source, _) in &object.patterns {
            let pattern = self.pattern(id, source);
            by_pattern.push(quote!({
                static PATTERN: wire::Pattern = #pattern;
                if PATTERN.matches(&name) {
                    seen.mark(index);
                }
            }));
        }
        let mut dependent = Vec::new();
        for (name, node) in &object.dependent_schemas {
            let by = self.seen_by(*node);
            dependent.push(quote!(if &*name == #name { #by }));
        }
        quote!(
            reader.look(mark, wire::Kind::Object, |reader| {
                let mut object = reader.open_object()?;
                let mut index = 0;
                while let Some(name) = reader.any_member(&mut object)? {
                    #known
                    #(#by_pattern)*
                    #(#dependent)*
                    index += 1;
                    reader.skip()?;
                }
                Ok(())
            })?;
        )
    }

    fn seen_items(&mut self, schema: &Schema) -> TokenStream {
        let array = &schema.array;
        if array.items.is_some() {
            return mark_all(&quote!(Array));
        }
        let contains = array.contains.filter(|_| array.contains_evaluates);
        if array.prefix.is_empty() && contains.is_none() {
            return quote!();
        }
        let prefix = number(array.prefix.len());
        let by_position = (!array.prefix.is_empty()).then(|| quote!(if index < #prefix { seen.mark(index); }));
        let contained = contains.map(|node| {
            let verdict = self.verdict(node, &quote!(&place));
            quote!(if #verdict { seen.mark(index); })
        });
        quote!(
            reader.look(mark, wire::Kind::Array, |reader| {
                let above = at;
                let mut items = reader.open_array()?;
                while let Some(index) = reader.item(&mut items)? {
                    let place = above.item(index);
                    let mark = reader.mark();
                    #by_position
                    #contained
                    reader.skip()?;
                }
                Ok(())
            })?;
        )
    }
}

fn mark_all(kind: &TokenStream) -> TokenStream {
    quote!(
        reader.look(mark, wire::Kind::#kind, |_| {
            seen.mark_all();
            Ok(())
        })?;
    )
}
