//! What a body is a request of, told by its members. A body that tells of two or of none is not guessed at.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use usher_contract::contact_request::v1::Request;
use usher_wire::{Limits, Mode, Options, parse};

use super::{Document, Fault, Kind};

type Members<'d> = BTreeMap<String, &'d RawValue>;

/// Members that only one kind has; those of the digital customer stand in its only parameter.
const TELLING: [(Kind, &[&str]); 5] = [
    (Kind::Contact, &["person", "subject", "phoneNumber", "recontact"]),
    (Kind::Appointment, &["referredOffers", "contactRequest"]),
    (Kind::CreateDigitalCustomer, &["IsGetProcess", "DigitalCustomer"]),
    (
        Kind::UpdateDigitalCustomer,
        &[
            "EducationStatus",
            "WorkingStatus",
            "JobTitle",
            "HomeStatus",
            "SalaryInfo",
            "HomeAddressInfo",
            "SelectedAddress",
        ],
    ),
    (Kind::CompleteDigitalCustomer, &["IsApprovedAgent", "IsCourierSelected", "UserCode"]),
];

pub(super) fn kind(document: &Document) -> Result<Kind, Fault> {
    // Whatever it is, it must be readable; the reader that says where it is not is the same for all kinds.
    let options = Options { mode: Mode::Tolerant, limits: Limits::GATEWAY, facts: None };
    parse::<Request>(&document.bytes, &options).map_err(|unreadable| Fault::unreadable(document, &unreadable))?;

    let members: Members<'_> = serde_json::from_slice(&document.bytes).unwrap_or_default();
    let parameter = members.get("Parameters").and_then(|parameters| {
        let parameters: Vec<Members<'_>> = serde_json::from_str(parameters.get()).ok()?;
        parameters.into_iter().next()
    });
    let has = |name: &str| members.contains_key(name) || parameter.as_ref().is_some_and(|it| it.contains_key(name));
    let told: Vec<Kind> =
        TELLING.iter().filter(|(_, names)| names.iter().any(|name| has(name))).map(|(kind, _)| *kind).collect();
    match told[..] {
        [kind] => Ok(kind),
        _ => Err(Fault::Kind { name: document.name.clone() }),
    }
}
