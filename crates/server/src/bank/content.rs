//! The content of requests, opened for whoever has to work on them. Every access is logged by who and which, never by what.

use std::borrow::Cow;
use std::collections::HashMap;

use usher_storage::{BankView, Delivery, Part};
use usher_wire::{Json, Personal};

use super::BankCall;
use crate::fault::Fault;

/// What is known of the person and the request. All of it can have been erased.
pub(crate) struct Content {
    /// The request in canonical form.
    pub(crate) request: Option<Personal<Json>>,
    /// The phone number in E.164.
    pub(crate) phone: Option<Personal<Cow<'static, str>>>,
    /// What the identity register told.
    pub(crate) register: Option<Personal<Json>>,
    /// Why the partner took it back.
    pub(crate) withdrawal_reason: Option<Personal<Cow<'static, str>>>,
    /// Whether some of it is there and cannot be read.
    pub(crate) is_damaged: bool,
}

/// How the bank is told of content that is damaged.
pub(crate) const DAMAGED: &str = "some of the content cannot be read any more";
/// What stands in the place of a note that is damaged.
const NOTE_DAMAGED: &str = "[the note cannot be read any more]";

/// The payloads of a page of deliveries, read at once.
pub(crate) struct Contents {
    /// By delivery and name; none where something is damaged.
    parts: HashMap<i64, HashMap<String, Option<String>>>,
}

impl Contents {
    /// Reads the requests of deliveries and what was left with them, but no notes.
    pub(crate) async fn of_requests(
        call: &BankCall,
        view: BankView,
        deliveries: &[Delivery],
    ) -> Result<Contents, Fault> {
        Self::read(call, view, deliveries, |_, part| PARTS.contains(&part)).await
    }

    /// Reads the notes of deliveries.
    pub(crate) async fn of_notes(call: &BankCall, view: BankView, deliveries: &[Delivery]) -> Result<Contents, Fault> {
        Self::read(call, view, deliveries, is_note_of).await
    }

    /// Reads all of it.
    pub(crate) async fn of_all(call: &BankCall, view: BankView, deliveries: &[Delivery]) -> Result<Contents, Fault> {
        let is_wanted = |delivery: &Delivery, part: &str| PARTS.contains(&part) || is_note_of(delivery, part);
        Self::read(call, view, deliveries, is_wanted).await
    }

    async fn read(
        call: &BankCall,
        view: BankView,
        deliveries: &[Delivery],
        is_wanted: impl Fn(&Delivery, &str) -> bool,
    ) -> Result<Contents, Fault> {
        let mut parts: HashMap<i64, HashMap<String, Option<String>>> = HashMap::new();
        for Part { delivery, part, body } in call.gateway.store.payloads_of(view, deliveries, is_wanted).await? {
            let body = body.and_then(|body| String::from_utf8(body.into_vec()).ok());
            parts.entry(delivery).or_default().insert(part, body);
        }
        Ok(Contents { parts })
    }

    /// The content of a delivery's request.
    pub(crate) fn content(&self, call: &BankCall, delivery: &Delivery) -> Content {
        let (user, request) = (call.known.id, delivery.record.public_id);
        tracing::info!(bank_user_id = %user, delivery = delivery.id, request_id = %request, "content of a request was read");
        let part = |name: &str| self.parts.get(&delivery.id).and_then(|parts| parts.get(name));
        let json = |name| Some(Personal::new(Json::parse(part(name)?.as_deref()?).ok()?));
        let personal = |text: String| Personal::new(Cow::Owned(text));
        let (request, register) = (json("request"), json("register"));
        let is_lost = |name: &str| part(name).is_some_and(Option::is_none);
        let is_no_json = |name, json: &Option<_>| part(name).is_some() && json.is_none();
        let is_damaged =
            PARTS.into_iter().any(is_lost) || is_no_json("request", &request) || is_no_json("register", &register);
        if is_damaged {
            tracing::error!(record = %delivery.record.public_id, "the content of a request cannot be read");
        }
        Content {
            is_damaged,
            request,
            phone: part("phone").cloned().flatten().map(personal),
            register,
            withdrawal_reason: part("withdrawal").and_then(|text| reason(text.as_deref()?)).map(personal),
        }
    }

    /// The note that was left with a status.
    pub(crate) fn note(&self, delivery: i64, position: u32) -> Option<Personal<Cow<'static, str>>> {
        let note = self.parts.get(&delivery)?.get(&note_part(delivery, position))?;
        Some(Personal::new(note.clone().map_or(Cow::Borrowed(NOTE_DAMAGED), Cow::Owned)))
    }

    /// The note that was left last.
    pub(crate) fn newest_note(&self, delivery: &Delivery) -> Option<Personal<Cow<'static, str>>> {
        (1..=delivery.version).rev().find_map(|position| self.note(delivery.id, position))
    }
}

/// Names of what is kept beside the record of a request, for the bank to read.
const PARTS: [&str; 4] = ["request", "phone", "register", "withdrawal"];

/// The name under which a note is kept beside its record.
pub(crate) fn note_part(delivery: i64, position: u32) -> String {
    format!("note/{delivery}/{position}")
}

/// Whether a payload is a note of this delivery; a record can have several.
fn is_note_of(delivery: &Delivery, part: &str) -> bool {
    let place = part.strip_prefix("note/").and_then(|rest| rest.split_once('/'));
    place.is_some_and(|(id, _)| id.parse() == Ok(delivery.id))
}

/// The reason in a withdrawal.
fn reason(withdrawal: &str) -> Option<String> {
    let withdrawal: serde_json::Value = serde_json::from_str(withdrawal).ok()?;
    withdrawal["reason"].as_str().map(str::to_owned)
}
