//! Every valid example is read and written back; every invalid one breaks exactly the rules it lists.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde_json::Value;
use usher_contract::{
    appointment_request::v2 as appointment, bank::v1 as bank, commission::v1 as commission,
    contact_request::v1 as contact, digital_customer::v1 as customer, lead::v2 as lead, platform::v1 as platform,
    receipts::v1 as receipts, reference::v1 as reference, register::v1 as register, shared,
};
use usher_domain::environment::Environment;
use usher_domain::facts::ContractFacts;
use usher_wire::{Limits, Message, Mode, Options, Unreadable, Violations, Warning, canonical, parse, to_json};

/// What reading a document as some type found.
pub(crate) struct Reading {
    /// Canonical form and text over the wire, if the shape is right.
    pub(crate) written: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) violations: Violations,
    pub(crate) warnings: Vec<Warning>,
    /// What was read, as a log might show it.
    pub(crate) parsed: Box<dyn Debug>,
}

/// Reads a document as the type of one schema.
pub(crate) type Read = fn(&[u8], &Options<'_>) -> Result<Reading, Unreadable>;

/// Reads a document as `T`.
pub(crate) fn read<T: for<'a> Message<'a> + Debug + 'static>(
    bytes: &[u8],
    options: &Options<'_>,
) -> Result<Reading, Unreadable> {
    let parsed = parse::<T>(bytes, options)?;
    let written = parsed.shaped().map(|value| (canonical(value), to_json(value)));
    let (violations, warnings) = (parsed.violations.clone(), parsed.warnings.clone());
    Ok(Reading { written, violations, warnings, parsed: Box::new(parsed) })
}

/// The schemas that have examples: folder, file, and the type that reads them.
pub(crate) const READERS: &[(&str, &str, Read)] = &[
    ("appointment_request/v2", "building_financing", read::<appointment::BuildingFinancing>),
    ("appointment_request/v2", "followup_financing", read::<appointment::FollowupFinancing>),
    ("appointment_request/v2", "messages", read::<appointment::Messages>),
    ("appointment_request/v2", "purchase_financing", read::<appointment::PurchaseFinancing>),
    ("appointment_request/v2", "request", read::<appointment::Request>),
    ("bank/v1", "acknowledgement", read::<bank::Acknowledgement>),
    ("bank/v1", "acknowledgement_result", read::<bank::AcknowledgementResult>),
    ("bank/v1", "delivery", read::<bank::Delivery>),
    ("bank/v1", "delivery_detail", read::<bank::DeliveryDetail>),
    ("bank/v1", "delivery_list", read::<bank::DeliveryList>),
    ("bank/v1", "first_contact", read::<bank::FirstContact>),
    ("bank/v1", "first_contact_row", read::<bank::FirstContactRow>),
    ("bank/v1", "message", read::<bank::Message>),
    ("bank/v1", "message_list", read::<bank::MessageList>),
    ("bank/v1", "status_change", read::<bank::StatusChange>),
    ("bank/v1", "timeline", read::<bank::Timeline>),
    ("bank/v1", "timeline_entry", read::<bank::TimelineEntry>),
    ("bank/v1", "webhook", read::<bank::Webhook>),
    ("commission/v1", "commission", read::<commission::Commission>),
    ("commission/v1", "commission_move", read::<commission::CommissionMove>),
    ("commission/v1", "entry", read::<commission::Entry>),
    ("commission/v1", "entry_list", read::<commission::EntryList>),
    ("commission/v1", "statement", read::<commission::Statement>),
    ("contact_request/v1", "consent", read::<contact::Consent>),
    ("contact_request/v1", "consumer_credit", read::<contact::ConsumerCredit>),
    ("contact_request/v1", "credit_card", read::<contact::CreditCard>),
    ("contact_request/v1", "general", read::<contact::General>),
    ("contact_request/v1", "loan", read::<contact::Loan>),
    ("contact_request/v1", "loan_consolidation", read::<contact::LoanConsolidation>),
    ("contact_request/v1", "money", read::<contact::Money>),
    ("contact_request/v1", "mortgage", read::<contact::Mortgage>),
    ("contact_request/v1", "person", read::<contact::Person>),
    ("contact_request/v1", "recontact", read::<contact::Recontact>),
    ("contact_request/v1", "recontact_as_soon_as_possible", read::<contact::RecontactAsSoonAsPossible>),
    ("contact_request/v1", "recontact_at", read::<contact::RecontactAt>),
    ("contact_request/v1", "request", read::<contact::Request>),
    ("contact_request/v1", "subject", read::<contact::Subject>),
    ("contact_request/v1", "withdrawal", read::<contact::Withdrawal>),
    ("contact_request/v1", "withdrawal_result", read::<contact::WithdrawalResult>),
    ("digital_customer/v1", "check_answer", read::<customer::CheckAnswer>),
    ("digital_customer/v1", "complete", read::<customer::CompleteDigitalCustomer>),
    ("digital_customer/v1", "complete_answer", read::<customer::CompleteAnswer>),
    ("digital_customer/v1", "create", read::<customer::CreateDigitalCustomer>),
    ("digital_customer/v1", "create_answer", read::<customer::CreateAnswer>),
    ("digital_customer/v1", "error", read::<customer::ErrorAnswer>),
    ("digital_customer/v1", "update", read::<customer::UpdateDigitalCustomerInformations>),
    ("digital_customer/v1", "update_answer", read::<customer::UpdateAnswer>),
    ("lead/v2", "lead", read::<lead::Lead>),
    ("lead/v2", "lead_list", read::<lead::LeadList>),
    ("platform/v1", "application", read::<platform::Application>),
    ("platform/v1", "application_change", read::<platform::ApplicationChange>),
    ("platform/v1", "application_list", read::<platform::ApplicationList>),
    ("platform/v1", "application_wish", read::<platform::ApplicationWish>),
    ("platform/v1", "audit_entry", read::<platform::AuditEntry>),
    ("platform/v1", "audit_page", read::<platform::AuditPage>),
    ("platform/v1", "bank_user", read::<platform::BankUser>),
    ("platform/v1", "bank_user_list", read::<platform::BankUserList>),
    ("platform/v1", "bank_user_wish", read::<platform::BankUserWish>),
    ("platform/v1", "destinations", read::<platform::Destinations>),
    ("platform/v1", "destinations_history", read::<platform::DestinationsHistory>),
    ("platform/v1", "destinations_version", read::<platform::DestinationsVersion>),
    ("platform/v1", "fixed_commission", read::<platform::FixedCommission>),
    ("platform/v1", "issued_bank_user", read::<platform::IssuedBankUser>),
    ("platform/v1", "issued_key", read::<platform::IssuedKey>),
    ("platform/v1", "issued_webhook_secret", read::<platform::IssuedWebhookSecret>),
    ("platform/v1", "key", read::<platform::Key>),
    ("platform/v1", "key_list", read::<platform::KeyList>),
    ("platform/v1", "key_wish", read::<platform::KeyWish>),
    ("platform/v1", "list_import", read::<platform::ListImport>),
    ("platform/v1", "outgoing_list", read::<platform::OutgoingList>),
    ("platform/v1", "outgoing_message", read::<platform::OutgoingMessage>),
    ("platform/v1", "partner", read::<platform::Partner>),
    ("platform/v1", "partner_list", read::<platform::PartnerList>),
    ("platform/v1", "partner_wish", read::<platform::PartnerWish>),
    ("platform/v1", "percentage_commission", read::<platform::PercentageCommission>),
    ("platform/v1", "products", read::<platform::Products>),
    ("platform/v1", "products_history", read::<platform::ProductsHistory>),
    ("platform/v1", "products_version", read::<platform::ProductsVersion>),
    ("platform/v1", "replay", read::<platform::Replay>),
    ("platform/v1", "replay_result", read::<platform::ReplayResult>),
    ("platform/v1", "stored_list", read::<platform::StoredList>),
    ("platform/v1", "stored_lists", read::<platform::StoredLists>),
    ("platform/v1", "subscription", read::<platform::Subscription>),
    ("platform/v1", "webhook", read::<platform::Webhook>),
    ("platform/v1", "webhook_end", read::<platform::WebhookEnd>),
    ("platform/v1", "webhook_list", read::<platform::WebhookList>),
    ("platform/v1", "webhook_secret", read::<platform::WebhookSecret>),
    ("platform/v1", "webhook_secret_list", read::<platform::WebhookSecretList>),
    ("platform/v1", "webhook_secret_wish", read::<platform::WebhookSecretWish>),
    ("platform/v1", "webhook_wish", read::<platform::WebhookWish>),
    ("receipts/v1", "event", read::<receipts::Event>),
    ("receipts/v1", "event_list", read::<receipts::EventList>),
    ("receipts/v1", "timeline", read::<receipts::Timeline>),
    ("receipts/v1", "timeline_entry", read::<receipts::TimelineEntry>),
    ("receipts/v1", "webhook", read::<receipts::Webhook>),
    ("reference/v1", "entry", read::<reference::Entry>),
    ("reference/v1", "list", read::<reference::List>),
    ("reference/v1", "list_page", read::<reference::ListPage>),
    ("reference/v1", "lists", read::<reference::Lists>),
    ("register/v1", "deceased", read::<register::Deceased>),
    ("register/v1", "found", read::<register::Found>),
    ("register/v1", "lookup", read::<register::Lookup>),
    ("register/v1", "lookup_answer", read::<register::LookupAnswer>),
    ("register/v1", "mismatch", read::<register::Mismatch>),
    ("register/v1", "not_found", read::<register::NotFound>),
    ("register/v1", "person", read::<register::Person>),
    ("sandbox/v1", "reset_result", read::<usher_contract::sandbox::v1::ResetResult>),
    ("shared", "attribution", read::<shared::Attribution>),
    ("shared", "check_result", read::<shared::CheckResult>),
    ("shared", "jwk_set", read::<shared::JwkSet>),
    ("shared", "jws_header", read::<shared::JwsHeader>),
    ("shared", "problem", read::<shared::Problem>),
    ("shared", "receipt", read::<shared::Receipt>),
    ("shared", "receipt_claims", read::<shared::ReceiptClaims>),
    ("shared", "receipt_delivery", read::<shared::ReceiptDelivery>),
    ("shared", "receipt_list", read::<shared::ReceiptList>),
    ("shared", "violation", read::<shared::Violation>),
    ("shared", "warning", read::<shared::Warning>),
];

/// The folder of the schemas.
pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

/// One example: its path below the schemas, and its text.
pub(crate) struct Example {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The examples of one schema; `verdict` is `valid` or `invalid`.
pub(crate) fn examples(folder: &str, verdict: &str, stem: &str) -> Vec<Example> {
    let below = format!("{folder}/examples/{verdict}/{stem}");
    let Ok(entries) = std::fs::read_dir(schemas().join(&below)) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let example = |name: &String| {
        let path = format!("{below}/{name}");
        Example { text: std::fs::read_to_string(schemas().join(&path)).unwrap(), path }
    };
    names.iter().map(example).collect()
}

/// The facts at the instant for which the examples are written; for one document, as they remember what they saw of it.
pub(crate) fn facts() -> ContractFacts {
    ContractFacts::new("2026-11-21T12:00:00Z".parse().unwrap(), Environment::Sandbox)
}

/// Strict reading with the facts of the examples.
pub(crate) fn strict(facts: &ContractFacts) -> Options<'_> {
    Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: Some(facts) }
}

/// The body of an invalid example, as it stands in the file.
pub(crate) fn body_of(example: &Example) -> String {
    #[derive(serde::Deserialize)]
    struct Invalid {
        body: Box<serde_json::value::RawValue>,
    }
    serde_json::from_str::<Invalid>(&example.text)
        .unwrap_or_else(|error| panic!("{}: {error}", example.path))
        .body
        .to_string()
}

#[test]
fn every_folder_of_examples_has_a_reader() {
    let below = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let apis = below(&schemas());
    let versions = apis.iter().flat_map(|api| below(api));
    let mut folders = Vec::new();
    for folder in apis.iter().cloned().chain(versions) {
        for stem in ["valid", "invalid"].iter().flat_map(|verdict| below(&folder.join("examples").join(verdict))) {
            let name = folder.strip_prefix(schemas()).unwrap().to_str().unwrap().to_owned();
            folders.push((name, stem.file_name().unwrap().to_str().unwrap().to_owned()));
        }
    }
    folders.sort();
    folders.dedup();
    let known: Vec<_> = READERS.iter().map(|(folder, stem, _)| (folder.to_string(), stem.to_string())).collect();
    assert_eq!(folders, known);
}

#[test]
fn every_valid_example_is_read_and_written_back() {
    let mut faults = Vec::new();
    for (folder, stem, read) in READERS {
        for example in examples(folder, "valid", stem) {
            let (first, second) = (facts(), facts());
            let reading = match read(example.text.as_bytes(), &strict(&first)) {
                Ok(reading) => reading,
                Err(unreadable) => {
                    faults.push(format!("{}: {unreadable}", example.path));
                    continue;
                }
            };
            for violation in &reading.violations.list {
                faults.push(format!("{}: {violation} ({} {})", example.path, violation.schema, violation.keyword));
            }
            let Some((canonical, json)) = reading.written else { continue };
            // What is written reads back to the same value, and the canonical form is a fixed point.
            let again = read(&json, &strict(&second)).unwrap();
            assert_eq!(again.written, Some((canonical, json)), "{}", example.path);
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_invalid_example_breaks_exactly_the_rules_it_lists() {
    let mut faults = Vec::new();
    for (folder, stem, read) in READERS {
        for example in examples(folder, "invalid", stem) {
            let facts = facts();
            let expected: Value = serde_json::from_str(&example.text).unwrap();
            let body = body_of(&example);
            let found = match read(body.as_bytes(), &strict(&facts)) {
                Ok(reading) => reading.violations.list,
                Err(unreadable) => {
                    faults.push(format!("{}: {unreadable}", example.path));
                    continue;
                }
            };
            let expected = expected["violations"].as_array().unwrap();
            let line = |pointer: &str, code: &str| format!("{pointer} {code}");
            let expected_lines: Vec<String> = expected
                .iter()
                .map(|violation| line(violation["pointer"].as_str().unwrap(), violation["code"].as_str().unwrap()))
                .collect();
            let found_lines: Vec<String> =
                found.iter().map(|violation| line(&violation.pointer, violation.code)).collect();
            if expected_lines != found_lines {
                faults.push(format!("{}:\n  expected {expected_lines:?}\n  found    {found_lines:?}", example.path));
                continue;
            }
            for (expected, found) in expected.iter().zip(&found) {
                let limit = found.limit.as_deref().map(|limit| serde_json::from_str::<Value>(limit).unwrap());
                if expected.get("limit").is_some() && expected.get("limit") != limit.as_ref() {
                    faults.push(format!("{}: limit {limit:?}, expected {}", example.path, expected["limit"]));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
