//! The body of `UpdateDigitalCustomerInformations`.
#![allow(missing_docs, reason = "the contract's documentation is that of the generated types")]

use serde::Deserialize;

use super::NumberOrText;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request<S> {
    pub header: Header<S>,
    pub parameters: Vec<UpdateParameters<S>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Header<S> {
    pub app_key: S,
    pub channel: S,
    pub channel_session_id: S,
    pub channel_request_id: S,
    pub teller_name: Option<S>,
    pub caller_id: Option<S>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateParameters<S> {
    pub customer_no: i64,
    pub process_id: i64,
    pub citizenship_number: NumberOrText<S>,
    pub education_status: S,
    pub education_status_code: NumberOrText<S>,
    pub company_name: S,
    pub salary_info: f64,
    pub working_status: S,
    pub working_status_code: NumberOrText<S>,
    pub job_title: S,
    pub job_title_code: NumberOrText<S>,
    pub home_status: S,
    pub home_status_code: NumberOrText<S>,
    pub work_area_code: NumberOrText<S>,
    pub job_address_info: Address<S>,
    pub branch_id: NumberOrText<S>,
    pub home_address_info: Address<S>,
    pub contact_address_info: Option<Address<S>>,
    pub selected_address: SelectedAddress,
    pub calculate_limit: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Address<S> {
    pub r#type: S,
    pub type_code: NumberOrText<S>,
    pub country: S,
    pub country_code: NumberOrText<S>,
    pub city: S,
    pub city_code: NumberOrText<S>,
    pub town: S,
    pub town_code: NumberOrText<S>,
    pub district: S,
    pub district_code: NumberOrText<S>,
    pub district_type: Option<NumberOrText<S>>,
    pub street: S,
    pub street_code: NumberOrText<S>,
    pub address_detail: S,
}

#[derive(Debug, Deserialize)]
pub enum SelectedAddress {
    Home,
    Work,
    Contact,
}
