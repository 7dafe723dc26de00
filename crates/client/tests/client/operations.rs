//! Every operation of every API has a typed call, which sends what the contract says.

use std::collections::BTreeSet;

use usher_client::contract::bank::v1::operations::{
    ListDeliveriesParameters, PullMessagesParameters, ReadFirstContactParameters,
};
use usher_client::contract::shared::Attribution;
use usher_client::contract::{appointment_request, bank, contact_request, digital_customer, receipts};
use usher_client::wire::{Operation, OperationKind};
use usher_client::{Error, IdempotencyKey, ReceiptQuery, Uuid, check};

use crate::server::{Received, Server, Step, answer};
use crate::{KEY, client, example, message, request};

const ID: &str = "3f0c6a52-8a3e-4a6b-9d0b-5b1f3f7f9c11";
const NUMBER: i64 = 42;

fn every_operation() -> Vec<&'static Operation> {
    contact_request::v1::operations::OPERATIONS
        .iter()
        .chain(&appointment_request::v2::operations::OPERATIONS)
        .chain(&digital_customer::v1::operations::OPERATIONS)
        .chain(&receipts::v1::operations::OPERATIONS)
        .chain(&bank::v1::operations::OPERATIONS)
        .collect()
}

/// Answers each request in turn with an example of the schemas.
async fn server(answers: &[(u16, &str)]) -> Server {
    Server::start(answers.iter().map(|&(status, path)| Step::from(answer(status, example(path))))).await
}

/// Runs one call and returns what the server received.
macro_rules! call {
    ($status:literal, $example:literal, $client:ident => $call:expr) => {{
        let server = server(&[($status, $example)]).await;
        let $client = client(&server);
        $call.await.expect($example);
        server.received().remove(0)
    }};
}

#[tokio::test]
async fn every_operation_has_its_call() {
    let query = ReceiptQuery { partner_reference: Some("order 1".to_owned()), cursor: None, limit: Some(5) };
    let contact = request();
    let withdrawal = message("contact_request/v1::withdrawal/with_reason");
    let appointment = message("appointment_request/v2::request/full");
    let create = message("digital_customer/v1::create/new_customer");
    let update = message("digital_customer/v1::update/home_selected");
    let complete = message("digital_customer/v1::complete/courier");
    let acknowledgement = message("bank/v1::acknowledgement/two");
    let change = message("bank/v1::status_change/every_member");
    let pull = PullMessagesParameters { after: Some(7), limit: Some(5), ..PullMessagesParameters::default() };
    let deliveries = ListDeliveriesParameters { limit: Some(5), ..ListDeliveriesParameters::default() };
    let period = ReadFirstContactParameters {
        from: "2026-11-01T00:00:00Z".to_owned(),
        to: "2026-12-01T00:00:00Z".to_owned(),
        product: None,
        partner: None,
        environment: None,
        x_correlation_id: None,
        unknown: Default::default(),
    };

    let received = [
        call!(201, "shared::receipt/every_member", client =>
            client.contact_request().submit(&contact)),
        call!(200, "shared::check_result/with_warning", client =>
            client.contact_request().check(&contact)),
        call!(200, "shared::receipt/every_member", client =>
            client.contact_request().read(ID)),
        call!(200, "shared::receipt_list/one_of_each_status", client =>
            client.contact_request().list(&query)),
        call!(200, "contact_request/v1::withdrawal_result/withdrawn", client =>
            client.contact_request().withdraw(ID, &withdrawal)),
        call!(201, "appointment_request/v2::messages/created", client =>
            client.appointment_request().submit(&appointment)),
        call!(200, "appointment_request/v2::messages/check_successful", client =>
            client.appointment_request().check(&appointment)),
        call!(200, "digital_customer/v1::create_answer/created", client =>
            client.digital_customer().create(&create)),
        call!(200, "digital_customer/v1::check_answer/valid", client =>
            client.digital_customer().check_create(&create)),
        call!(200, "digital_customer/v1::update_answer/informed", client =>
            client.digital_customer().update(&update)),
        call!(200, "digital_customer/v1::check_answer/valid", client =>
            client.digital_customer().check_update(&update)),
        call!(200, "digital_customer/v1::complete_answer/completed", client =>
            client.digital_customer().complete(&complete)),
        call!(200, "digital_customer/v1::check_answer/warning", client =>
            client.digital_customer().check_complete(&complete)),
        call!(200, "shared::receipt/after_erasure", client =>
            client.receipts().read(ID)),
        call!(200, "shared::receipt_list/empty", client =>
            client.receipts().list(&query)),
        call!(200, "receipts/v1::timeline/two_entries", client =>
            client.receipts().timeline(ID)),
        call!(200, "receipts/v1::event_list/one_event", client =>
            client.receipts().events(Some("order 1"), Some(5))),
        call!(200, "bank/v1::message_list/more_to_come", client =>
            client.bank().pull(pull.clone())),
        call!(200, "bank/v1::acknowledgement_result/one_of_two", client =>
            client.bank().acknowledge(None, &acknowledgement)),
        call!(200, "bank/v1::delivery_list/empty", client =>
            client.bank().deliveries(deliveries.clone())),
        call!(200, "bank/v1::delivery_detail/erased", client =>
            client.bank().delivery(None, NUMBER)),
        call!(200, "bank/v1::timeline/two_entries", client =>
            client.bank().timeline(None, NUMBER)),
        call!(200, "bank/v1::delivery/every_member", client =>
            client.bank().set_status(None, NUMBER, &change)),
        call!(200, "shared::check_result/valid", client =>
            client.bank().check_status(None, NUMBER, &change)),
        call!(200, "bank/v1::first_contact/one_row", client =>
            client.bank().first_contact(period.clone())),
    ];

    let mut called = BTreeSet::new();
    for request in &received {
        let operation = every_operation().into_iter().find(|operation| is_of(request, operation));
        let operation = operation.unwrap_or_else(|| panic!("{} {} is no operation", request.method, request.target));
        called.insert(operation.id);
        assert_eq!(request.header("x-api-key"), Some(KEY));
        assert!(request.header("x-correlation-id").is_some_and(|id| Uuid::try_parse(id).is_ok()));
        assert_eq!(request.header("content-type"), operation.body.then_some("application/json"), "{}", operation.id);
        assert_eq!(!request.body.is_empty(), operation.body, "{}", operation.id);
        let has_key = matches!(operation.kind, OperationKind::Submit | OperationKind::Withdraw);
        assert_eq!(request.header("idempotency-key").is_some(), has_key, "{}", operation.id);
        // The canonical form leaves this member out; the gateway asks for it.
        let has_app_key = request.body.contains("\"AppKey\":");
        assert_eq!(has_app_key, operation.path.starts_with("/digital-customer/"), "{}", operation.id);
        if operation.kind == OperationKind::List {
            let query = match operation.id {
                "listEvents" => "?after=order%201&limit=5",
                "pullMessages" => "?after=7&limit=5",
                "listDeliveries" => "?limit=5",
                _ => "?partnerReference=order%201&limit=5",
            };
            assert!(request.target.ends_with(query), "{}", request.target);
        }
    }
    let all: BTreeSet<&str> = every_operation().iter().map(|operation| operation.id).collect();
    assert_eq!(called, all, "usher-client has no call for the difference: add it in crates/client/src/api");
}

fn is_of(request: &Received, operation: &Operation) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    request.method == operation.method
        && (path == operation.path.replace("{id}", ID) || path == operation.path.replace("{id}", &NUMBER.to_string()))
}

#[tokio::test]
async fn what_the_caller_says_of_a_call_is_sent() {
    let server = server(&[(201, "appointment_request/v2::messages/created")]).await;
    let correlation_id = Uuid::new_v4();
    let client = crate::builder(&server).correlation_id(Uuid::new_v4()).build().expect("a client");
    let attribution = Attribution {
        partner_reference: Some("order-1".to_owned()),
        campaign: Some("spring".to_owned()),
        source: Some("calculator".to_owned()),
        sub_partner: Some("branch-7".to_owned()),
        unknown: Default::default(),
    };
    let call = client
        .appointment_request()
        .idempotency_key(IdempotencyKey::new("order-1;a").expect("a key"))
        .correlation_id(correlation_id)
        .attribution(attribution);
    let created = call.submit(&message("appointment_request/v2::request/minimal")).await.expect("an answer");
    assert_eq!(created.sent().correlation_id, correlation_id);

    let received = server.received().remove(0);
    for (name, value) in [
        ("idempotency-key", "\"order-1;a\""),
        ("x-correlation-id", &correlation_id.to_string()),
        ("x-partner-reference", "order-1"),
        ("x-campaign", "spring"),
        ("x-source", "calculator"),
        ("x-sub-partner", "branch-7"),
    ] {
        assert_eq!(received.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_client_with_a_correlation_id_gives_it_to_every_call() {
    let receipt = (200, "shared::receipt/every_member");
    let server = server(&[receipt, receipt]).await;
    let id = Uuid::new_v4();
    let client = crate::builder(&server).correlation_id(id).build().expect("a client");
    client.receipts().read(ID).await.expect("a receipt");
    client.receipts().read(ID).await.expect("a receipt");
    for received in server.received() {
        assert_eq!(received.header("x-correlation-id"), Some(id.to_string().as_str()));
    }
}

#[tokio::test]
async fn what_breaks_the_contract_is_not_sent() {
    let server = Server::start([]).await;
    let client = client(&server);

    let mut value = request().into_inner();
    value.person.surname = "x".repeat(101).into();
    value.message = None;
    let violations = match check(value) {
        Err(Error::NotSent(violations)) => violations.list,
        other => panic!("{other:?}"),
    };
    let found: Vec<_> = violations.iter().map(|violation| (violation.pointer.as_str(), violation.code)).collect();
    assert_eq!(found, [("/person/surname", "pattern"), ("/message", "required")]);

    let long = "r".repeat(65);
    let query = |partner_reference: &str, limit| ReceiptQuery {
        partner_reference: Some(partner_reference.to_owned()),
        cursor: None,
        limit: Some(limit),
    };
    let attributed = client.digital_customer().attribution(Attribution {
        campaign: Some("jaro ’26".to_owned()),
        partner_reference: None,
        source: None,
        sub_partner: None,
        unknown: Default::default(),
    });
    let create = message("digital_customer/v1::create/new_customer");
    for (error, expected) in [
        (client.receipts().read("no-id").await.err(), "/id format"),
        (client.contact_request().read("../..").await.err(), "/id format"),
        (client.receipts().list(&query(&long, 100)).await.err(), "/partnerReference max_length"),
        (client.contact_request().list(&query("a", 101)).await.err(), "/limit maximum"),
        (attributed.create(&create).await.err(), "/x-campaign pattern"),
    ] {
        let error = error.expect("a refusal");
        assert!(matches!(&error, Error::NotSent(violations) if violations.list.len() == 1), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_retryable() && error.sent().is_none());
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn the_receipt_of_any_api_can_be_found() {
    for (location, receipt_id) in [
        (format!("/receipts/v1/{ID}"), Some(ID)),
        (format!("https://gateway.example.org/usher/receipts/v1/{ID}"), Some(ID)),
        ("/elsewhere".to_owned(), None),
    ] {
        let created = answer(201, example("appointment_request/v2::messages/created")).header("location", &location);
        let server = Server::start([created.into()]).await;
        let appointment = message("appointment_request/v2::request/minimal");
        let created = client(&server).appointment_request().submit(&appointment).await.expect("an answer");
        assert_eq!((created.location(), created.receipt_id()), (Some(location.as_str()), receipt_id));
        assert!(!created.is_replayed());
    }
}

#[tokio::test]
async fn a_call_can_be_made_from_any_task() {
    let server = server(&[(201, "shared::receipt/every_member")]).await;
    let client = client(&server);
    let task =
        tokio::spawn(
            async move { client.contact_request().submit(&request()).await.map(|receipt| receipt.id.clone()) },
        );
    assert!(task.await.expect("no panic").is_ok());
}
