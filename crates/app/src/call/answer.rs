//! The answers of all APIs in one form.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;
use usher_client::contract::appointment_request::v2::{AnswerMessage, MessageCode, Messages};
use usher_client::contract::digital_customer::v1::{self as digital_customer, FlowState, Method};
use usher_client::contract::receipts::v1::{Timeline, TimelineEntry};
use usher_client::contract::shared::{self, CheckResult, Receipt};
use usher_client::{Answer, pointer_of_parameter_name};
use usher_wire::{Value, Warning, to_json};

/// A good answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answered {
    /// The id to follow it by.
    pub(super) receipt_id: Option<String>,
    /// Whether it is the answer to an earlier call.
    #[serde(rename = "replayed")]
    pub(super) is_replayed: bool,
    idempotency_key: Option<String>,
    correlation_id: String,
    /// What was accepted with a reservation.
    #[serde(skip)]
    pub(super) warnings: Vec<Notice>,
    /// What else a person wants to know.
    #[serde(skip)]
    pub(super) facts: Vec<String>,
    answer: Option<Box<RawValue>>,
}

/// A warning.
#[derive(Serialize)]
pub(super) struct Notice {
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    code: String,
    message: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Notice { pointer, code, message } = self;
        match pointer {
            Some(pointer) => write!(f, "warning: {pointer} {code}: {message}"),
            None => write!(f, "warning: {code}: {message}"),
        }
    }
}

/// What an answer has to say beside its data.
trait Told: Value {
    fn warnings(&self) -> Vec<Notice>;

    fn facts(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<T: Told> From<Answer<T>> for Answered {
    fn from(answer: Answer<T>) -> Self {
        let sent = answer.sent();
        let json = String::from_utf8(to_json(&*answer)).ok();
        Answered {
            receipt_id: answer.receipt_id().map(str::to_owned),
            is_replayed: answer.is_replayed(),
            idempotency_key: sent.idempotency_key.as_ref().map(|key| key.as_str().to_owned()),
            correlation_id: sent.correlation_id.to_string(),
            warnings: answer.warnings(),
            facts: answer.facts(),
            answer: json.and_then(|json| RawValue::from_string(json).ok()),
        }
    }
}

impl From<Warning> for Notice {
    fn from(warning: Warning) -> Self {
        let pointer = Some(warning.pointer).filter(|pointer| !pointer.is_empty());
        Notice { pointer, code: warning.code.to_owned(), message: warning.message.into_owned() }
    }
}

impl From<&shared::Warning> for Notice {
    fn from(warning: &shared::Warning) -> Self {
        let shared::Warning { pointer, code, message, .. } = warning;
        Notice { pointer: pointer.clone(), code: code.clone(), message: message.clone() }
    }
}

impl From<&digital_customer::Warning> for Notice {
    fn from(warning: &digital_customer::Warning) -> Self {
        let digital_customer::Warning { pointer, code, message, .. } = warning;
        Notice { pointer: pointer.clone(), code: code.clone(), message: message.clone() }
    }
}

impl Told for Receipt {
    fn warnings(&self) -> Vec<Notice> {
        self.warnings.iter().map(Notice::from).collect()
    }
}

impl Told for CheckResult {
    fn warnings(&self) -> Vec<Notice> {
        self.warnings.iter().map(Notice::from).collect()
    }
}

impl Told for Messages {
    fn warnings(&self) -> Vec<Notice> {
        let is_warning = |message: &&AnswerMessage| message.message_code == MessageCode::MessageWarning;
        let notice = |message: &AnswerMessage| Notice {
            pointer: message.parameter_name.as_deref().map(pointer_of_parameter_name),
            code: message.code.clone().unwrap_or_default(),
            message: message.message.clone(),
        };
        self.message.iter().filter(is_warning).map(notice).collect()
    }
}

impl Told for digital_customer::CheckAnswer {
    fn warnings(&self) -> Vec<Notice> {
        self.data.warnings.iter().map(Notice::from).collect()
    }
}

impl Told for digital_customer::CreateAnswer {
    fn warnings(&self) -> Vec<Notice> {
        self.data.warnings.iter().map(Notice::from).collect()
    }

    fn facts(&self) -> Vec<String> {
        vec![flow(Some(self.data.process_id), &self.data.flow_state, &self.data.next_methods)]
    }
}

impl Told for digital_customer::UpdateAnswer {
    fn warnings(&self) -> Vec<Notice> {
        self.data.warnings.iter().map(Notice::from).collect()
    }

    fn facts(&self) -> Vec<String> {
        vec![flow(Some(self.data.process_id), &self.data.flow_state, &self.data.next_methods)]
    }
}

impl Told for digital_customer::CompleteAnswer {
    fn warnings(&self) -> Vec<Notice> {
        self.data.warnings.iter().map(Notice::from).collect()
    }

    fn facts(&self) -> Vec<String> {
        vec![flow(None, &self.data.flow_state, &self.data.next_methods)]
    }
}

/// Where a flow is and how it goes on.
fn flow(process_id: Option<i64>, state: &FlowState, next: &[Method]) -> String {
    let process = process_id.map(|id| format!(" {id}")).unwrap_or_default();
    let next: Vec<_> = next.iter().map(Method::as_str).collect();
    let next = if next.is_empty() { "nothing".to_owned() } else { next.join(" or ") };
    format!("Process{process} is {}; next comes {next}.", state.as_str())
}

/// A receipt for people: one thing to a line.
pub(super) fn table(receipt: &Receipt) -> String {
    let mut rows = vec![
        ("id", receipt.id.clone()),
        ("status", receipt.status.as_str().to_owned()),
        ("api", format!("{} {}", receipt.api.as_str(), receipt.version)),
        ("operation", receipt.operation.clone()),
        ("environment", receipt.environment.as_str().to_owned()),
        ("received", receipt.received_at.clone()),
        ("durability", receipt.durability.as_str().to_owned()),
    ];
    let attribution = &receipt.attribution;
    let optional = [
        ("reference", &receipt.partner_reference),
        ("campaign", &attribution.campaign),
        ("source", &attribution.source),
        ("sub-partner", &attribution.sub_partner),
    ];
    rows.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    rows.push(("payload hash", receipt.payload_hash.clone()));
    rows.extend(receipt.salt.clone().map(|salt| ("salt", salt)));
    let mut lines: Vec<_> = rows.iter().map(|(name, value)| format!("{name:<13} {value}")).collect();
    lines.extend(receipt.warnings.iter().map(|warning| Notice::from(warning).to_string()));
    lines.join("\n")
}

/// A timeline for people: one entry to a line, in columns.
pub(super) fn timeline(timeline: &Timeline) -> String {
    let row = |entry: &TimelineEntry| {
        let reason = entry.reason.as_ref().map_or("", |reason| reason.as_str());
        [&entry.at, entry.actor.as_str(), &entry.destination, entry.status.as_str(), reason].map(str::to_owned)
    };
    let head = ["at", "by", "destination", "status", "reason"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(timeline.items.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [0, 1, 2, 3, 4].map(width);
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
