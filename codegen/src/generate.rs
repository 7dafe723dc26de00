//! All stages in a row: from a folder of schemas to the files of a crate.

use crate::diagnostic::Diagnostic;
use crate::load::Sources;
use crate::model::Model;
use crate::plan::Plan;
use crate::resolve::Registry;
use crate::{emit, normalize, openapi};

/// What was generated.
pub struct Generated {
    /// Files of the crate, by path below its `src` folder.
    pub code: Vec<(String, String)>,
    /// The plan as a table for people: class, shape and place of every schema.
    pub report: String,
}

/// Generates everything from the sources.
///
/// # Errors
/// Everything that cannot become code that is right, each with its place.
pub fn generate(sources: &Sources) -> Result<Generated, Vec<Diagnostic>> {
    let registry = Registry::new(sources)?;
    let apis = openapi::read(sources, &registry)?;
    let mut model = Model::new(&registry);
    normalize::merge_all_of(&mut model);
    let plan = Plan::new(&registry, model, &apis)?;
    let code = emit::emit(&registry, &plan, &apis)?;
    Ok(Generated { code, report: plan.report() })
}
