//! Reads OpenAPI 3.1 files into operations.

use crate::json::{Node, Value, escape_token};

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
            let named = pointer
                .strip_prefix("/components/")
                .is_some_and(|kind| !kind.contains('/'));
            for member in members {
                let place = format!("{pointer}/{}", escape_token(&member.key));
                let is_schema = if named {
                    pointer == "/components/schemas"
                } else {
                    member.key == "schema"
                };
                if is_schema {
                    places.push(place);
                } else if named
                    || !(member.key.starts_with("x-")
                        || matches!(member.key.as_str(), "example" | "examples" | "default"))
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
