//! What we ask of our own schemas beyond what generates: every personal member is known, and nothing is read twice.

use crate::diagnostic::Diagnostic;
use crate::model::NodeId;
use crate::plan::{Class, Plan, Shape, beginning};
use crate::resolve::Registry;

/// Checks the plan of our own tree.
pub fn lint(registry: &Registry<'_>, plan: &Plan) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for (id, shape) in &plan.shapes {
        if plan.class(*id) == Class::Rescan {
            let message = "this schema has rules that are checked by reading its bytes again";
            let help = "tell the branches of a union apart by a constant member or their JSON type, and test only members in `if`";
            faults.push(fault(registry, plan, *id, message).with_help(help));
        }
        let Shape::Record(fields) = shape else { continue };
        if plan.parameters.values().any(|parameters| parameters == id) {
            continue;
        }
        for field in fields {
            let Some(node) = field.node else { continue };
            if holds_scalars(plan, node) && plan.privacy(node).is_none() {
                let message = format!("nobody said whether `{}` is personal", field.name);
                let help = "add `x-privacy`: none, contact, identity, financial or free-text";
                faults.push(fault(registry, plan, node, &message).with_keyword("x-privacy").with_help(help));
            }
        }
    }
    faults
}

/// Whether a member holds content itself, not only members of its own that say what they hold.
fn holds_scalars(plan: &Plan, id: NodeId) -> bool {
    match plan.shape(id) {
        Shape::Record(_) | Shape::Tagged { .. } => false,
        Shape::Array(item) | Shape::Map(item) | Shape::Nullable(item) => holds_scalars(plan, *item),
        Shape::ByType(kinds) => kinds.iter().any(|(_, node)| holds_scalars(plan, *node)),
        _ => true,
    }
}

fn fault(registry: &Registry<'_>, plan: &Plan, id: NodeId, message: &str) -> Diagnostic {
    let location = &plan.model.schema(id).location;
    let document = registry.document(location);
    let span = document.root.at_pointer(&location.pointer).map_or(0..0, beginning);
    Diagnostic::error(document, span, &location.pointer, message)
}
