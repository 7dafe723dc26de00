//! Validators of the `jsonschema` crate for our schemas: compiled into code by its macro, and built at run time.
//!
//! Both assert formats, as ours do. A schema file that is referred to and not listed here is a compile error.
#![allow(missing_docs, reason = "the methods that the macro adds have no documentation")]

use std::error::Error;
use std::path::Path;

use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::Value;

/// A contact request, by the compile-time validator.
#[jsonschema::validator(
    path = "../schemas/contact_request/v1/request.schema.json",
    draft = Draft202012,
    validate_formats = true,
    resources = {
        "https://schemas.usher.example/contact_request/v1/consent.schema.json" => { path = "../schemas/contact_request/v1/consent.schema.json" },
        "https://schemas.usher.example/contact_request/v1/consumer_credit.schema.json" => { path = "../schemas/contact_request/v1/consumer_credit.schema.json" },
        "https://schemas.usher.example/contact_request/v1/credit_card.schema.json" => { path = "../schemas/contact_request/v1/credit_card.schema.json" },
        "https://schemas.usher.example/contact_request/v1/general.schema.json" => { path = "../schemas/contact_request/v1/general.schema.json" },
        "https://schemas.usher.example/contact_request/v1/intent.schema.json" => { path = "../schemas/contact_request/v1/intent.schema.json" },
        "https://schemas.usher.example/contact_request/v1/interest_rate.schema.json" => { path = "../schemas/contact_request/v1/interest_rate.schema.json" },
        "https://schemas.usher.example/contact_request/v1/language.schema.json" => { path = "../schemas/contact_request/v1/language.schema.json" },
        "https://schemas.usher.example/contact_request/v1/loan.schema.json" => { path = "../schemas/contact_request/v1/loan.schema.json" },
        "https://schemas.usher.example/contact_request/v1/loan_consolidation.schema.json" => { path = "../schemas/contact_request/v1/loan_consolidation.schema.json" },
        "https://schemas.usher.example/contact_request/v1/money.schema.json" => { path = "../schemas/contact_request/v1/money.schema.json" },
        "https://schemas.usher.example/contact_request/v1/months.schema.json" => { path = "../schemas/contact_request/v1/months.schema.json" },
        "https://schemas.usher.example/contact_request/v1/mortgage.schema.json" => { path = "../schemas/contact_request/v1/mortgage.schema.json" },
        "https://schemas.usher.example/contact_request/v1/person.schema.json" => { path = "../schemas/contact_request/v1/person.schema.json" },
        "https://schemas.usher.example/contact_request/v1/purpose.schema.json" => { path = "../schemas/contact_request/v1/purpose.schema.json" },
        "https://schemas.usher.example/contact_request/v1/recontact.schema.json" => { path = "../schemas/contact_request/v1/recontact.schema.json" },
        "https://schemas.usher.example/contact_request/v1/recontact_as_soon_as_possible.schema.json" => { path = "../schemas/contact_request/v1/recontact_as_soon_as_possible.schema.json" },
        "https://schemas.usher.example/contact_request/v1/recontact_at.schema.json" => { path = "../schemas/contact_request/v1/recontact_at.schema.json" },
        "https://schemas.usher.example/contact_request/v1/subject.schema.json" => { path = "../schemas/contact_request/v1/subject.schema.json" },
        "https://schemas.usher.example/shared/attribution.schema.json" => { path = "../schemas/shared/attribution.schema.json" },
        "https://schemas.usher.example/shared/currency.schema.json" => { path = "../schemas/shared/currency.schema.json" },
        "https://schemas.usher.example/shared/email.schema.json" => { path = "../schemas/shared/email.schema.json" },
    }
)]
pub struct ContactRequest;

/// An appointment request, by the compile-time validator.
#[jsonschema::validator(
    path = "../schemas/appointment_request/v2/request.schema.json",
    draft = Draft202012,
    validate_formats = true,
    resources = {
        "https://schemas.usher.example/appointment_request/v2/amortization_rate.schema.json" => { path = "../schemas/appointment_request/v2/amortization_rate.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/appointment_date.schema.json" => { path = "../schemas/appointment_request/v2/appointment_date.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/appointment_time.schema.json" => { path = "../schemas/appointment_request/v2/appointment_time.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/building_financing.schema.json" => { path = "../schemas/appointment_request/v2/building_financing.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/contact_address.schema.json" => { path = "../schemas/appointment_request/v2/contact_address.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/contact_request.schema.json" => { path = "../schemas/appointment_request/v2/contact_request.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/financing.schema.json" => { path = "../schemas/appointment_request/v2/financing.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/financing_terms.schema.json" => { path = "../schemas/appointment_request/v2/financing_terms.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/followup_financing.schema.json" => { path = "../schemas/appointment_request/v2/followup_financing.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/money.schema.json" => { path = "../schemas/appointment_request/v2/money.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/name.schema.json" => { path = "../schemas/appointment_request/v2/name.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/postal_code.schema.json" => { path = "../schemas/appointment_request/v2/postal_code.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/purchase_financing.schema.json" => { path = "../schemas/appointment_request/v2/purchase_financing.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/referred_offer.schema.json" => { path = "../schemas/appointment_request/v2/referred_offer.schema.json" },
        "https://schemas.usher.example/appointment_request/v2/text.schema.json" => { path = "../schemas/appointment_request/v2/text.schema.json" },
        "https://schemas.usher.example/shared/email.schema.json" => { path = "../schemas/shared/email.schema.json" },
    }
)]
pub struct AppointmentRequest;

/// An update of a digital customer, by the compile-time validator.
#[jsonschema::validator(
    path = "../schemas/digital_customer/v1/update.schema.json",
    draft = Draft202012,
    validate_formats = true,
    resources = {
        "https://schemas.usher.example/digital_customer/v1/branch_code.schema.json" => { path = "../schemas/digital_customer/v1/branch_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/citizenship_number.schema.json" => { path = "../schemas/digital_customer/v1/citizenship_number.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/city_code.schema.json" => { path = "../schemas/digital_customer/v1/city_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/code.schema.json" => { path = "../schemas/digital_customer/v1/code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/contact_address.schema.json" => { path = "../schemas/digital_customer/v1/contact_address.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/customer_no.schema.json" => { path = "../schemas/digital_customer/v1/customer_no.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/district_code.schema.json" => { path = "../schemas/digital_customer/v1/district_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/district_type.schema.json" => { path = "../schemas/digital_customer/v1/district_type.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/education_status_code.schema.json" => { path = "../schemas/digital_customer/v1/education_status_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/header.schema.json" => { path = "../schemas/digital_customer/v1/header.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/home_address.schema.json" => { path = "../schemas/digital_customer/v1/home_address.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/home_status_code.schema.json" => { path = "../schemas/digital_customer/v1/home_status_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/job_title_code.schema.json" => { path = "../schemas/digital_customer/v1/job_title_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/label.schema.json" => { path = "../schemas/digital_customer/v1/label.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/process_id.schema.json" => { path = "../schemas/digital_customer/v1/process_id.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/street_code.schema.json" => { path = "../schemas/digital_customer/v1/street_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/town_code.schema.json" => { path = "../schemas/digital_customer/v1/town_code.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/work_address.schema.json" => { path = "../schemas/digital_customer/v1/work_address.schema.json" },
        "https://schemas.usher.example/digital_customer/v1/working_status_code.schema.json" => { path = "../schemas/digital_customer/v1/working_status_code.schema.json" },
    }
)]
pub struct DigitalCustomer;

/// The run-time validator for the schema file `root`, such as `contact_request/v1/request.schema.json`.
///
/// # Errors
/// A schema file cannot be read, or does not compile.
pub fn build(root: &str) -> Result<Validator, Box<dyn Error + Send + Sync>> {
    let schema = read(root)?;
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    Ok(options.with_retriever(Files).build(&schema)?)
}

struct Files;

impl Retrieve for Files {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        read(uri.as_str().strip_prefix("https://schemas.usher.example/").ok_or("not a schema of ours")?)
    }
}

fn read(file: &str) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(file);
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}
