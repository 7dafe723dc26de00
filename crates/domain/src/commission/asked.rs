//! The amount that a request asks for, of which a percentage can be earned: one place per kind of request.

use usher_contract::appointment_request::v2 as appointment;
use usher_contract::contact_request::v1 as contact;
use usher_wire::{Personal, Text};

use super::Amount;

/// An amount with its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// How much.
    pub amount: Amount,
    /// The currency, by its ISO 4217 code.
    pub currency: String,
}

/// What a contact request asks for: `amount`, of a credit card `creditLimit`; a general one asks for none.
pub fn of_contact_request<'a, S: Text<'a>>(request: &contact::Request<S>) -> Option<Sum> {
    let money = match &request.subject {
        contact::Subject::General(_) => return None,
        contact::Subject::ConsumerCredit(subject) => &subject.amount,
        contact::Subject::CreditCard(subject) => &subject.credit_limit,
        contact::Subject::Mortgage(subject) => &subject.amount,
        contact::Subject::LoanConsolidation(subject) => &subject.amount,
    };
    Some(Sum { amount: Amount::of(money.value.expose())?, currency: money.currency.as_str().to_owned() })
}

/// What an appointment request asks for, in euro: of a purchase or a building what is missing beside the own funds, of a
/// follow-up the debt that remains.
pub fn of_appointment_request<'a, S: Text<'a>>(request: &appointment::Request<S>) -> Option<Sum> {
    let of = |money| amount_of(money);
    let amount = match request.contact_request.financing_terms.financing.as_ref()? {
        appointment::Financing::PurchaseFinancing(financing) => {
            of(&financing.purchase_price)? + of(&financing.additional_costs)? - of(&financing.own_funds)?
        }
        appointment::Financing::BuildingFinancing(financing) => {
            of(&financing.purchase_price)? + of(&financing.additional_costs)? - of(&financing.own_funds)?
        }
        appointment::Financing::FollowupFinancing(financing) => of(&financing.remaining_debt)?,
    };
    amount.is_above_zero().then(|| Sum { amount, currency: "EUR".to_owned() })
}

fn amount_of<'a, S: Text<'a>>(money: &Personal<appointment::Money<S>>) -> Option<Amount> {
    match money.expose() {
        appointment::Money::Number(number) => Amount::of(number),
        appointment::Money::Text(text) => text.as_str().parse().ok(),
    }
}
