//! Rewrites of the model that keep what it accepts: parts that assert different things are merged into one schema, so that
//! they are checked while reading instead of afterwards.

use crate::model::{ArrayRules, InPlace, Model, NodeId, NumberRules, ObjectRules, Schema};

/// Merges `allOf`, and references with assertions beside them, wherever no two parts assert the same keyword. What cannot
/// be merged stays in `allOf`, where it is checked by reading again.
pub fn merge_all_of(model: &mut Model) {
    let mut done = vec![false; model.nodes.len()];
    for index in 0..done.len() {
        merge(model, NodeId(index), &mut done);
    }
}

fn merge(model: &mut Model, id: NodeId, done: &mut [bool]) {
    // A schema that meets itself on the way stays as it is: the part that closes the circle is not merged.
    if std::mem::replace(&mut done[id.0], true) {
        return;
    }
    let mut merged = model.schema(id).clone();
    if merged.only_refers() {
        return;
    }
    let mut parts: Vec<NodeId> = merged.reference.take().into_iter().collect();
    parts.append(&mut merged.in_place.all_of);
    for part in parts {
        let part = model.target(part);
        merge(model, part, done);
        // Whether a member is personal or a credential does not depend on whether its rules merge.
        let marks = &model.schema(part).annotations;
        let own = &mut merged.annotations;
        own.privacy = own.privacy.take().or_else(|| marks.privacy.clone());
        own.credential |= marks.credential;
        if !absorb(&mut merged, model.schema(part)) {
            merged.in_place.all_of.push(part);
        }
    }
    model.nodes[id.0] = merged;
}

/// Adds the assertions of `part`; false, and nothing done, if some keyword is asserted by both.
fn absorb(into: &mut Schema, part: &Schema) -> bool {
    if part.boolean == Some(true) {
        return true;
    }
    let mut merged = into.clone();
    let Schema { types, constants, number, text, rule, array, object, in_place, .. } = part.clone();
    let done = part.boolean.is_none()
        && part.reference.is_none()
        && part.dynamic.is_none()
        // Members of a scope are entered by name, and what a part left unevaluated is for that part to say.
        && part.scope.is_none()
        && into.scope.is_none()
        && part.array.unevaluated.is_none()
        && part.object.unevaluated.is_none()
        && intersect(&mut merged, types)
        && take(&mut merged.constants, constants)
        && take(&mut merged.rule, rule)
        && numbers(&mut merged.number, number)
        && take(&mut merged.text.min_length, text.min_length)
        && take(&mut merged.text.max_length, text.max_length)
        && take(&mut merged.text.format, text.format)
        && patterns(&mut merged.text.patterns, text.patterns)
        && arrays(&mut merged.array, array)
        && objects(&mut merged.object, object)
        && applied(&mut merged.in_place, in_place);
    if done {
        let (own, parts) = (&mut merged.annotations, &part.annotations);
        own.description = own.description.take().or_else(|| parts.description.clone());
        own.code = own.code.take().or_else(|| parts.code.clone());
        *into = merged;
    }
    done
}

fn take<T>(into: &mut Option<T>, from: Option<T>) -> bool {
    match from {
        None => true,
        Some(_) if into.is_some() => false,
        some => {
            *into = some;
            true
        }
    }
}

/// Types are narrowed; a combination that leaves none, or that mixes `integer` and `number`, is left alone.
fn intersect(into: &mut Schema, types: Vec<crate::model::Type>) -> bool {
    if types.is_empty() || into.types == types {
        return true;
    }
    if into.types.is_empty() {
        into.types = types;
        return true;
    }
    let common: Vec<_> = into.types.iter().copied().filter(|kind| types.contains(kind)).collect();
    if common.is_empty() || common.len() != into.types.len().min(types.len()) {
        return false;
    }
    into.types = common;
    true
}

fn patterns(into: &mut Vec<String>, mut from: Vec<String>) -> bool {
    into.append(&mut from);
    true
}

fn numbers(into: &mut NumberRules, from: NumberRules) -> bool {
    take(&mut into.minimum, from.minimum)
        && take(&mut into.maximum, from.maximum)
        && take(&mut into.exclusive_minimum, from.exclusive_minimum)
        && take(&mut into.exclusive_maximum, from.exclusive_maximum)
        && take(&mut into.multiple_of, from.multiple_of)
}

/// `items` depends on its neighbour `prefixItems`, and `contains` on its bounds: only one side may have any of them.
fn arrays(into: &mut ArrayRules, from: ArrayRules) -> bool {
    if from == ArrayRules::default() {
        return true;
    }
    if *into == ArrayRules::default() {
        *into = from;
        return true;
    }
    false
}

/// `additionalProperties` depends on its neighbours: where one side has it, the other may not name members.
fn objects(into: &mut ObjectRules, from: ObjectRules) -> bool {
    let names = |object: &ObjectRules| !object.properties.is_empty() || !object.patterns.is_empty();
    if (into.additional.is_some() && names(&from)) || (from.additional.is_some() && names(into)) {
        return false;
    }
    let twice = |name: &String| into.properties.iter().any(|(own, _)| own == name);
    if from.properties.iter().any(|(name, _)| twice(name)) {
        return false;
    }
    if !(take(&mut into.additional, from.additional)
        && take(&mut into.names, from.names)
        && take(&mut into.min_properties, from.min_properties)
        && take(&mut into.max_properties, from.max_properties))
    {
        return false;
    }
    into.properties.extend(from.properties);
    for name in from.required {
        if !into.required.contains(&name) {
            into.required.push(name);
        }
    }
    into.dependent_required.extend(from.dependent_required);
    into.dependent_schemas.extend(from.dependent_schemas);
    into.patterns.extend(from.patterns);
    true
}

fn applied(into: &mut InPlace, from: InPlace) -> bool {
    let lists = [(&mut into.any_of, from.any_of), (&mut into.one_of, from.one_of)];
    for (own, parts) in lists {
        if !parts.is_empty() {
            if !own.is_empty() {
                return false;
            }
            *own = parts;
        }
    }
    into.all_of.extend(from.all_of);
    if !take(&mut into.not, from.not) {
        return false;
    }
    // `then` and `else` belong to their `if`: the three move together.
    match (into.condition, from.condition) {
        (_, None) => true,
        (Some(_), Some(_)) => false,
        (None, Some(_)) => {
            (into.condition, into.then, into.otherwise) = (from.condition, from.then, from.otherwise);
            true
        }
    }
}
