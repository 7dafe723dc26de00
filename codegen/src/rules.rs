//! The rules of a plan, one by one: what a violation can name. Tests compare them with the examples that break them.

use crate::model::NodeId;
use crate::plan::{Plan, Shape};

/// One rule of one schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// Where the schema stands, as violations say it.
    pub schema: String,
    /// The keyword.
    pub keyword: &'static str,
    /// What tells rules of the same keyword apart: the member that is required, the source of a pattern.
    pub detail: String,
}

/// Every rule of every schema that has a shape, but for `type`, sorted.
pub fn rules(plan: &Plan) -> Vec<Rule> {
    let mut rules = Vec::new();
    for id in plan.shapes.keys() {
        of_schema(plan, *id, &mut rules);
    }
    rules.sort();
    rules.dedup();
    rules
}

fn of_schema(plan: &Plan, id: NodeId, rules: &mut Vec<Rule>) {
    let schema = plan.model.schema(id);
    let mut add = |keyword: &'static str, detail: &str| {
        rules.push(Rule { schema: schema.origin.clone(), keyword, detail: detail.to_owned() });
    };
    let shape = plan.shape(id);
    let (number, text, array, object) = (&schema.number, &schema.text, &schema.array, &schema.object);
    for (keyword, is_there) in [
        ("minimum", number.minimum.is_some()),
        ("maximum", number.maximum.is_some()),
        ("exclusiveMinimum", number.exclusive_minimum.is_some()),
        ("exclusiveMaximum", number.exclusive_maximum.is_some()),
        ("multipleOf", number.multiple_of.is_some()),
        ("minLength", text.min_length.is_some_and(|min| min > 0)),
        ("maxLength", text.max_length.is_some()),
        ("format", text.format.is_some()),
        ("x-rule", schema.rule.is_some()),
        ("minItems", array.min_items.is_some_and(|min| min > 0)),
        ("maxItems", array.max_items.is_some()),
        ("uniqueItems", array.unique),
        ("contains", array.contains.is_some()),
        ("minProperties", object.min_properties.is_some_and(|min| min > 0)),
        ("maxProperties", object.max_properties.is_some()),
        ("not", schema.in_place.not.is_some()),
    ] {
        if is_there {
            add(keyword, "");
        }
    }
    for pattern in &text.patterns {
        add("pattern", pattern);
    }
    if let Some((keyword, _)) = schema.constants {
        add(keyword, "");
    }
    for name in &object.required {
        add("required", name);
    }
    for (_, needs) in &object.dependent_required {
        needs.iter().for_each(|need| add("dependentRequired", need));
    }
    match shape {
        Shape::Tagged { tag, .. } => {
            add("required", tag);
            add("enum", "");
        }
        Shape::ByType(_) | Shape::Nullable(_) => {}
        _ => {
            if !schema.in_place.any_of.is_empty() {
                add("anyOf", "");
            }
            if !schema.in_place.one_of.is_empty() {
                add("oneOf", "");
            }
        }
    }
    for branch in [schema.in_place.then, schema.in_place.otherwise].into_iter().flatten() {
        let branch = plan.model.target(branch);
        for name in plan.only_requires(branch).unwrap_or_default() {
            let schema = plan.model.schema(branch).origin.clone();
            rules.push(Rule { schema, keyword: "required", detail: name });
        }
    }
}
