//! Digital customer: one person's onboarding in three methods.
//!
//! What the identity register said is handed in; where it was not asked is warned of. Labels, codes and how the codes of an
//! address fit are judged while the body is read, in `facts/coded.rs`.

use std::borrow::Cow;

use jiff::Timestamp;
use usher_contract::digital_customer::v1::{
    CitizenshipNumber, CompleteDigitalCustomer, CreateDigitalCustomer, Header, UpdateDigitalCustomerInformations,
};
use usher_wire::{Personal, Text, Warning};

use crate::accept::{Accept, Caller, Decision, Placed, Worth};
use crate::flow::{Flow, FlowState, Method};
use crate::ids::{CustomerNo, ProcessId};
use crate::phone::{self, PhoneRegion};
use crate::products::Asked;
use crate::receipt::{Digest, DigestKey};
use crate::refusal::Refusal;
use crate::register::Finding;

/// The public numbers a new flow gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The flow's.
    pub process: ProcessId,
    /// The person's.
    pub customer: CustomerNo,
}

/// What became of `CreateDigitalCustomer`.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// A new flow, to be stored together with the request.
    Opened(Step),
    /// The person has an open flow with this application: the request is stored, the flow stays as it is.
    Known(Step),
    /// Only asked for; nothing is stored.
    Read(Flow),
}

/// A request that is stored, and the flow as it stands afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is stored of the request.
    pub decision: Decision,
    /// The flow.
    pub flow: Flow,
    /// The person as the identity register knows them, where it was asked: kept and delivered beside the request.
    pub register: Option<Personal<Vec<u8>>>,
}

/// By which the person is recognised: the open flow that [`create`] must know of is found by it.
pub fn person<'a, S: Text<'a>>(request: &CreateDigitalCustomer<S>, keys: &DigestKey) -> Digest {
    person_digest(only(&request.parameters).digital_customer.citizenship_number.expose(), keys)
}

/// The national id to ask the identity register for: where a flow is to be opened, and not where the open one is given
/// back or nothing would come of it anyway.
pub fn asks_register<'a, S: Text<'a>>(
    request: &CreateDigitalCustomer<S>,
    caller: &Caller,
    open: Option<&Flow>,
    now: Timestamp,
) -> Option<Personal<String>> {
    let parameters = only(&request.parameters);
    let is_open = open.is_some_and(|flow| flow.state_at(now).is_open());
    let asks = !is_open && !parameters.is_get_process && check_app_key(&request.header, caller).is_ok();
    asks.then(|| Personal::new(national_id(parameters.digital_customer.citizenship_number.expose()).into_owned()))
}

/// Decides on `CreateDigitalCustomer`. `open` is the flow this person has open with this application, if there is one;
/// `finding` what the identity register said, none where it was not asked.
///
/// # Errors
/// The body names another application, asks to read a flow that is not there, or is about somebody whom the register does
/// not know as a living person.
pub fn create<'a, S: Text<'a>>(
    mut accept: Accept<'_, CreateDigitalCustomer<S>>,
    open: Option<Flow>,
    finding: Option<Finding>,
    numbers: Numbers,
    keys: &DigestKey,
) -> Result<Created, Refusal> {
    let request = accept.request;
    check_app_key(&request.header, accept.caller)?;
    let parameters = only(&request.parameters);
    let pointer = "/Parameters/0/DigitalCustomer/CitizenshipNumber";
    let open = open.filter(|flow| flow.state_at(accept.now).is_open());
    match open {
        Some(flow) if parameters.is_get_process => return Ok(Created::Read(flow)),
        None if parameters.is_get_process => return Err(Refusal::FlowUnknown { pointer }),
        _ => {}
    }
    if open.is_none() && !accept.products.product_of(Asked::Onboarding).is_offered {
        return Err(Refusal::ProductNotOffered { pointer: None });
    }
    let customer = &parameters.digital_customer;
    let phone = e164(customer.phone_number.expose().as_str());
    if let Some(flow) = open {
        accept.warnings.push(warning(pointer, "flow_exists", "the person has an open flow, which stays as it is"));
        let decision = accept.store(onboarding(Some(phone)));
        return Ok(Created::Known(Step { decision, flow, register: None }));
    }
    let register = finding.map(Finding::person).transpose()?;
    if register.is_none() {
        accept.warnings.push(warning(pointer, "unverified", "the identity register was not asked"));
    }
    let flow = Flow {
        process: numbers.process,
        customer: numbers.customer,
        state: FlowState::Created,
        expires_at: Flow::expiry(accept.now),
        person: person_digest(customer.citizenship_number.expose(), keys),
        phone: keys.phone(&phone),
        email: keys.email(customer.email.expose().as_str()),
        notify: customer.notification_on_update,
    };
    Ok(Created::Opened(Step { decision: accept.store(onboarding(Some(phone))), flow, register }))
}

/// Decides on `UpdateDigitalCustomerInformations`. `flow` is the one with that process id, if this application has it.
///
/// # Errors
/// The body names another application, there is no such flow of this person, or it takes no update any more.
pub fn update<'a, S: Text<'a>>(
    accept: Accept<'_, UpdateDigitalCustomerInformations<S>>,
    flow: Option<Flow>,
    keys: &DigestKey,
) -> Result<Step, Refusal> {
    let request = accept.request;
    check_app_key(&request.header, accept.caller)?;
    let parameters = only(&request.parameters);
    let person = person_digest(parameters.citizenship_number.expose(), keys);
    let flow = known(flow, parameters.process_id, *parameters.customer_no.expose())?;
    if flow.person != person {
        return Err(Refusal::FlowUnknown { pointer: "/Parameters/0/CitizenshipNumber" });
    }
    let state = flow.state_at(accept.now).after(Method::Update)?;
    let decision = accept.store(onboarding(None));
    Ok(Step { decision, flow: Flow { state, ..flow }, register: None })
}

/// Decides on `CompleteDigitalCustomer`. `flow` is the one with that process id, if this application has it.
///
/// # Errors
/// The body names another application, there is no such flow, it cannot be completed yet or any more, or the phone number
/// or mail address is not the one it was created with.
pub fn complete<'a, S: Text<'a>>(
    accept: Accept<'_, CompleteDigitalCustomer<S>>,
    flow: Option<Flow>,
    keys: &DigestKey,
) -> Result<Step, Refusal> {
    let request = accept.request;
    check_app_key(&request.header, accept.caller)?;
    let parameters = only(&request.parameters);
    let flow = known(flow, parameters.process_id, *parameters.customer_no.expose())?;
    let state = flow.state_at(accept.now).after(Method::Complete)?;
    let phone = e164(parameters.phone_number.expose().as_str());
    let mut pointers = Vec::new();
    if flow.email != keys.email(parameters.email.expose().as_str()) {
        pointers.push("/Parameters/0/Email");
    }
    if flow.phone != keys.phone(&phone) {
        pointers.push("/Parameters/0/PhoneNumber");
    }
    if !pointers.is_empty() {
        return Err(Refusal::FlowContactMismatch { pointers });
    }
    // The person is a customer candidate now: this step, and no other, is what the partner brought.
    let decision = accept.store(Placed { worth: Worth::Commission(None), ..onboarding(Some(phone)) });
    Ok(Step { decision, flow: Flow { state, ..flow }, register: None })
}

/// How a step of onboarding is stored.
fn onboarding(phone: Option<String>) -> Placed<'static> {
    Placed { asked: Asked::Onboarding, phone, referred: &[], contact_at: None, worth: Worth::Nothing }
}

fn check_app_key<'a, S: Text<'a>>(header: &Header<S>, caller: &Caller) -> Result<(), Refusal> {
    if header.app_key.expose().as_str() == caller.app_key { Ok(()) } else { Err(Refusal::AppKeyMismatch) }
}

/// The flow, if it is the one that both numbers name.
fn known(flow: Option<Flow>, process: i64, customer: i64) -> Result<Flow, Refusal> {
    let flow = flow.filter(|flow| flow.process.number() == process);
    let flow = flow.ok_or(Refusal::FlowUnknown { pointer: "/Parameters/0/ProcessId" })?;
    if flow.customer.number() != customer {
        return Err(Refusal::FlowUnknown { pointer: "/Parameters/0/CustomerNo" });
    }
    Ok(flow)
}

fn only<T>(parameters: &[T]) -> &T {
    parameters.first().expect("the contract takes exactly one entry")
}

fn person_digest<'a, S: Text<'a>>(number: &CitizenshipNumber<S>, keys: &DigestKey) -> Digest {
    keys.person("TR", &national_id(number))
}

/// A national id as its digits, however it was sent.
fn national_id<'a, S: Text<'a>>(number: &CitizenshipNumber<S>) -> Cow<'_, str> {
    match number {
        CitizenshipNumber::Integer(digits) => digits.to_string().into(),
        CitizenshipNumber::Text(digits) => digits.as_str().into(),
    }
}

/// A request that was checked without facts may hold a number that is none; then it is recognised as it was sent.
fn e164(number: &str) -> String {
    phone::e164(number, PhoneRegion::Tr).unwrap_or_else(|| number.to_owned())
}

fn warning(pointer: &str, code: &'static str, message: &'static str) -> Warning {
    Warning { pointer: pointer.to_owned(), code, message: Cow::Borrowed(message) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use usher_contract::register::v1::Person;
    use usher_wire::{Limits, Mode, Options};

    use super::*;
    use crate::accept::Destination;
    use crate::status::Status;
    use crate::test_support::{decided, is_in_table, now, schema, with};

    const PERSON: &str = "/Parameters/0/DigitalCustomer/CitizenshipNumber";

    fn keys() -> DigestKey {
        DigestKey::new([9; 32])
    }

    fn numbers() -> Numbers {
        let process = ProcessId::new(1_000_000_000_000_001).unwrap();
        Numbers { process, customer: CustomerNo::new(1_000_000_001).unwrap() }
    }

    /// An example that names the flow of [`numbers`] and the person of [`flow`].
    fn example(method: &str, name: &str) -> Value {
        let body = schema(&format!("digital_customer/v1/examples/valid/{method}/{name}.json"));
        match method {
            "create" => with(&body, PERSON, "98760000088".into()),
            _ => {
                let body = with(&body, "/Parameters/0/ProcessId", numbers().process.number().into());
                let body = with(&body, "/Parameters/0/CustomerNo", numbers().customer.number().into());
                if method == "update" {
                    with(&body, "/Parameters/0/CitizenshipNumber", "98760000088".into())
                } else {
                    let body = with(&body, "/Parameters/0/PhoneNumber", "5012345678".into());
                    with(&body, "/Parameters/0/Email", "deniz.ornek@example.org".into())
                }
            }
        }
    }

    /// The flow that the examples are about.
    fn flow(state: FlowState) -> Flow {
        Flow {
            process: numbers().process,
            customer: numbers().customer,
            state,
            expires_at: Flow::expiry(now()),
            person: keys().person("TR", "98760000088"),
            phone: keys().phone("+905012345678"),
            email: keys().email("deniz.ornek@example.org"),
            notify: true,
        }
    }

    fn created(body: &Value, open: Option<Flow>) -> Result<Created, Refusal> {
        decided::<CreateDigitalCustomer, _>(body, |accept| create(accept, open, None, numbers(), &keys()))
    }

    fn updated(body: &Value, flow: Option<Flow>) -> Result<Step, Refusal> {
        decided::<UpdateDigitalCustomerInformations, _>(body, |accept| update(accept, flow, &keys()))
    }

    fn completed(body: &Value, flow: Option<Flow>) -> Result<Step, Refusal> {
        decided::<CompleteDigitalCustomer, _>(body, |accept| complete(accept, flow, &keys()))
    }

    fn warned(decision: &Decision) -> Vec<(&str, &str)> {
        assert!(decision.warnings.iter().all(|warning| is_in_table(warning.code, "warning")));
        decision.warnings.iter().map(|warning| (warning.code, &warning.pointer[..])).collect()
    }

    // shows: IA-013, IA-015
    #[test]
    fn a_new_person_gets_a_new_flow() {
        let body = example("create", "new_customer");
        let Created::Opened(step) = created(&body, None).unwrap() else { panic!("no flow was opened") };
        assert_eq!(step.flow, flow(FlowState::Created));
        assert_eq!(warned(&step.decision), [("unverified", PERSON)]);
        assert_eq!((step.decision.status, &step.decision.destinations[..]), (Status::New, &[Destination::Bank][..]));
        assert_eq!(step.decision.phone.unwrap().expose(), "+905012345678");
        let person = decided::<CreateDigitalCustomer, _>(&body, |accept| person(accept.request, &keys()));
        assert_eq!(person, step.flow.person);
    }

    // shows: IA-014
    #[test]
    fn what_the_register_says_of_a_new_person_is_kept_or_ends_it() {
        let body = example("create", "new_customer");
        let found: Value = schema("register/v1/examples/valid/person/person.json");
        let text = found.to_string();
        let options = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: None };
        let person = usher_wire::parse::<Person>(text.as_bytes(), &options).unwrap().into_result().unwrap().0;
        let person = Box::new(person.into_inner());
        let asked = |finding: Finding, open: Option<Flow>| {
            decided::<CreateDigitalCustomer, _>(&body, |accept| create(accept, open, Some(finding), numbers(), &keys()))
        };
        let Ok(Created::Opened(step)) = asked(Finding::Found(person), None) else { panic!("no flow was opened") };
        assert_eq!(step.decision.warnings, []);
        let kept: Value = serde_json::from_slice(step.register.unwrap().expose()).unwrap();
        assert_eq!(kept, found);
        for (finding, refusal) in [
            (Finding::NotFound, Refusal::PersonNotFound),
            (Finding::Deceased, Refusal::PersonDeceased),
            (Finding::Mismatch, Refusal::PersonMismatch),
        ] {
            assert_eq!(refusal.pointers(), [PERSON]);
            assert_eq!(asked(finding, None), Err(refusal));
        }
    }

    #[test]
    fn the_register_is_asked_only_where_a_flow_would_be_opened() {
        let asked = |body: &Value, open: Option<Flow>| {
            decided::<CreateDigitalCustomer, _>(body, |accept| {
                let asked = asks_register(accept.request, accept.caller, open.as_ref(), accept.now);
                asked.map(Personal::into_inner)
            })
        };
        let body = example("create", "new_customer");
        let other = with(&body, "/Header/AppKey", "00000000-0000-4000-8000-000000000002".into());
        let expired = Flow { expires_at: now(), ..flow(FlowState::Created) };
        let number = Some("98760000088".to_owned());
        assert_eq!(asked(&body, None), number);
        assert_eq!(asked(&body, Some(expired)), number);
        assert_eq!(asked(&body, Some(flow(FlowState::Completed))), number);
        assert_eq!(asked(&with(&body, PERSON, 98_760_000_088_i64.into()), None), number);
        assert_eq!(asked(&body, Some(flow(FlowState::Informed))), None);
        assert_eq!(asked(&example("create", "read_open_flow"), None), None);
        assert_eq!(asked(&other, None), None);
    }

    #[test]
    fn a_person_is_the_same_however_the_number_is_written() {
        let body = with(&example("create", "new_customer"), PERSON, 98_760_000_088_i64.into());
        let body = with(&body, "/Parameters/0/DigitalCustomer/PhoneNumber", "+905012345678".into());
        let body = with(&body, "/Parameters/0/DigitalCustomer/Email", "Deniz.Ornek@Example.org".into());
        let Created::Opened(step) = created(&body, None).unwrap() else { panic!("no flow was opened") };
        assert_eq!(step.flow, flow(FlowState::Created));
    }

    // shows: IA-016
    #[test]
    fn a_person_with_an_open_flow_gets_it_back_and_is_told_so() {
        for state in [FlowState::Created, FlowState::Informed] {
            let result = created(&example("create", "new_customer"), Some(flow(state)));
            let Ok(Created::Known(step)) = result else { panic!("the open flow was not given back") };
            assert_eq!((step.flow, warned(&step.decision)), (flow(state), vec![("flow_exists", PERSON)]));
        }
    }

    #[test]
    fn a_flow_that_has_ended_is_not_given_back() {
        let expired = Flow { expires_at: now(), ..flow(FlowState::Created) };
        for ended in [flow(FlowState::Completed), flow(FlowState::Rejected), flow(FlowState::Expired), expired] {
            let result = created(&example("create", "new_customer"), Some(ended));
            assert!(matches!(result, Ok(Created::Opened(_))), "{result:?}");
        }
    }

    // shows: IA-022
    #[test]
    fn reading_stores_nothing_and_needs_an_open_flow() {
        let body = example("create", "read_open_flow");
        assert_eq!(created(&body, Some(flow(FlowState::Informed))), Ok(Created::Read(flow(FlowState::Informed))));
        for none in [None, Some(flow(FlowState::Completed))] {
            assert_eq!(created(&body, none), Err(Refusal::FlowUnknown { pointer: PERSON }));
        }
    }

    // shows: IA-036
    #[test]
    fn an_update_informs_the_flow() {
        for name in ["home_selected", "contact_selected"] {
            for state in [FlowState::Created, FlowState::Informed] {
                let step = updated(&example("update", name), Some(flow(state))).unwrap();
                assert_eq!((step.flow, warned(&step.decision)), (flow(FlowState::Informed), vec![]), "{name}");
            }
        }
    }

    // shows: IA-069, IA-072, IA-073
    #[test]
    fn a_flow_is_completed_after_an_update_with_the_data_it_was_created_with() {
        let body = example("complete", "courier");
        let step = completed(&body, Some(flow(FlowState::Informed))).unwrap();
        assert_eq!(
            (step.flow, &step.decision.destinations[..]),
            (flow(FlowState::Completed), &[Destination::Bank][..])
        );
        for (phone, email, pointers) in [
            ("+905012345678", "DENIZ.ORNEK@example.org", &[][..]),
            ("5012345679", "deniz.ornek@example.org", &["/Parameters/0/PhoneNumber"]),
            ("5012345678", "other@example.org", &["/Parameters/0/Email"]),
            ("5012345679", "other@example.org", &["/Parameters/0/Email", "/Parameters/0/PhoneNumber"]),
        ] {
            let body = with(&body, "/Parameters/0/PhoneNumber", phone.into());
            let body = with(&body, "/Parameters/0/Email", email.into());
            let refusal = completed(&body, Some(flow(FlowState::Informed))).err();
            let expected = Refusal::FlowContactMismatch { pointers: pointers.to_vec() };
            assert_eq!(refusal, (!pointers.is_empty()).then_some(expected), "{phone} {email}");
        }
    }

    #[test]
    fn an_illegal_move_is_refused() {
        use FlowState::{Completed, Created, Expired, Rejected};
        for (state, method) in [
            (Created, Method::Complete),
            (Completed, Method::Update),
            (Completed, Method::Complete),
            (Rejected, Method::Update),
            (Rejected, Method::Complete),
            (Expired, Method::Update),
            (Expired, Method::Complete),
        ] {
            let result = match method {
                Method::Update => updated(&example("update", "home_selected"), Some(flow(state))),
                _ => completed(&example("complete", "courier"), Some(flow(state))),
            };
            assert_eq!(result, Err(Refusal::FlowTransition { state, method }));
        }
        let expired = Flow { expires_at: now(), ..flow(FlowState::Informed) };
        let refusal = Refusal::FlowTransition { state: Expired, method: Method::Complete };
        assert_eq!(completed(&example("complete", "courier"), Some(expired)), Err(refusal));
    }

    // shows: IA-041, IA-042, IA-043, IA-071
    #[test]
    fn a_flow_is_found_only_by_all_of_its_numbers() {
        let other_process = Flow { process: ProcessId::new(ProcessId::LAST).unwrap(), ..flow(FlowState::Informed) };
        let other_customer = Flow { customer: CustomerNo::new(CustomerNo::LAST).unwrap(), ..flow(FlowState::Informed) };
        let other_person = Flow { person: keys().person("TR", "98761234550"), ..flow(FlowState::Informed) };
        for (flow, pointer) in [
            (None, "/Parameters/0/ProcessId"),
            (Some(other_process), "/Parameters/0/ProcessId"),
            (Some(other_customer), "/Parameters/0/CustomerNo"),
        ] {
            let refusal = Refusal::FlowUnknown { pointer };
            assert_eq!(completed(&example("complete", "courier"), flow.clone()), Err(refusal.clone()));
            assert_eq!(updated(&example("update", "home_selected"), flow), Err(refusal));
        }
        let refusal = Refusal::FlowUnknown { pointer: "/Parameters/0/CitizenshipNumber" };
        assert_eq!(updated(&example("update", "home_selected"), Some(other_person)), Err(refusal));
    }

    // shows: IA-017
    #[test]
    fn the_body_must_name_the_application_of_the_key_and_is_stored_without_it() {
        let other = |body: &Value| with(body, "/Header/AppKey", "00000000-0000-4000-8000-000000000002".into());
        let (create, update, complete) =
            (example("create", "new_customer"), example("update", "home_selected"), example("complete", "courier"));
        let flow = flow(FlowState::Informed);
        assert_eq!(created(&other(&create), Some(flow.clone())), Err(Refusal::AppKeyMismatch));
        assert_eq!(updated(&other(&update), Some(flow.clone())), Err(Refusal::AppKeyMismatch));
        assert_eq!(completed(&other(&complete), Some(flow.clone())), Err(Refusal::AppKeyMismatch));
        let step = completed(&complete, Some(flow)).unwrap();
        let stored = String::from_utf8(step.decision.canonical.into_inner()).unwrap();
        assert!(stored.contains("ChannelRequestId") && !stored.contains("AppKey"), "{stored}");
    }
}
