//! All stages in a row: from a folder of schemas to the files of a crate.

use std::collections::BTreeMap;

use crate::diagnostic::{self, Diagnostic};
use crate::load::{LoadOptions, Sources};
use crate::lock::Lock;
use crate::model::Model;
use crate::openapi::Api;
use crate::plan::{Class, Plan};
use crate::resolve::Registry;
use crate::{emit, lint, normalize, openapi, publish, vocabulary};

/// What was generated.
pub struct Generated {
    /// Files of the crate, by path below its `src` folder.
    pub code: Vec<(String, String)>,
    /// The published documents, by path below their folder.
    pub documents: Vec<(String, String)>,
    /// The names of the types, by the place of their schemas.
    pub names: Lock,
    /// What is worth knowing although it stops nothing.
    pub notes: Vec<Diagnostic>,
    /// The plan as a table for people: class, shape and place of every schema.
    pub report: String,
    /// By the path of each schema file: the type that reads it, and the class of its most expensive rule.
    pub readers: BTreeMap<String, Reader>,
}

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The path of the type in the generated crate.
    pub path: String,
    /// The most expensive class of any rule in what the type holds; with [`Class::Rescan`] parts of it may be kept untyped.
    pub class: Class,
}

/// Plans every schema of a registry, with the operations that use them.
///
/// # Errors
/// Operations that cannot be read, names that collide.
pub fn plan(sources: &Sources, registry: &Registry<'_>) -> Result<(Plan, Vec<Api>), Vec<Diagnostic>> {
    let apis = openapi::read(sources, registry)?;
    let mut model = Model::new(registry);
    normalize::merge_all_of(&mut model);
    Ok((Plan::new(registry, model, &apis)?, apis))
}

/// Generates everything from the sources; of our own tree more is asked than that it generates.
///
/// # Errors
/// Everything that cannot become code that is right, each with its place.
pub fn generate(sources: &Sources, own_tree: bool) -> Result<Generated, Vec<Diagnostic>> {
    let options = LoadOptions { own_tree, ..sources.options.clone() };
    if sources.schemas.is_empty() && sources.openapi.is_empty() {
        let message = "there is no schema in the folder".to_owned();
        let help =
            "name the folder that holds *.schema.json files; examples, hidden files and errors.json do not count";
        return Err(vec![Diagnostic::file(".", message).with_help(help)]);
    }
    let (mut faults, notes): (Vec<_>, Vec<_>) =
        vocabulary::check_all(sources, &options).into_iter().partition(Diagnostic::is_error);
    if !faults.is_empty() {
        diagnostic::sort(&mut faults);
        return Err(faults);
    }
    let registry = Registry::new(sources)?;
    let (plan, apis) = plan(sources, &registry)?;
    let faults = if own_tree { lint::lint(&registry, &plan) } else { Vec::new() };
    if !faults.is_empty() {
        return Err(faults);
    }
    let code = emit::emit(&registry, &plan, &apis)?;
    let documents = publish::publish(sources, &registry, &apis);
    let named = plan.names.iter().chain(&plan.documents);
    let names = Lock::new(named.map(|(id, name)| (plan.model.schema(*id).origin.clone(), name.name.clone())));
    let readers = plan.readers(&registry);
    Ok(Generated { code, documents, names, report: plan.report(), readers, notes })
}
