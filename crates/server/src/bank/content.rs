//! The content of requests, opened for whoever has to work on them. Every access is logged by who and which, never by what.

use std::borrow::Cow;

use usher_storage::Delivery;
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
}

impl Content {
    /// Opens the content of a delivery's request.
    pub(crate) async fn read(call: &BankCall, delivery: &Delivery) -> Result<Content, Fault> {
        let (user, request) = (call.known.id, delivery.record.public_id);
        tracing::info!(bank_user_id = %user, delivery = delivery.id, request_id = %request, "content of a request was read");
        let json = |text: Option<String>| text.map(|text| parsed(&text)).transpose();
        let request = json(part(call, delivery, "request").await?)?;
        let phone = part(call, delivery, "phone").await?.map(Cow::Owned).map(Personal::new);
        let register = json(part(call, delivery, "register").await?)?;
        let withdrawal = part(call, delivery, "withdrawal").await?;
        let withdrawal_reason = withdrawal.as_deref().and_then(reason).map(Cow::Owned).map(Personal::new);
        Ok(Content { request, phone, register, withdrawal_reason })
    }
}

/// The note that was left with a status.
pub(crate) async fn note(call: &BankCall, delivery: &Delivery, position: u32) -> Result<Option<String>, Fault> {
    part(call, delivery, note_part(delivery.id, position)).await
}

/// The name under which a note is kept beside its record.
pub(crate) fn note_part(delivery: i64, position: u32) -> String {
    format!("note/{delivery}/{position}")
}

async fn part(
    call: &BankCall,
    delivery: &Delivery,
    part: impl Into<Cow<'static, str>>,
) -> Result<Option<String>, Fault> {
    let content = call.gateway.store.payload(&delivery.scope, delivery.record.id, part).await?;
    content.map(|content| String::from_utf8(content.into_vec())).transpose().map_err(|_| Fault::Internal)
}

fn parsed(text: &str) -> Result<Personal<Json>, Fault> {
    Json::parse(text).map(Personal::new).map_err(|_| Fault::Internal)
}

/// The reason in a withdrawal.
fn reason(withdrawal: &str) -> Option<String> {
    let withdrawal: serde_json::Value = serde_json::from_str(withdrawal).ok()?;
    withdrawal["reason"].as_str().map(str::to_owned)
}
