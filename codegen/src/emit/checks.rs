//! Rules beyond the shape of a value: what a record checks when it closes, and what is checked by reading again.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::types::{bound, kind_of, slot};
use super::{Emitter, json_list, number};
use crate::diagnostic::Diagnostic;
use crate::model::{Dynamic, NodeId, Schema, Type};
use crate::name::{identifier, screaming, stable_number};
use crate::plan::{Field, Shape, Test, ValueTest, canonical};

impl Emitter<'_> {
    /// Emits the table of a record's member names and returns its path.
    pub(super) fn names(&mut self, id: NodeId, fields: &[Field]) -> TokenStream {
        let place = self.place_name(id);
        let ident = identifier(&screaming(&place));
        let find = format_ident!("find_{place}");
        let origin = self.schema(id).origin.clone();
        let words = fields.len().div_ceil(64).max(1);
        let mut required = vec![0u64; words];
        for (index, _) in fields.iter().enumerate().filter(|(_, field)| field.required) {
            required[index / 64] |= 1 << (index % 64);
        }
        let required: Vec<_> = required.iter().map(|word| Literal::u64_unsuffixed(*word)).collect();
        let names: Vec<&String> = fields.iter().map(|field| &field.name).collect();
        let indices = (0..fields.len()).map(number);
        let words = number(words);
        self.put(
            id,
            4,
            quote!(
                static #ident: wire::Names<#words> =
                    wire::Names { schema: #origin, names: &[#(#names),*], find: #find, required: [#(#required),*] };

                fn #find(name: &str) -> Option<usize> {
                    match name {
                        #(#names => Some(#indices),)*
                        _ => None,
                    }
                }
            ),
        );
        quote!(#ident)
    }

    /// The expression that moves to the next member of a record.
    pub(super) fn next_member(&self, id: NodeId, names: &TokenStream) -> TokenStream {
        let object = &self.schema(id).object;
        if self.is_closed(id) {
            return quote!(reader.member_of_closed(&mut members, at, &#names)?);
        }
        if object.additional.is_some() || !object.patterns.is_empty() {
            // Members under other names are described too, and are checked when the record is read again.
            return quote!(reader.member_of_described(&mut members, &#names)?);
        }
        quote!(reader.member(&mut members, at, &#names)?)
    }

    /// Whether an object of this schema may hold nothing but the members it describes by name.
    pub(super) fn is_closed(&self, id: NodeId) -> bool {
        let object = &self.schema(id).object;
        object.patterns.is_empty() && object.additional.is_some_and(|node| self.schema(node).boolean == Some(false))
    }

    /// The arm for a member of a closed object that the schema names without describing it, in `required` for example.
    pub(super) fn unnamed_member(&self, id: NodeId, name: &str, index: &Literal) -> TokenStream {
        let origin = &self.schema(id).origin;
        quote!(#index => {
            let message = "is no member of this object";
            reader.violate(&at.member(#name), #origin, "additionalProperties", "unknown_member", message, None);
            reader.skip()?;
        })
    }

    /// What a record checks when it closes. `typed` says that the members were kept in slots.
    pub(super) fn closing(&mut self, id: NodeId, fields: &[Field], names: &TokenStream, typed: bool) -> TokenStream {
        let schema = self.schema(id).clone();
        let origin = &schema.origin;
        let index = |name: &String| fields.iter().position(|field| &field.name == name);
        let mut checks = vec![quote!(reader.require(&members, at, &#names);)];
        for (name, needs) in &schema.object.dependent_required {
            for need in needs {
                let (Some(has), Some(needed)) = (index(name), index(need)) else { continue };
                if fields[needed].required {
                    continue;
                }
                let (has, needed) = (number(has), number(needed));
                checks.push(quote!(
                    if members.has(#has) && !members.has(#needed) {
                        reader.missing(at, #origin, "dependentRequired", #need);
                    }
                ));
            }
        }
        if schema.object.min_properties.is_some() || schema.object.max_properties.is_some() {
            let min = number(schema.object.min_properties.unwrap_or(0) as usize);
            let max = bound(schema.object.max_properties);
            checks.push(quote!(reader.count_members(at, #origin, members.count(), #min, #max);));
        }
        if let Some(branches) = self.plan.any_required(id).filter(|branches| !branches.is_empty()) {
            let alternatives = branches.iter().map(|names| {
                let has: Vec<TokenStream> = names.iter().filter_map(index).map(has).collect();
                all(&has)
            });
            let code = schema.annotations.code.clone().unwrap_or_else(|| "any_of".to_owned());
            let mut listed: Vec<&String> = branches.iter().flatten().collect();
            listed.dedup();
            let limit = json_list(&listed);
            let message =
                format!("needs one of {}", listed.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "));
            checks.push(quote!(
                if !(#(#alternatives)||*) {
                    reader.violate(at, #origin, "anyOf", #code, #message, Some(#limit.into()));
                }
            ));
        }
        if schema.in_place.condition.is_some() {
            checks.push(self.condition(id, fields, typed));
        }
        if self.plan.rescans(id) {
            checks.push(self.in_place(id, &quote!(at)));
        }
        quote!(#(#checks)*)
    }

    /// `if`, `then` and `else`.
    fn condition(&mut self, id: NodeId, fields: &[Field], typed: bool) -> TokenStream {
        let schema = self.schema(id).clone();
        let Some(condition) = schema.in_place.condition else { return quote!() };
        let verdict = self.verdict(condition, &quote!(at));
        let decided = match self.plan.resolved_condition(id).filter(|_| typed) {
            None => verdict,
            Some(tests) => {
                let holds: Vec<TokenStream> = tests.iter().map(|test| self.test(fields, test)).collect();
                let holds = all(&holds);
                let unsure: Vec<TokenStream> = tests
                    .iter()
                    .filter_map(|test| match test {
                        Test::Present(_) => None,
                        Test::Value(index, _) => {
                            let slot = slot(*index, &fields[*index]);
                            let has = has(*index);
                            Some(quote!(#has && #slot.is_none()))
                        }
                    })
                    .collect();
                if unsure.is_empty() {
                    holds
                } else {
                    // A member that broke a rule of its own left no value: only then are the bytes read again.
                    quote!(if #(#unsure)||* { #verdict } else { #holds })
                }
            }
        };
        let branch = |emitter: &mut Self, node: Option<NodeId>| {
            node.map(|node| match emitter.plan.only_requires(node) {
                Some(names) => {
                    let origin = emitter.schema(emitter.plan.model.target(node)).origin.clone();
                    let missing = names.iter().filter_map(|name| {
                        let index = fields.iter().position(|field| &field.name == name)?;
                        let has = has(index);
                        (!fields[index].required).then(|| {
                            quote!(
                                if !#has {
                                    reader.missing(at, #origin, "required", #name);
                                }
                            )
                        })
                    });
                    quote!(#(#missing)*)
                }
                None => emitter.again(node, &quote!(at)),
            })
        };
        let then = branch(self, schema.in_place.then).unwrap_or_default();
        match branch(self, schema.in_place.otherwise) {
            Some(otherwise) => quote!(let condition = #decided; if condition { #then } else { #otherwise }),
            None => quote!(let condition = #decided; if condition { #then }),
        }
    }

    fn test(&self, fields: &[Field], test: &Test) -> TokenStream {
        match test {
            Test::Present(index) => has(*index),
            Test::Value(index, test) => {
                let field = &fields[*index];
                let slot = slot(*index, field);
                let exposed = field.personal.then(|| quote!(.expose()));
                let holds = match test {
                    ValueTest::OneOf(texts) => quote!(matches!(value #exposed .as_str(), #(#texts)|*)),
                    ValueTest::Variants(tags) => {
                        let node = field.node.map(|node| self.plan.model.target(node));
                        let Some((Shape::Tagged { variants, .. }, Some(path))) =
                            node.map(|node| (self.plan.shape(node), self.type_path(node)))
                        else {
                            return quote!(false);
                        };
                        let named = variants.iter().filter(|variant| tags.contains(&variant.value));
                        let named: Vec<Ident> = named.map(|variant| identifier(&variant.rust)).collect();
                        quote!(matches!(value #exposed, #(#path::#named(_))|*))
                    }
                };
                let mut kind = field.node.map_or_else(|| quote!(_), |node| self.type_of(node));
                if field.boxed {
                    kind = quote!(Box<#kind>);
                }
                if field.personal {
                    kind = quote!(wire::Personal<#kind>);
                }
                // Where the type is read is not yet known here, so it is said.
                quote!(#slot.as_ref().is_none_or(|value: &#kind| #holds))
            }
        }
    }

    // ---- reading again

    /// The statement that checks the value at `mark` against a schema and records what it finds.
    fn again(&mut self, id: NodeId, at: &TokenStream) -> TokenStream {
        let check = self.check(id);
        quote!(reader.again(mark, |reader| #check(reader, #at))?;)
    }

    /// The expression that tells whether the value at `mark` obeys a schema.
    pub(super) fn verdict(&mut self, id: NodeId, at: &TokenStream) -> TokenStream {
        let target = self.plan.model.target(id);
        let check = self.check(target);
        let number = stable_number(&self.schema(target).origin);
        quote!(reader.verdict(mark, #number, |reader| #check(reader, #at))?)
    }

    /// The rules of a schema that its shape does not cover, as statements after the value was read from `mark` on.
    pub(super) fn in_place(&mut self, id: NodeId, at: &TokenStream) -> TokenStream {
        self.in_place_of(id, at, true)
    }

    /// The same; where the schema has no `shaped` type, nothing of what applies in place was checked before.
    fn in_place_of(&mut self, id: NodeId, at: &TokenStream, shaped: bool) -> TokenStream {
        let schema = self.schema(id).clone();
        let origin = &schema.origin;
        let shape = self.plan.shape(id).clone();
        let planned = shaped && self.plan.shapes.contains_key(&id);
        let mut checks = Vec::new();
        if planned
            && shape == Shape::Any
            && (!schema.asserts_nothing() || schema.boolean == Some(false) || schema.scope.is_some())
        {
            // Nothing of it was checked yet; its own check does all the rest as well.
            return self.again(id, at);
        }
        let code = |fallback: &str| schema.annotations.code.clone().unwrap_or_else(|| fallback.to_owned());
        if let Some((keyword, values)) = &schema.constants
            && (!planned || self.plan.checks_constants(id))
        {
            let values: Vec<String> = values.iter().filter_map(canonical).collect();
            checks.push(quote!(
                reader.again(mark, |reader| reader.constants(#at, #origin, #keyword, &[#(#values),*]).map(drop))?;
            ));
        }
        if self.plan.walks_members(id) {
            checks.push(self.walk_members(id, at));
        }
        if self.plan.walks_items(id) {
            checks.push(self.walk_items(id, at));
        }
        for part in &schema.in_place.all_of {
            checks.push(self.again(*part, at));
        }
        let union = planned && self.plan.is_union(id);
        let resolved = planned && self.plan.any_required(id).is_some();
        if !(schema.in_place.any_of.is_empty() || union || resolved) {
            let verdicts: Vec<TokenStream> =
                schema.in_place.any_of.iter().map(|branch| self.verdict(*branch, at)).collect();
            let code = code("any_of");
            checks.push(quote!(
                if !(#(#verdicts)||*) {
                    reader.violate(#at, #origin, "anyOf", #code, "must match one of the alternatives", None);
                }
            ));
        }
        if !schema.in_place.one_of.is_empty() && !union {
            let verdicts: Vec<TokenStream> =
                schema.in_place.one_of.iter().map(|branch| self.verdict(*branch, at)).collect();
            let code = code("one_of");
            checks.push(quote!(
                if [#(#verdicts),*].into_iter().filter(|holds| *holds).count() != 1 {
                    reader.violate(#at, #origin, "oneOf", #code, "must match exactly one of the alternatives", None);
                }
            ));
        }
        if let Some(not) = schema.in_place.not {
            let verdict = self.verdict(not, at);
            let code = code("not");
            checks.push(quote!(
                if #verdict {
                    reader.violate(#at, #origin, "not", #code, "must not match what is excluded", None);
                }
            ));
        }
        if !(planned && matches!(shape, Shape::Record(_)))
            && let Some(condition) = schema.in_place.condition
        {
            let verdict = self.verdict(condition, at);
            let then = schema.in_place.then.map(|node| self.again(node, at));
            let otherwise = schema.in_place.otherwise.map(|node| self.again(node, at));
            checks.push(quote!(if #verdict { #then } else { #otherwise }));
        }
        if let Some(dynamic) = &schema.dynamic {
            checks.push(self.dispatch(dynamic, |emitter, node| emitter.again(node, at)));
        }
        checks.extend(self.unevaluated(id, at));
        quote!(#(#checks)*)
    }

    /// Statements for whichever schema a `$dynamicRef` means on the way to here.
    pub(super) fn dispatch(
        &mut self,
        dynamic: &Dynamic,
        mut emit: impl FnMut(&mut Self, NodeId) -> TokenStream,
    ) -> TokenStream {
        let resources = dynamic.anchors.iter().map(|(scope, _)| Literal::u32_unsuffixed(*scope));
        let indices = (0..dynamic.anchors.len()).map(number);
        let answers: Vec<TokenStream> = dynamic.anchors.iter().map(|(_, node)| emit(self, *node)).collect();
        let initial = emit(self, dynamic.initial);
        quote!(
            match reader.outermost(&[#(#resources),*]) {
                #(Some(#indices) => { #answers })*
                _ => { #initial }
            }
        )
    }

    /// Looks at every member again: by its name, by pattern, and whatever no name describes.
    fn walk_members(&mut self, id: NodeId, at: &TokenStream) -> TokenStream {
        let object = self.schema(id).object.clone();
        let origin = self.schema(id).origin.clone();
        let names: Vec<&String> = object.properties.iter().map(|(name, _)| name).collect();
        let by_name = object.names.map(|node| {
            let check = self.check(node);
            quote!(reader.again(object.name_at(), |reader| #check(reader, &place))?;)
        });
        let mut by_pattern = Vec::new();
        for (source, node) in &object.patterns {
            let pattern = self.pattern(id, source);
            let check = self.check(*node);
            by_pattern.push(quote!(
                static PATTERN: wire::Pattern = #pattern;
                if PATTERN.matches(&name) {
                    described = true;
                    reader.again(mark, |reader| #check(reader, &place))?;
                }
            ));
        }
        // A closed object refuses other members while it is read.
        let open = !self.is_closed(id);
        let additional = object.additional.filter(|node| open && self.schema(*node).boolean != Some(true)).map(|node| {
            let check = if self.schema(node).boolean == Some(false) {
                quote!(reader.violate(&place, #origin, "additionalProperties", "unknown_member", "is no member of this object", None);)
            } else {
                let check = self.check(node);
                quote!(reader.again(mark, |reader| #check(reader, &place))?;)
            };
            quote!(if !described { #check })
        });
        let known = if names.is_empty() { quote!(false) } else { quote!(matches!(&*name, #(#names)|*)) };
        let described = (!by_pattern.is_empty() || additional.is_some()).then(|| {
            quote!(
                #[allow(unused_mut)]
                let mut described = #known;
                #({ #by_pattern })*
                #additional
                let _ = described;
            )
        });
        let dependent: Vec<TokenStream> = object
            .dependent_schemas
            .iter()
            .map(|(name, node)| {
                let check = self.check(*node);
                quote!(#name => reader.again(whole, |reader| #check(reader, #at))?)
            })
            .collect();
        let dependent = (!dependent.is_empty()).then(|| {
            quote!(
                match &*name {
                    #(#dependent,)*
                    _ => {}
                }
            )
        });
        quote!(
            reader.again(mark, |reader| {
                if reader.kind()? != wire::Kind::Object {
                    return Ok(());
                }
                #[allow(unused_variables)]
                let whole = mark;
                let above = #at;
                let mut object = reader.open_object()?;
                while let Some(name) = reader.any_member(&mut object)? {
                    #[allow(unused_variables)]
                    let place = above.member(&name);
                    #[allow(unused_variables)]
                    let mark = reader.mark();
                    #by_name
                    #described
                    #dependent
                    reader.skip()?;
                }
                Ok(())
            })?;
        )
    }

    /// Looks at every item again: by its position, and whether `contains` counts it.
    fn walk_items(&mut self, id: NodeId, at: &TokenStream) -> TokenStream {
        let array = self.schema(id).array.clone();
        let origin = self.schema(id).origin.clone();
        let mut positions = Vec::new();
        for (index, node) in array.prefix.iter().enumerate() {
            let check = self.check(*node);
            let index = number(index);
            positions.push(quote!(#index => reader.again(mark, |reader| #check(reader, &place))?));
        }
        let rest = match array.items.filter(|_| !array.prefix.is_empty()) {
            Some(items) => {
                let check = self.check(items);
                quote!(_ => reader.again(mark, |reader| #check(reader, &place))?,)
            }
            None => quote!(_ => {}),
        };
        let positions = (!array.prefix.is_empty()).then(|| quote!(match index { #(#positions,)* #rest }));
        let contains = array.contains.map(|node| {
            let verdict = self.verdict(node, &quote!(&place));
            quote!(found += usize::from(#verdict);)
        });
        let (min, max) = (number(array.min_contains.unwrap_or(1) as usize), bound(array.max_contains));
        let out_of_bounds = match array.max_contains {
            Some(_) => quote!(found < #min || found > #max),
            None => quote!(found < #min),
        };
        let counted = array.contains.map(|_| quote!(
            if #out_of_bounds {
                reader.violate(#at, #origin, "contains", "contains", "must hold as many matching items as are asked for", None);
            }
        ));
        quote!(
            reader.again(mark, |reader| {
                if reader.kind()? != wire::Kind::Array {
                    return Ok(());
                }
                #[allow(unused_mut, unused_variables)]
                let mut found = 0usize;
                let above = #at;
                let mut items = reader.open_array()?;
                while let Some(index) = reader.item(&mut items)? {
                    let place = above.item(index);
                    let mark = reader.mark();
                    #positions
                    #contains
                    reader.skip()?;
                }
                #counted
                Ok(())
            })?;
        )
    }

    /// The function that checks a value against a schema without keeping it; emitted once beside its schema.
    pub(super) fn check(&mut self, id: NodeId) -> TokenStream {
        let id = self.plan.model.target(id);
        let ident = format_ident!("check_{}", self.place_name(id));
        let number = stable_number(&self.schema(id).origin);
        match self.checks.insert(number, id) {
            Some(other) if other == id => {}
            Some(other) => self.same_number(id, other),
            None => {
                let body = self.inside(id, |emitter| emitter.check_body(id));
                self.put(
                    id,
                    5,
                    quote!(
                        pub(crate) fn #ident<'a>(reader: &mut wire::Reader<'a>, at: &wire::Path<'_>) -> Result<(), wire::Stop> {
                            #body
                        }
                    ),
                );
            }
        }
        self.path(id, &ident)
    }

    fn same_number(&mut self, id: NodeId, other: NodeId) {
        let location = self.schema(id).location.clone();
        let document = self.registry.document(&location);
        let message = format!("this schema and {} get the same number", self.schema(other).origin);
        let fault = Diagnostic::error(document, 0..0, &location.pointer, message);
        self.faults.push(fault.with_help("rename a definition on the way to one of the two"));
    }

    fn check_body(&mut self, id: NodeId) -> TokenStream {
        let schema = self.schema(id).clone();
        let origin = &schema.origin;
        match schema.boolean {
            Some(true) => {
                return quote!({
                    let _ = at;
                    reader.skip()
                });
            }
            Some(false) => {
                return quote!(
                    reader.violate(at, #origin, "false", "false_schema", "nothing may stand here", None);
                    reader.skip()
                );
            }
            None => {}
        }
        if let Some(path) = self.type_path(id) {
            // A type of its own checks all of it; what it holds is dropped.
            let arguments = self.plan.is_generic(id).then(|| quote!(::<std::borrow::Cow<'a, str>>));
            return quote!(#path #arguments::read(reader, at).map(drop));
        }
        let mut arms = Vec::new();
        for kind in [Type::String, Type::Number, Type::Array, Type::Object] {
            let allowed = schema.allows(kind) || (kind == Type::Number && schema.types.contains(&Type::Integer));
            if !allowed {
                continue;
            }
            if let Some(read) = self.check_kind(id, kind) {
                let token = kind_of(kind);
                arms.push(quote!(wire::Kind::#token => #read));
            }
        }
        if !schema.types.is_empty() {
            let mut tokens: Vec<Ident> = schema.types.iter().map(|kind| kind_of(*kind)).collect();
            tokens.dedup();
            let expected = schema.types.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
            arms.push(quote!(#(wire::Kind::#tokens)|* => reader.skip()?));
            arms.push(quote!(_ => reader.wrong_type(at, #origin, #expected)?));
        } else {
            arms.push(quote!(_ => reader.skip()?));
        }
        let in_place = self.in_place_of(id, &quote!(at), false);
        let body = entering(
            &schema,
            &quote!(
                #[allow(unused_variables)]
                let mark = reader.mark();
                #[allow(unreachable_patterns)]
                match reader.kind()? { #(#arms,)* }
                #in_place
            ),
        );
        quote!(#body Ok(()))
    }

    /// The static of the rules that a schema has for values of one JSON type.
    fn rule_of_kind(&mut self, id: NodeId, kind: Type) -> TokenStream {
        let fits = match self.plan.shapes.get(&id) {
            Some(Shape::Text) => kind == Type::String,
            Some(Shape::Integer | Shape::Decimal) => kind == Type::Number,
            _ => false,
        };
        if fits {
            return self.rule(id);
        }
        let ident = identifier(&format!("{}_{}_RULE", screaming(&self.place_name(id)), kind.name().to_uppercase()));
        let (order, item) = match kind {
            Type::String => (6, self.text_rule(id, &ident)),
            _ => (7, self.number_rule(id, &ident)),
        };
        self.put(id, order, item);
        self.path(id, &ident)
    }

    fn check_kind(&mut self, id: NodeId, kind: Type) -> Option<TokenStream> {
        let schema = self.schema(id).clone();
        let origin = &schema.origin;
        match kind {
            Type::String => (schema.text != Default::default() || schema.rule.is_some()).then(|| {
                let rule = self.rule_of_kind(id, kind);
                quote!(reader.text(at, &#rule).map(drop)?)
            }),
            Type::Number => {
                let integer = schema.types.contains(&Type::Integer) && !schema.types.contains(&Type::Number);
                (integer || schema.number != Default::default()).then(|| {
                    let rule = self.rule_of_kind(id, kind);
                    quote!(reader.number(at, &#rule).map(drop)?)
                })
            }
            Type::Array => {
                let array = &schema.array;
                let plain = array.prefix.is_empty() && array.items.is_some();
                let counted = array.min_items.is_some() || array.max_items.is_some() || array.unique;
                (plain || counted).then(|| {
                    let item = array.items.filter(|_| plain).map_or_else(
                        || quote!(reader.skip().map(Some)),
                        |items| {
                            let check = self.check(items);
                            quote!(#check(reader, at).map(Some))
                        },
                    );
                    let (min, max) = (number(array.min_items.unwrap_or(0) as usize), bound(array.max_items));
                    let unique = array.unique;
                    quote!(reader.list(at, &wire::ListRule { schema: #origin, min_items: #min, max_items: #max, unique: #unique }, |reader, at| { let _ = at; #item }).map(drop)?)
                })
            }
            _ => self.check_object(id),
        }
    }

    fn check_object(&mut self, id: NodeId) -> Option<TokenStream> {
        let schema = self.schema(id).clone();
        let object = &schema.object;
        let closed = self.is_closed(id);
        let named = closed
            || !object.properties.is_empty()
            || !object.required.is_empty()
            || !object.dependent_required.is_empty()
            || object.min_properties.is_some()
            || object.max_properties.is_some();
        if !named {
            return None;
        }
        let mut fields: Vec<Field> = Vec::new();
        let mentioned = object.dependent_required.iter().flat_map(|(name, needs)| std::iter::once(name).chain(needs));
        let all = object.properties.iter().map(|(name, _)| name).chain(&object.required).chain(mentioned);
        for name in all {
            if fields.iter().any(|field| &field.name == name) {
                continue;
            }
            fields.push(Field {
                name: name.clone(),
                rust: String::new(),
                node: object.properties.iter().find(|(known, _)| known == name).map(|(_, node)| *node),
                required: object.required.contains(name),
                personal: false,
                credential: false,
                constant: None,
                boxed: false,
            });
        }
        let names = self.names(id, &fields);
        let mut arms = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let (wire, index) = (&field.name, number(index));
            if let Some(node) = field.node {
                let check = self.check(node);
                arms.push(quote!(#index => #check(reader, &at.member(#wire))?));
            } else if closed {
                arms.push(self.unnamed_member(id, wire, &index));
            }
        }
        let mut bare = quote!();
        let origin = &schema.origin;
        for (name, needs) in &object.dependent_required {
            for need in needs {
                let index = |name: &String| fields.iter().position(|field| &field.name == name);
                let (Some(has), Some(needed)) = (index(name), index(need)) else { continue };
                let (has, needed) = (number(has), number(needed));
                bare = quote!(
                    #bare
                    if members.has(#has) && !members.has(#needed) {
                        reader.missing(at, #origin, "dependentRequired", #need);
                    }
                );
            }
        }
        let (min, max) = (number(object.min_properties.unwrap_or(0) as usize), bound(object.max_properties));
        let next = if closed {
            quote!(reader.member_of_closed(&mut members, at, &#names)?)
        } else {
            quote!(reader.member_or_other(&mut members, &#names)?)
        };
        Some(quote!({
            let mut members = reader.open_members()?;
            loop {
                match #next {
                    wire::END => break,
                    #(#arms,)*
                    _ => reader.skip()?,
                }
            }
            reader.require(&members, at, &#names);
            #bare
            reader.count_members(at, #origin, members.count(), #min, #max);
        }))
    }
}

/// Statements about a value of a schema, with its resource entered where that may answer a `$dynamicRef`.
pub(super) fn entering(schema: &Schema, body: &TokenStream) -> TokenStream {
    let scope = schema.scope.map(Literal::u32_unsuffixed);
    let enter = scope.as_ref().map(|scope| quote!(let entered = reader.enter(#scope);));
    let leave = scope.map(|_| quote!(reader.leave(entered);));
    quote!(#enter #body #leave)
}

/// Whether the member at `index` was there.
fn has(index: usize) -> TokenStream {
    let index = number(index);
    quote!(members.has(#index))
}

/// All of these; true if there are none.
fn all(tests: &[TokenStream]) -> TokenStream {
    match tests {
        [] => quote!(true),
        [only] => only.clone(),
        several => quote!(#(#several)&&*),
    }
}
