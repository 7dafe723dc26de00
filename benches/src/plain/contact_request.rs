//! The body of a contact request.
#![allow(missing_docs, reason = "the contract's documentation is that of the generated types")]

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<S> {
    pub person: Person<S>,
    pub phone_number: S,
    pub email: S,
    pub language: Option<S>,
    pub recontact: Option<Recontact<S>>,
    pub subject: Subject<S>,
    pub message: Option<S>,
    pub consent: Option<Consent<S>>,
    pub attribution: Option<Attribution<S>>,
}

#[derive(Debug, Deserialize)]
pub struct Person<S> {
    pub forename: S,
    pub surname: S,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "mode")]
pub enum Recontact<S> {
    #[serde(rename = "AS_SOON_AS_POSSIBLE")]
    AsSoonAsPossible,
    #[serde(rename = "AT", rename_all = "camelCase")]
    At { at: S, time_zone: Option<S> },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "productType", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Subject<S> {
    General {
        intent: Option<Intent>,
    },
    ConsumerCredit {
        intent: Option<Intent>,
        amount: Money,
        interest_rate: Option<f64>,
        maturity_months: Option<i64>,
        purpose: Option<S>,
    },
    CreditCard {
        intent: Option<Intent>,
        credit_limit: Money,
        interest_rate: Option<f64>,
    },
    Mortgage {
        intent: Option<Intent>,
        amount: Money,
        interest_rate: Option<f64>,
        maturity_months: Option<i64>,
        fixation_months: Option<i64>,
        property_value: Option<Money>,
        purpose: Option<S>,
    },
    LoanConsolidation {
        intent: Option<Intent>,
        amount: Money,
        interest_rate: Option<f64>,
        maturity_months: Option<i64>,
        loans: Vec<Loan<S>>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Loan<S> {
    pub creditor: S,
    pub outstanding: Money,
    pub monthly_instalment: Option<Money>,
}

#[derive(Debug, Deserialize)]
pub struct Money {
    pub value: f64,
    pub currency: Currency,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Intent {
    Information,
    Arrange,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent<S> {
    pub text_id: S,
    pub text_hash: S,
    pub given_at: S,
    pub channel: ConsentChannel,
    pub language: S,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConsentChannel {
    Web,
    MobileApp,
    Phone,
    InPerson,
    Paper,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribution<S> {
    pub partner_reference: Option<S>,
    pub campaign: Option<S>,
    pub source: Option<S>,
    pub sub_partner: Option<S>,
}

/// A few currencies are enough here: matching fewer names is to the peer's advantage.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    Czk,
    Eur,
    Usd,
    Pln,
    Huf,
    Gbp,
}
