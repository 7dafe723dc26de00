//! Receipts: what a record looks like to the partner it belongs to.

use std::borrow::Cow;

use jiff::Timestamp;
use usher_contract::shared;
use usher_domain::environment::Environment;
use usher_domain::hex;
use usher_storage::Record;
use usher_wire::{Checked, Choice, Unknown, Warning, to_json};

use crate::gateway::Gateway;

/// Where the receipt of a record is read again.
pub(crate) fn location(record: &Record) -> String {
    format!("/receipts/v1/{}", record.public_id)
}

/// The warnings of a decision as the contract writes them.
pub(crate) fn warnings(warnings: &[Warning]) -> Vec<shared::Warning<Cow<'_, str>>> {
    warnings.iter().map(warning).collect()
}

fn warning(warning: &Warning) -> shared::Warning<Cow<'_, str>> {
    shared::Warning {
        // A warning about the request as a whole has no place in the body.
        pointer: (!warning.pointer.is_empty()).then(|| warning.pointer.as_str().into()),
        code: warning.code.into(),
        message: warning.message.as_ref().into(),
        unknown: Unknown::default(),
    }
}

/// The warnings as they are kept in the record.
pub(crate) fn warnings_json(list: &[Warning]) -> String {
    if list.is_empty() {
        return "[]".to_owned();
    }
    String::from_utf8(to_json(&warnings(list))).expect("what we write is UTF-8")
}

/// The lists of a record that was made here.
pub(crate) fn lists(record: &Record) -> Vec<Cow<'_, str>> {
    let lists: Vec<String> = serde_json::from_str(&record.lists).expect("what we write is an array of texts");
    lists.into_iter().map(Cow::Owned).collect()
}

/// The receipt of a record with these warnings and lists, signed.
pub(crate) fn receipt<'r>(
    gateway: &Gateway,
    record: &'r Record,
    environment: Environment,
    warnings: Vec<shared::Warning<Cow<'r, str>>>,
    lists: Vec<Cow<'r, str>>,
) -> shared::Receipt<Cow<'r, str>> {
    let text = |text: &'r Option<String>| text.as_deref().map(Cow::Borrowed);
    let mut receipt: shared::Receipt<Cow<'r, str>> = shared::Receipt {
        id: record.public_id.to_string().into(),
        api: shared::Api::find(&record.api).unwrap_or_else(|| shared::Api::Unknown(record.api.as_ref().into())),
        version: format!("v{}", record.version).into(),
        operation: Cow::Borrowed(&record.operation),
        environment: match environment {
            Environment::Sandbox => shared::Environment::Sandbox,
            Environment::Production => shared::Environment::Production,
        },
        received_at: time(record.received_at).into(),
        status: shared::Status::find(&record.status)
            .unwrap_or_else(|| shared::Status::Unknown(record.status.as_ref().into())),
        partner_reference: text(&record.partner_reference),
        attribution: shared::Attribution {
            partner_reference: text(&record.partner_reference),
            campaign: text(&record.campaign),
            source: text(&record.source),
            sub_partner: text(&record.sub_partner),
            unknown: Unknown::default(),
        },
        payload_hash: hex::encode(&record.payload_hash).into(),
        salt: record.salt.as_ref().map(|salt| hex::encode(salt.as_slice()).into()),
        durability: shared::Durability::find(&record.durability)
            .unwrap_or_else(|| shared::Durability::Unknown(record.durability.as_ref().into())),
        contract_version: Cow::Borrowed(&record.contract_version),
        product: Cow::Borrowed(&record.product),
        products_version: record.products_version.into(),
        lists,
        warnings,
        deliveries: None,
        signature: Cow::Borrowed(""),
        unknown: Unknown::default(),
    };
    receipt.signature = gateway.signing.sign(&receipt).into();
    receipt
}

/// The receipt of a record that was read from the store.
pub(crate) fn stored<'r>(
    gateway: &Gateway,
    record: &'r Record,
    environment: Environment,
) -> shared::Receipt<Cow<'r, str>> {
    let mut warnings = stored_warnings(record);
    let lists: Vec<String> = serde_json::from_str(&record.lists).unwrap_or_else(|_| {
        tracing::error!(record = %record.public_id, "the lists of a record cannot be read");
        warnings.push(unreadable("the code lists that were asked cannot be read any more"));
        Vec::new()
    });
    let lists = lists.into_iter().map(Cow::Owned).collect();
    receipt(gateway, record, environment, warnings, lists)
}

/// The warnings that were kept in a record; where they are lost, one that says so.
pub(crate) fn stored_warnings(record: &Record) -> Vec<shared::Warning<Cow<'static, str>>> {
    let lost = || vec![unreadable("the warnings of the acceptance cannot be read any more")];
    if record.warnings == Record::UNREADABLE {
        return lost();
    }
    let Ok(warnings) = serde_json::from_str::<Vec<Checked<shared::Warning>>>(&record.warnings) else {
        tracing::error!(record = %record.public_id, "the warnings of a record cannot be read");
        return lost();
    };
    let warning = |warning: Checked<shared::Warning>| {
        let shared::Warning { pointer, code, message, unknown } = warning.into_inner();
        shared::Warning { pointer: pointer.map(Cow::Owned), code: code.into(), message: message.into(), unknown }
    };
    warnings.into_iter().map(warning).collect()
}

/// The mark of something that is damaged in the store. What is whole is shown all the same.
pub(crate) fn unreadable(message: &'static str) -> shared::Warning<Cow<'static, str>> {
    shared::Warning {
        pointer: None,
        code: "record_unreadable".into(),
        message: message.into(),
        unknown: Unknown::default(),
    }
}

/// A time as the contract writes it, RFC 3339 in UTC.
pub(crate) fn time(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}
