//! The ledger: what is owed to a partner for a delivery, entry by entry. It is appended to in the commit that is the cause,
//! never changed, and holds production only.

use std::borrow::Cow;

use uuid::Uuid;

use crate::{Actor, ApplicationId, Millis, PartnerId};

/// An entry to be appended. Its product is the delivery's.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The record of the delivery.
    pub record: Uuid,
    /// The destination of the delivery.
    pub destination: Cow<'static, str>,
    /// What happens to the amount.
    pub kind: Cow<'static, str>,
    /// The amount, an exact decimal number in digits: at most 18 before the point and four after it.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// When.
    pub at: Millis,
    /// A code that says why.
    pub cause: Cow<'static, str>,
    /// Who caused it.
    pub actor: Actor,
    /// Which user or program of the actor.
    pub actor_name: Option<String>,
    /// The number of a payment, the rule that was in force.
    pub reference: Option<String>,
}

/// An entry as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, in the order of the commits.
    pub id: i64,
    /// The delivery.
    pub delivery: i64,
    /// The record's id as the partner knows it.
    pub record: Uuid,
    /// The destination of the delivery.
    pub destination: String,
    /// The partner's own reference of the record.
    pub partner_reference: Option<String>,
    /// The campaign the record came from.
    pub campaign: Option<String>,
    /// The source the record came from.
    pub source: Option<String>,
    /// The partner's own partner.
    pub sub_partner: Option<String>,
    /// To whom it is owed.
    pub partner: PartnerId,
    /// Through which of its applications.
    pub application: ApplicationId,
    /// For which product.
    pub product: String,
    /// What happens to the amount.
    pub kind: String,
    /// The amount, an exact decimal number.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// When.
    pub at: Millis,
    /// A code that says why.
    pub cause: String,
    /// Who caused it.
    pub actor: Actor,
    /// Which user or program of the actor.
    pub actor_name: Option<String>,
    /// The number of a payment, the rule that was in force.
    pub reference: Option<String>,
}

/// Which entries to list. What is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct LedgerFilter {
    /// Of one partner.
    pub partner: Option<PartnerId>,
    /// Of one of its applications.
    pub application: Option<ApplicationId>,
    /// Of one of these deliveries; none for any.
    pub deliveries: Vec<i64>,
    /// Of one month in UTC, such as `2026-11`.
    pub month: Option<String>,
}

/// What many entries add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The currency of all of them.
    pub currency: String,
    /// The sum of their amounts, an exact decimal number.
    pub amount: String,
}
