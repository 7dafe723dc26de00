//! The body of an appointment request.
#![allow(missing_docs, reason = "the contract's documentation is that of the generated types")]

use serde::Deserialize;

use super::NumberOrText;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<S> {
    pub referred_offers: Vec<ReferredOffer<S>>,
    pub contact_request: ContactRequest<S>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferredOffer<S> {
    pub provider_id: S,
    pub product: Option<Product>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Product {
    Via,
    Default,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactRequest<S> {
    pub financing_terms: FinancingTerms<S>,
    pub use_type: UseType,
    pub salutation: Option<Salutation>,
    pub title: Option<AcademicTitle>,
    pub surname: S,
    pub forename: S,
    pub email: S,
    pub phone_number: S,
    pub message: Option<S>,
    pub contact_channel: ContactChannel,
    pub primary_appointment_date: Option<i64>,
    pub primary_appointment_time: Option<AppointmentTime>,
    pub secondary_appointment_date: Option<i64>,
    pub secondary_appointment_time: Option<AppointmentTime>,
    pub net_income: Option<NumberOrText<S>>,
    pub bank: Option<S>,
    pub date_of_birth: Option<S>,
    pub number_of_borrowers: Option<i64>,
    pub current_credits: Option<NumberOrText<S>>,
    pub kfw_promotion: Option<bool>,
    pub dpa_accepted: Option<bool>,
    pub contact_address: Option<ContactAddress<S>>,
    pub expose_id: Option<S>,
    pub object_id: Option<S>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinancingTerms<S> {
    pub geo_code: Option<S>,
    pub postal_code: Option<S>,
    pub amortization_rate: NumberOrText<S>,
    pub employment: Employment,
    pub employment_sector: Option<EmploymentSector>,
    pub fixed_nominal_interest_rate: FixedNominalInterestRate,
    pub financing: Option<Financing<S>>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
#[allow(clippy::enum_variant_names, reason = "the contract names them so")]
pub enum Financing<S> {
    BuildingFinancing {
        purchase_price: NumberOrText<S>,
        own_funds: NumberOrText<S>,
        additional_costs: NumberOrText<S>,
        financing_start: FinancingStart,
        project_state: BuildingState,
    },
    PurchaseFinancing {
        purchase_price: NumberOrText<S>,
        own_funds: NumberOrText<S>,
        additional_costs: NumberOrText<S>,
        financing_start: FinancingStart,
        project_state: PurchaseState,
    },
    FollowupFinancing {
        property_value: NumberOrText<S>,
        remaining_debt: NumberOrText<S>,
        financing_start: FollowupStart,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactAddress<S> {
    pub street: S,
    pub street_number: S,
    pub postal_code: S,
    pub location: S,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UseType {
    OwnerOccupation,
    PartiallyRenting,
    Renting,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Salutation {
    Mr,
    Mrs,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AcademicTitle {
    NoTitle,
    Doctor,
    Professor,
    ProfessorDoctor,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContactChannel {
    Telephone,
    MeetingAtProvidersPlace,
    MeetingAtRequestersPlace,
    Email,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppointmentTime {
    AllDay,
    EightToTwelve,
    TwelveToSixteen,
    SixteenToNineteen,
    Unknown,
    TenUntilEleven,
    ElevenUntilTwelve,
    TwelveUntilThirteen,
    ThirteenUntilFourteen,
    FourteenUntilFifteen,
    FifteenUntilSixteen,
    SixteenUntilSeventeen,
    SeventeenUntilEighteen,
    EighteenUntilNineteen,
    NineteenUntilTwenty,
    #[serde(rename = "TWENTY_UNTIL_TWENTYONE")]
    TwentyUntilTwentyOne,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Employment {
    CivilServant,
    Employed,
    Freelancer,
    Pensioner,
    Selfemployed,
    Unemployed,
    Worker,
    Housewife,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EmploymentSector {
    Medical,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FixedNominalInterestRate {
    FiveYears,
    TenYears,
    FifteenYears,
    TwentyYears,
    ThirtyYears,
    FortyYears,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FinancingStart {
    Na,
    InLessThanThreeMonth,
    InBetweenThreeAndSixMonths,
    InMoreThanSixMonth,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FollowupStart {
    Na,
    InLessThanOneYear,
    InOneYear,
    InTwoYears,
    InThreeYears,
    InFourYears,
    InFiveYears,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BuildingState {
    Na,
    NotYetInPlanning,
    LandPropertyExists,
    LandPropertyAndCompanyExist,
    PropertyFound,
    NotaryAppointmentPlanned,
    OnBuilderSearch,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PurchaseState {
    Na,
    RealEstateVisited,
    RealEstateNotYetVisited,
    PurchasingNegotiations,
    ObjectFound,
    NotaryAppointmentPlanned,
    OnObjectSearch,
}
