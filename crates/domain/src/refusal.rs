//! Requests that obey the contract and are refused all the same. What the contract refuses is a violation.

use std::fmt;

use crate::commission::{Kind, State};
use crate::flow::{FlowState, Method};
use crate::status::Status;

/// A business rule said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Several at once, at least two and none of them this again.
    Several(Vec<Refusal>),
    /// The bank does not offer the product at present.
    ProductNotOffered {
        /// Where in the body the product is chosen.
        pointer: Option<&'static str>,
    },
    /// The partner sent the person a short while ago, and the product takes nobody twice.
    DuplicateRefused {
        /// Where in the body the person is named.
        pointer: &'static str,
    },
    /// The product takes no contact request without the person's consent.
    ConsentRequired,
    /// The product takes no appointment request without the data processing agreement.
    DpaRequired,
    /// The body names another application than the key belongs to.
    AppKeyMismatch,
    /// There is no such flow, or it is another partner's or application's.
    FlowUnknown {
        /// Where in the body the flow is named.
        pointer: &'static str,
    },
    /// The method may not be called in the state the flow is in.
    FlowTransition {
        /// Where the flow stands.
        state: FlowState,
        /// The method that was called.
        method: Method,
    },
    /// The body names another phone number or mail address than the flow was created with.
    FlowContactMismatch {
        /// Where in the body.
        pointers: Vec<&'static str>,
    },
    /// The identity register knows nobody by this number.
    PersonNotFound,
    /// The identity register says that the person has died.
    PersonDeceased,
    /// The identity register holds other data of the person than it was told.
    PersonMismatch,
    /// No identity register is set up for this environment, so no flow can be opened in it.
    RegisterNotConfigured,
    /// The request has come to its end and can no longer be withdrawn.
    StatusFinal,
    /// The bank may not set this status after the present one.
    StatusMove {
        /// The present one.
        from: Status,
        /// The one to be set.
        to: Status,
    },
    /// The reason is none that goes with the status.
    ReasonOfOtherStatus {
        /// The status.
        status: Status,
    },
    /// The delivery has earned nothing by this cause.
    CommissionUnknown {
        /// Where in the body it is named.
        pointer: &'static str,
    },
    /// The commission does not stand where this is legal.
    CommissionMove {
        /// Where it stands.
        state: State,
        /// What was wanted.
        kind: Kind,
    },
    /// More would be reversed than is left, or coins that the currency does not have.
    CommissionAmount,
}

impl Refusal {
    /// One or several refusals as one; nothing for none.
    pub fn of(mut refusals: Vec<Refusal>) -> Option<Refusal> {
        match refusals.len() {
            0 | 1 => refusals.pop(),
            _ => Some(Refusal::Several(refusals)),
        }
    }

    /// Each of them.
    pub fn each(&self) -> &[Refusal] {
        match self {
            Refusal::Several(refusals) => refusals,
            single => std::slice::from_ref(single),
        }
    }

    /// The code in the table of codes, which says status, whose fault it is and whether a retry can help.
    pub fn code(&self) -> &'static str {
        match self {
            // The first decides what the answer as a whole is.
            Refusal::Several(refusals) => refusals.first().map_or("internal", Refusal::code),
            Refusal::ProductNotOffered { .. } => "product_not_offered",
            Refusal::DuplicateRefused { .. } => "duplicate_refused",
            Refusal::ConsentRequired => "consent_required",
            Refusal::DpaRequired => "dpa_required",
            Refusal::AppKeyMismatch => "app_key_mismatch",
            Refusal::FlowUnknown { .. } => "flow_unknown",
            Refusal::FlowTransition { state: FlowState::Created, method: Method::Complete } => "update_required",
            Refusal::FlowTransition { .. } | Refusal::StatusFinal | Refusal::StatusMove { .. } => "illegal_transition",
            Refusal::ReasonOfOtherStatus { .. } => "reason_mismatch",
            Refusal::FlowContactMismatch { .. } => "flow_contact_mismatch",
            Refusal::PersonNotFound => "person_not_found",
            Refusal::PersonDeceased => "person_deceased",
            Refusal::PersonMismatch => "person_mismatch",
            Refusal::RegisterNotConfigured => "register_not_configured",
            Refusal::CommissionUnknown { .. } => "commission_unknown",
            Refusal::CommissionMove { .. } => "commission_move_illegal",
            Refusal::CommissionAmount => "commission_amount_refused",
        }
    }

    /// The places in the body it is about, as JSON Pointers; none when it is about the request as a whole.
    pub fn pointers(&self) -> &[&'static str] {
        match self {
            Refusal::ConsentRequired => &["/consent"],
            Refusal::DpaRequired => &["/contactRequest/dpaAccepted"],
            Refusal::AppKeyMismatch => &["/Header/AppKey"],
            Refusal::FlowUnknown { pointer }
            | Refusal::DuplicateRefused { pointer }
            | Refusal::CommissionUnknown { pointer } => std::slice::from_ref(pointer),
            Refusal::ProductNotOffered { pointer } => pointer.as_slice(),
            Refusal::FlowContactMismatch { pointers } => pointers,
            Refusal::PersonNotFound | Refusal::PersonDeceased | Refusal::PersonMismatch => {
                &["/Parameters/0/DigitalCustomer/CitizenshipNumber"]
            }
            Refusal::ReasonOfOtherStatus { .. } => &["/reason"],
            Refusal::CommissionAmount => &["/amount"],
            Refusal::Several(_)
            | Refusal::FlowTransition { .. }
            | Refusal::StatusFinal
            | Refusal::StatusMove { .. }
            | Refusal::RegisterNotConfigured
            | Refusal::CommissionMove { .. } => &[],
        }
    }
}

impl fmt::Display for Refusal {
    /// What the partner may read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Several(refusals) => {
                for (index, refusal) in refusals.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "; " })?;
                    refusal.fmt(f)?;
                }
                Ok(())
            }
            Refusal::ProductNotOffered { .. } => f.write_str("this product is not offered at present"),
            Refusal::DuplicateRefused { .. } => f.write_str(
                "you sent a request about this person a short while ago, and this product takes nobody twice",
            ),
            Refusal::ConsentRequired => f.write_str("this product needs the person's consent"),
            Refusal::DpaRequired => f.write_str("this product needs the data processing agreement to be accepted"),
            Refusal::AppKeyMismatch => f.write_str("AppKey is not the application your key belongs to"),
            Refusal::FlowUnknown { .. } => f.write_str("your application has no such flow"),
            Refusal::FlowTransition { state, method } => {
                write!(f, "{method} cannot be called while the flow is {state}")
            }
            Refusal::FlowContactMismatch { .. } => f.write_str("differs from what the flow was created with"),
            Refusal::PersonNotFound => f.write_str("the identity register knows nobody by this number"),
            Refusal::PersonDeceased => f.write_str("the person by this number has died"),
            Refusal::PersonMismatch => f.write_str("the identity register holds other data of this person"),
            Refusal::RegisterNotConfigured => {
                f.write_str("the bank has not connected its identity register yet; no customer can be created")
            }
            Refusal::StatusFinal => f.write_str("the request has come to its end and cannot be withdrawn"),
            Refusal::StatusMove { from, to } if from == to => {
                write!(
                    f,
                    "{to} is the status already; with a note it can be set again as one more attempt, unless it is NEW or final"
                )
            }
            Refusal::StatusMove { from, to } => write!(f, "{to} cannot follow {from}"),
            Refusal::ReasonOfOtherStatus { status } if status.reasons().is_empty() => {
                write!(f, "{status} is set without a reason")
            }
            Refusal::ReasonOfOtherStatus { status } => {
                let names: Vec<&str> = status.reasons().iter().map(|reason| reason.as_str()).collect();
                write!(f, "the reasons of {status} are {}", names.join(", "))
            }
            Refusal::CommissionUnknown { .. } => f.write_str("the delivery has earned nothing by this cause"),
            Refusal::CommissionMove { state, kind } => write!(f, "{kind} is not possible: the commission is {state}"),
            Refusal::CommissionAmount => {
                f.write_str("must be above 0, at most what is left, and in coins that the currency has")
            }
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::is_in_table;

    #[test]
    fn every_refusal_has_a_code_of_the_table() {
        let complete = Method::Complete;
        for (refusal, code) in [
            (Refusal::Several(vec![Refusal::DpaRequired, Refusal::ConsentRequired]), "dpa_required"),
            (Refusal::ProductNotOffered { pointer: None }, "product_not_offered"),
            (Refusal::DuplicateRefused { pointer: "/phoneNumber" }, "duplicate_refused"),
            (Refusal::ConsentRequired, "consent_required"),
            (Refusal::DpaRequired, "dpa_required"),
            (Refusal::AppKeyMismatch, "app_key_mismatch"),
            (Refusal::FlowUnknown { pointer: "/Parameters/0/ProcessId" }, "flow_unknown"),
            (Refusal::FlowTransition { state: FlowState::Created, method: complete }, "update_required"),
            (Refusal::FlowTransition { state: FlowState::Completed, method: complete }, "illegal_transition"),
            (Refusal::FlowTransition { state: FlowState::Expired, method: Method::Update }, "illegal_transition"),
            (Refusal::FlowContactMismatch { pointers: vec!["/Parameters/0/Email"] }, "flow_contact_mismatch"),
            (Refusal::PersonNotFound, "person_not_found"),
            (Refusal::PersonDeceased, "person_deceased"),
            (Refusal::PersonMismatch, "person_mismatch"),
            (Refusal::RegisterNotConfigured, "register_not_configured"),
            (Refusal::StatusFinal, "illegal_transition"),
            (Refusal::StatusMove { from: Status::New, to: Status::OfferSent }, "illegal_transition"),
            (Refusal::ReasonOfOtherStatus { status: Status::New }, "reason_mismatch"),
            (Refusal::CommissionUnknown { pointer: "/cause" }, "commission_unknown"),
            (Refusal::CommissionMove { state: State::Paid, kind: Kind::Hold }, "commission_move_illegal"),
            (Refusal::CommissionAmount, "commission_amount_refused"),
        ] {
            assert_eq!(refusal.code(), code);
            let is_listed = ["refusal", "state", "gateway"].iter().any(|kind| is_in_table(code, kind));
            assert!(is_listed, "schemas/errors.json has no refusal {code}");
        }
    }
}
