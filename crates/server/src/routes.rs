//! The table of routes: every operation of every contract, and what is said of all other paths.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::routing::{MethodFilter, on};
use usher_contract::appointment_request::v2::operations as appointment_request_v2;
use usher_contract::bank::v1::operations as bank_v1;
use usher_contract::bank_commission::v1::operations as bank_commission_v1;
use usher_contract::commission::v1::operations as commission_v1;
use usher_contract::contact_request::v1::operations as contact_request_v1;
use usher_contract::digital_customer::v1::operations as digital_customer_v1;
use usher_contract::lead::v2::operations as lead_v2;
use usher_contract::platform::v1::operations as platform_v1;
use usher_contract::receipts::v1::operations as receipts_v1;
use usher_contract::reference::v1::operations as reference_v1;
use usher_contract::sandbox::v1::operations as sandbox_v1;
use usher_contract::signing_keys::v1::operations as signing_keys_v1;
use usher_domain::facts::{ContractFacts, Terms};
use usher_domain::products::Asked;
use usher_domain::role::Role;
use usher_wire::{Limits, Operation, OperationKind, Options, Unserved};

use crate::appointment_request::AppointmentRequest;
use crate::bank::{Bank, BankCall};
use crate::bank_commission::BankCommission;
use crate::caller::{Anyone, Door, Kind, Operator};
use crate::commission::Commission;
use crate::contact_request::ContactRequest;
use crate::dialect::Dialect;
use crate::digital_customer::DigitalCustomer;
use crate::exchange::{Answer, Call, Route, exchange, refuse};
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::lead::Leads;
use crate::platform::Platform;
use crate::receipts::Receipts;
use crate::reference::Reference;
use crate::sandbox::Sandbox;
use crate::signing_keys::SigningKeys;
use crate::{about_data, appointment_request, contact_request, digital_customer, parameters};

/// All that the gateway offers to partners.
pub fn router(gateway: &Arc<Gateway>) -> Router {
    let api = |name| move |_: &Operation| Some(name);
    let routes = Router::new();
    let demand = api(contact_request::API.name);
    let routes = mount(routes, gateway, &contact_request_v1::OPERATIONS, demand, Dialect::Problem, contact_request);
    let demand = api(appointment_request::API.name);
    let routes =
        mount(routes, gateway, &appointment_request_v2::OPERATIONS, demand, Dialect::Messages, appointment_request);
    let demand = api(digital_customer::API.name);
    let routes =
        mount(routes, gateway, &digital_customer_v1::OPERATIONS, demand, Dialect::ServiceResponse, digital_customer);
    let routes = mount(routes, gateway, &receipts_v1::OPERATIONS, |_| None, Dialect::Problem, receipts);
    let routes = mount(routes, gateway, &reference_v1::OPERATIONS, |_| None, Dialect::Problem, reference);
    let routes = about_data::mount(routes, gateway);
    let routes = mount(routes, gateway, &commission_v1::OPERATIONS, |_| None, Dialect::Problem, commission);
    let routes = mount(routes, gateway, &sandbox_v1::OPERATIONS, |_| None, Dialect::Problem, sandbox);
    let routes = mount(routes, gateway, &signing_keys_v1::OPERATIONS, |_| (), Dialect::Problem, signing_keys);
    close(routes, gateway)
}

/// All that the gateway offers to the bank, on a listener of its own: keys of partners open nothing here.
pub fn bank_router(gateway: &Arc<Gateway>) -> Router {
    // What only looks is for everybody; what changes something is for those who work on requests.
    let demand = |operation: &Operation| match operation.kind {
        OperationKind::Read | OperationKind::List => Role::Reader,
        OperationKind::Submit | OperationKind::Check | OperationKind::Withdraw | OperationKind::Change => Role::Agent,
    };
    let routes = mount(Router::new(), gateway, &bank_v1::OPERATIONS, demand, Dialect::Problem, bank);
    let routes = mount(routes, gateway, &lead_v2::OPERATIONS, demand, Dialect::Messages, lead);
    // Money is moved by those who run the house.
    let demand = |operation: &Operation| match demand(operation) {
        Role::Reader => Role::Reader,
        Role::Agent | Role::Operator => Role::Operator,
    };
    let operations = &bank_commission_v1::OPERATIONS;
    let routes = mount(routes, gateway, operations, demand, Dialect::Problem, bank_commission);
    let routes = mount(routes, gateway, &platform_v1::OPERATIONS, |_| Door::Listener, Dialect::Problem, platform);
    close(routes, gateway)
}

/// What the gateway offers to whoever may use its data folder: the platform API, without a key.
pub fn admin_router(gateway: &Arc<Gateway>) -> Router {
    let routes = mount(Router::new(), gateway, &platform_v1::OPERATIONS, |_| Door::Folder, Dialect::Problem, platform);
    close(routes, gateway)
}

/// Says of every other path that there is nothing.
fn close(routes: Router, gateway: &Arc<Gateway>) -> Router {
    let (gateway, other) = (gateway.clone(), gateway.clone());
    routes
        .fallback(move |request: Request| refuse(gateway.clone(), Fault::NotFound, request))
        .method_not_allowed_fallback(move |request: Request| refuse(other.clone(), Fault::MethodNotAllowed, request))
}

/// Adds the operations of one API, for callers of one kind.
fn mount<K, F>(
    routes: Router,
    gateway: &Arc<Gateway>,
    operations: &'static [Operation],
    demand: impl Fn(&'static Operation) -> K::Demand,
    dialect: Dialect,
    serve: fn(Call<K>) -> F,
) -> Router
where
    K: Kind,
    F: Future<Output = Result<Answer, Fault>> + Send + 'static,
{
    operations.iter().fold(routes, |routes, operation| {
        let gateway = gateway.clone();
        let meter = gateway.meters.of(operation.id);
        let route = Route { operation, demand: demand(operation), dialect, meter };
        let handler = move |request: Request| exchange(gateway.clone(), route.clone(), request, serve);
        routes.route(operation.path, on(method(operation), handler))
    })
}

fn method(operation: &Operation) -> MethodFilter {
    let method = Method::from_bytes(operation.method.as_bytes()).ok();
    method.and_then(|method| method.try_into().ok()).expect("the generator knows the methods of HTTP")
}

async fn contact_request(call: Call) -> Result<Answer, Fault> {
    let (parameters, facts) = (parameters::of(&call)?, facts(&call, contact_terms(&call)));
    let options = options(&call, facts);
    let server = &ContactRequest;
    let served = contact_request_v1::serve(server, call.operation, &call, &parameters, &call.body, &options);
    served.await?
}

async fn appointment_request(call: Call) -> Result<Answer, Fault> {
    let (parameters, facts) = (parameters::of(&call)?, facts(&call, terms(&call, Asked::Appointment)));
    let options = options(&call, facts);
    let server = &AppointmentRequest;
    let served = appointment_request_v2::serve(server, call.operation, &call, &parameters, &call.body, &options);
    served.await?
}

async fn digital_customer(call: Call) -> Result<Answer, Fault> {
    let (parameters, facts) = (parameters::of(&call)?, facts(&call, terms(&call, Asked::Onboarding)));
    let options = options(&call, facts);
    let server = &DigitalCustomer;
    let served = digital_customer_v1::serve(server, call.operation, &call, &parameters, &call.body, &options);
    served.await?
}

async fn sandbox(call: Call) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    sandbox_v1::serve(&Sandbox, call.operation, &call, &parameters, &call.body, &plain(&call)).await?
}

async fn receipts(call: Call) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    let options = Options { mode: call.known.mode, limits: Limits::GATEWAY, facts: None };
    receipts_v1::serve(&Receipts, call.operation, &call, &parameters, &call.body, &options).await?
}

async fn platform(call: Call<Operator>) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    // A body was read up to the limit of its operation.
    let body_bytes_max = Limits::GATEWAY.body_bytes_max.max(call.body.len());
    let limits = Limits { body_bytes_max, ..Limits::GATEWAY };
    let options = Options { mode: call.known.mode(), limits, facts: None };
    platform_v1::serve(&Platform, call.operation, &call, &parameters, &call.body, &options).await?
}

async fn commission(call: Call) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    let options = Options { mode: call.known.mode, limits: Limits::GATEWAY, facts: None };
    commission_v1::serve(&Commission, call.operation, &call, &parameters, &call.body, &options).await?
}

async fn signing_keys(call: Call<Anyone>) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    signing_keys_v1::serve(&SigningKeys, call.operation, &call, &parameters, &call.body, &plain(&call)).await?
}

async fn bank(call: BankCall) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    bank_v1::serve(&Bank, call.operation, &call, &parameters, &call.body, &plain(&call)).await?
}

async fn bank_commission(call: BankCall) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    bank_commission_v1::serve(&BankCommission, call.operation, &call, &parameters, &call.body, &plain(&call)).await?
}

async fn lead(call: BankCall) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    lead_v2::serve(&Leads, call.operation, &call, &parameters, &call.body, &plain(&call)).await?
}

/// How contracts are read that have no rules about facts.
fn plain<K: Kind>(call: &Call<K>) -> Options<'static> {
    Options { mode: call.known.mode(), limits: Limits::GATEWAY, facts: None }
}

async fn reference(call: Call) -> Result<Answer, Fault> {
    let parameters = parameters::of(&call)?;
    reference_v1::serve(&Reference, call.operation, &call, &parameters, &call.body, &plain(&call)).await?
}

/// What the body is judged by. It stays with the call, as it learns which lists are asked.
fn facts(call: &Call, terms: Terms) -> &ContractFacts {
    let environment = call.known.caller.environment;
    call.facts.get_or_init(|| ContractFacts::with(call.now, environment, terms, call.gateway.reference()))
}

fn terms(call: &Call, asked: Asked) -> Terms {
    Terms::of(call.gateway.products().product_of(asked), asked)
}

/// The terms of the product that a contact request is about. Members are judged in the order they come, and the subject may
/// come last: where products differ the body is looked into before.
fn contact_terms(call: &Call) -> Terms {
    let products = call.gateway.products();
    let terms = |asked: Asked| Terms::of(products.product_of(asked), asked);
    let general = terms(Asked::General);
    let mut contact = Asked::ALL.into_iter().filter(|asked| asked.product_type().is_some());
    if contact.all(|asked| terms(asked) == general) {
        return general;
    }
    let body: Option<serde_json::Value> = serde_json::from_slice(&call.body).ok();
    let asked = body.and_then(|body| Asked::of_product_type(body["subject"]["productType"].as_str()?));
    asked.map_or(general, terms)
}

fn options<'f>(call: &Call, facts: &'f ContractFacts) -> Options<'f> {
    // The size of what was sent is known to be right; its JSON text may be a little longer than its XML was.
    let body_bytes_max = Limits::GATEWAY.body_bytes_max.max(call.body.len());
    Options { mode: call.known.mode, limits: Limits { body_bytes_max, ..Limits::GATEWAY }, facts: Some(facts) }
}

impl From<Unserved> for Fault {
    fn from(unserved: Unserved) -> Self {
        match unserved {
            Unserved::UnknownOperation => Fault::NotFound,
            Unserved::Parameters(violations) => Fault::ParameterInvalid(violations),
            Unserved::Unreadable(unreadable) => Fault::Unreadable(unreadable),
        }
    }
}
