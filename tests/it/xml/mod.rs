//! The appointment request in XML: one model with two readers. What is said of a document in one form is said of it in the
//! other.

mod examples;
mod files;
pub(crate) mod gateway;
mod limits;
mod mutations;
mod twin;

use usher_contract::appointment_request::v2::Request;
use usher_domain::facts::ContractFacts;
use usher_wire::xml::{XmlMessage as _, to_json};
use usher_wire::{Limits, Mode, Options, Unreadable, canonical, parse};

/// What reading said: violations and warnings in order, and the canonical form.
#[derive(Debug, Clone, PartialEq)]
struct Verdict {
    /// Pointer, code and limit.
    violations: Vec<(String, &'static str, Option<String>)>,
    warnings: Vec<(String, &'static str)>,
    canonical: Option<String>,
}

fn verdict(json: &[u8], mode: Mode, facts: &ContractFacts) -> Result<Verdict, Unreadable> {
    let parsed = parse::<Request>(json, &Options { mode, limits: Limits::GATEWAY, facts: Some(facts) })?;
    let violations = parsed.violations.list.iter();
    Ok(Verdict {
        violations: violations
            .map(|found| (found.pointer.clone(), found.code, found.limit.as_deref().map(str::to_owned)))
            .collect(),
        warnings: parsed.warnings.iter().map(|found| (found.pointer.clone(), found.code)).collect(),
        canonical: parsed.shaped().map(|value| String::from_utf8(canonical(value)).unwrap()),
    })
}

/// The same of an XML document. What cannot be read is found out before the JSON reader sees anything.
fn verdict_of_xml(xml: &[u8], mode: Mode, facts: &ContractFacts) -> Result<Verdict, Unreadable> {
    let json = to_json(xml, Request::<String>::XML, &Limits::GATEWAY)?;
    let of_json = verdict(&json, mode, facts);
    Ok(of_json.unwrap_or_else(|unreadable| panic!("{unreadable}\n{}", String::from_utf8_lossy(&json))))
}
