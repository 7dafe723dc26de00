//! What the bank sees: all partners of one environment, at all destinations or at one.

use usher_storage::{
    BankView, Content, Delivery, DeliveryCursor, DeliveryFilter, DeliveryOrder, Environment, FirstContact, Marked,
    Message, MessageFilter, Millis, Payload, StatusChange, StoreError, Write,
};

use crate::fixtures::{
    House, NOW, OWN, STRANGERS, accepted, application_id, change, commit, delivery, partner_id, record_id, told, wish,
    writing,
};

const ALL: BankView = BankView { environment: Environment::Sandbox, destination: None };

fn at(destination: &str) -> BankView {
    BankView { destination: Some(destination.to_owned()), ..ALL }
}

fn newest() -> DeliveryFilter {
    DeliveryFilter { order: DeliveryOrder::Newest, ..DeliveryFilter::default() }
}

/// Records 1 to 6: of partner 1 at the bank, but 4 at a provider, 5 of partner 2, 6 in production.
async fn inbox() -> House {
    let house = House::new().await;
    for number in 1..=6 {
        let mut one = commit(number);
        match number {
            4 => (one.writes[2], one.writes[3]) = (delivery(4, "provider/7"), accepted(4, "provider/7", NOW)),
            5 => {
                (one.scope.partner, one.scope.application) = (partner_id(2), application_id(3));
                let Write::Delivery(unpromised) = &mut one.writes[2] else { panic!("the delivery comes third") };
                unpromised.promised_at = None;
            }
            6 => one.scope.environment = Environment::Production,
            _ => {}
        }
        house.commit(one).await;
    }
    house
}

/// The records of all pages.
async fn records(house: &House, view: &BankView, filter: &DeliveryFilter, limit: u32) -> Vec<Vec<u128>> {
    let mut pages = Vec::new();
    let mut after: Option<DeliveryCursor> = None;
    loop {
        let page = house.store.deliveries(view.clone(), filter.clone(), after, limit).await.unwrap();
        pages.push(page.deliveries.iter().map(|one| one.record.id.as_u128()).collect());
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => return pages,
        }
    }
}

async fn found(house: &House, filter: DeliveryFilter) -> Vec<u128> {
    records(house, &ALL, &filter, 10).await.concat()
}

async fn status(house: &House, number: u8, change: StatusChange) {
    let status = Write::Status { record: record_id(number), destination: None, change };
    house.commit(writing(OWN, vec![status])).await;
}

#[tokio::test]
async fn what_was_promised_first_comes_first_and_what_was_promised_nothing_last() {
    let house = inbox().await;
    let promised = DeliveryFilter::default();
    assert_eq!(records(&house, &ALL, &promised, 2).await, [vec![4, 3], vec![2, 1], vec![5]]);
    assert_eq!(records(&house, &ALL, &promised, 5).await, [[4, 3, 2, 1, 5]]);
    assert_eq!(records(&house, &ALL, &newest(), 2).await, [vec![5, 4], vec![3, 2], vec![1]]);

    // What has come to its end keeps nobody waiting, and stays to be read.
    status(&house, 3, StatusChange { open: false, ..change("NO_INTEREST", NOW + 9) }).await;
    assert_eq!(found(&house, promised).await, [4, 2, 1, 5]);
    assert_eq!(found(&house, newest()).await, [5, 4, 3, 2, 1]);
    assert_eq!(found(&house, DeliveryFilter { open_only: true, ..newest() }).await, [5, 4, 2, 1]);
}

#[tokio::test]
async fn a_view_shows_its_environment_and_its_destination_only() {
    let house = inbox().await;
    let production = BankView { environment: Environment::Production, destination: None };
    for filter in [DeliveryFilter::default(), newest()] {
        assert_eq!(records(&house, &production, &filter, 9).await, [[6]]);
        assert_eq!(records(&house, &at("provider/7"), &filter, 9).await, [[4]]);
        assert_eq!(records(&house, &at("provider/8"), &filter, 9).await, [[0; 0]]);
        let others = DeliveryFilter { destination: Some("bank".to_owned()), ..filter };
        assert_eq!(records(&house, &at("provider/7"), &others, 9).await, [[0; 0]]);
    }
    let store = &house.store;
    assert_eq!(store.delivery(ALL, 4).await.unwrap().unwrap().record.id, record_id(4));
    assert_eq!(store.delivery(at("provider/7"), 4).await.unwrap().unwrap().scope, OWN);
    for (view, id) in [(at("bank"), 4), (at("provider/7"), 1), (ALL, 6), (production, 1), (ALL, 99)] {
        assert_eq!(store.delivery(view.clone(), id).await, Ok(None), "{view:?} {id}");
    }
}

#[tokio::test]
async fn a_page_is_read_with_its_payloads_at_once_as_far_as_the_view_shows_it() {
    let house = inbox().await;
    let note = Payload { record: record_id(4), part: "note/4/1".into(), body: Content::from(b"call later".to_vec()) };
    house.commit(writing(OWN, vec![Write::Payload(note)])).await;
    let store = &house.store;
    let ids = |deliveries: &[Delivery]| -> Vec<i64> { deliveries.iter().map(|delivery| delivery.id).collect() };
    let found = store.deliveries_of(ALL, vec![4, 99, 1, 6]).await.unwrap();
    assert_eq!(ids(&found), [1, 4], "the sixth is production's");
    assert_eq!(ids(&store.deliveries_of(at("provider/7"), vec![1, 4]).await.unwrap()), [4]);
    assert_eq!(store.deliveries_of(ALL, Vec::new()).await, Ok(Vec::new()));

    let read = async |view: &BankView, is_wanted: fn(&Delivery, &str) -> bool| -> Vec<(i64, String)> {
        let parts = store.payloads_of(view.clone(), &found, is_wanted).await.unwrap();
        let mut names: Vec<_> = parts.into_iter().map(|part| (part.delivery, part.part)).collect();
        names.sort();
        names
    };
    let named = |id: i64, part: &str| (id, part.to_owned());
    let all = [named(1, "request"), named(4, "note/4/1"), named(4, "request")];
    assert_eq!(read(&ALL, |_, _| true).await, all);
    assert_eq!(read(&ALL, |_, part| part == "request").await, [named(1, "request"), named(4, "request")]);
    assert_eq!(read(&at("provider/7"), |_, _| true).await, all[1..]);
    let production = BankView { environment: Environment::Production, destination: None };
    assert_eq!(read(&production, |_, _| true).await, []);
    let parts = store.payloads_of(ALL, &found, |delivery, part| delivery.id == 4 && part != "request").await.unwrap();
    assert_eq!(parts[0].body.as_ref().map(Content::as_slice), Some(&b"call later"[..]));
}

#[tokio::test]
async fn a_filter_leaves_what_fits_all_of_it() {
    let house = inbox().await;
    status(&house, 2, change("CLAIMED", NOW + 50)).await;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(&house, DeliveryFilter { api: text("contact_request"), ..newest() }).await, [5, 4, 3, 2, 1]);
    assert_eq!(found(&house, DeliveryFilter { api: text("appointment_request"), ..newest() }).await, [0; 0]);
    assert_eq!(found(&house, DeliveryFilter { product: text("mortgage"), ..newest() }).await, [5, 4, 3, 2, 1]);
    assert_eq!(found(&house, DeliveryFilter { product: text("loan"), ..newest() }).await, [0; 0]);
    assert_eq!(found(&house, DeliveryFilter { partner: Some(partner_id(2)), ..newest() }).await, [5]);
    assert_eq!(found(&house, DeliveryFilter { destination: text("provider/7"), ..newest() }).await, [4]);
    let statuses = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found(&house, DeliveryFilter { statuses: statuses(&["CLAIMED"]), ..newest() }).await, [2]);
    assert_eq!(found(&house, DeliveryFilter { statuses: statuses(&["CLAIMED", "NEW"]), ..newest() }).await.len(), 5);
    let between = |from, to| (Some(NOW + from), Some(NOW + to));
    let (received_from, received_to) = between(2, 4);
    assert_eq!(found(&house, DeliveryFilter { received_from, received_to, ..newest() }).await, [3, 2]);
    let (changed_from, changed_to) = between(4, 51);
    assert_eq!(found(&house, DeliveryFilter { changed_from, changed_to, ..newest() }).await, [5, 4, 2]);
    assert_eq!(found(&house, DeliveryFilter { changed_to: Some(NOW + 50), ..newest() }).await, [5, 4, 3, 1]);
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let house = inbox().await;
    let page = house.store.deliveries(ALL, newest(), None, 1).await.unwrap();
    let other = house.store.deliveries(ALL, DeliveryFilter::default(), page.next, 1).await;
    assert_eq!(other.unwrap_err(), StoreError::UnknownCursor);
    let text = page.next.unwrap().to_string();
    for wrong in ["", "n", &text[1..], &format!("x{}", &text[1..]), &format!("{text}0"), &text.replace('0', "ä")] {
        assert_eq!(wrong.parse::<DeliveryCursor>(), Err(StoreError::UnknownCursor), "{wrong}");
    }
}

async fn pulled(house: &House, view: &BankView, filter: MessageFilter, after: Option<i64>) -> Vec<(i64, u128, String)> {
    let messages = house.store.messages(view.clone(), filter, after, 10).await.unwrap();
    messages.into_iter().map(|one| (one.id, one.record.id.as_u128(), one.event)).collect()
}

// shows: KB-002
#[tokio::test]
async fn the_bank_pulls_what_it_has_not_acknowledged() {
    let house = inbox().await;
    status(&house, 1, change("WITHDRAWN", NOW + 9)).await;
    let writes =
        vec![told(1, "bank", "request.withdrawn", "bank", NOW + 9), told(1, "partner", "status.changed", "bank", NOW)];
    house.commit(writing(OWN, writes)).await;
    let row = |id, record, event: &str| (id, record, format!("request.{event}"));

    let all = MessageFilter::default;
    let everything = [1, 2, 3, 4, 5].map(|id| row(id, id as u128, "accepted"));
    let everything: Vec<_> = everything.into_iter().chain([row(7, 1, "withdrawn")]).collect();
    assert_eq!(pulled(&house, &ALL, all(), None).await, everything);
    assert_eq!(pulled(&house, &ALL, all(), Some(4)).await, everything[4..]);
    assert_eq!(pulled(&house, &at("provider/7"), all(), None).await, everything[3..4]);
    let withdrawn = MessageFilter { event: Some("request.withdrawn".to_owned()), ..all() };
    assert_eq!(pulled(&house, &ALL, withdrawn, None).await, everything[5..]);
    let elsewhere = MessageFilter { destination: Some("provider/7".to_owned()), ..all() };
    assert_eq!(pulled(&house, &ALL, elsewhere, None).await, everything[3..4]);
    let other_api = MessageFilter { api: Some("appointment_request".to_owned()), ..all() };
    assert_eq!(pulled(&house, &ALL, other_api, None).await, []);

    let acknowledge = |view, ids: &[i64], at| house.store.acknowledge(view, ids.to_vec(), at);
    let (done, unknown) = (Marked::Done, Marked::Unknown);
    // Another destination's, another environment's, the partner's, nobody's.
    assert_eq!(
        acknowledge(at("provider/7"), &[1, 4, 6, 8, 99], NOW + 1).await,
        Ok(vec![unknown, done, unknown, unknown, unknown])
    );
    assert_eq!(acknowledge(ALL, &[1, 4, 1], NOW + 2).await, Ok(vec![done; 3]));
    assert_eq!(acknowledge(ALL, &[1], NOW + 3).await, Ok(vec![done]));
    let left: Vec<_> = everything.into_iter().filter(|(id, ..)| ![1, 4].contains(id)).collect();
    assert_eq!(pulled(&house, &ALL, all(), None).await, left);
    let since = |id| house.store.delivery(ALL, id);
    assert_eq!(since(1).await.unwrap().unwrap().acknowledged_at, Some(NOW + 2));
    assert_eq!(since(4).await.unwrap().unwrap().acknowledged_at, Some(NOW + 1));
}

#[tokio::test]
async fn a_message_that_a_worker_has_is_not_pulled_too() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = house.store.claim(wish("bank", NOW)).await.unwrap().remove(0);
    assert_eq!(pulled(&house, &ALL, MessageFilter::default(), None).await, []);
    // The bank may say that it has it, whoever brought it; the worker is late then.
    assert_eq!(house.store.acknowledge(ALL, vec![row.id], NOW).await, Ok(vec![Marked::Done]));
    let fate = usher_storage::Fate::Retry { due_at: NOW, reason: None };
    let mark = usher_storage::Mark { id: row.id, token: row.token, fate };
    assert_eq!(house.store.mark(vec![mark]).await, Ok(vec![Marked::Stale]));
}

#[tokio::test]
async fn a_partner_reads_what_its_application_is_told_and_nobody_elses() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    status(&house, 1, change("CLAIMED", NOW + 5)).await;
    let as_a_whole = usher_storage::NewMessage {
        record: record_id(1),
        destination: usher_storage::PARTNER.into(),
        event: "flow.step".into(),
        delivery: None,
        due_at: NOW,
    };
    house
        .commit(writing(OWN, vec![told(1, "partner", "status.changed", "bank", NOW), Write::Message(as_a_whole)]))
        .await;

    let all = house.store.partner_messages(&OWN, None, 10).await.unwrap();
    let seen: Vec<_> = all.iter().map(|Message { id, event, .. }| (*id, &**event)).collect();
    assert_eq!(seen, [(2, "status.changed"), (3, "flow.step")]);
    let entry = all[0].entry.as_ref().unwrap();
    assert_eq!((entry.delivery, entry.position, &*entry.status, entry.at), (1, 1, "CLAIMED", NOW + 5));
    assert_eq!(entry.actor_name.as_deref(), Some("agent-7"));
    assert_eq!((&all[1].entry, all[1].scope, all[1].record.id), (&None, OWN, record_id(1)));
    assert_eq!(house.store.partner_messages(&OWN, Some(2), 10).await.unwrap(), all[1..]);
    assert_eq!(house.store.partner_messages(&OWN, None, 1).await.unwrap(), all[..1]);
    for stranger in STRANGERS {
        assert_eq!(house.store.partner_messages(&stranger, None, 10).await, Ok(Vec::new()), "{stranger:?}");
    }
}

// shows: KB-002, KB-008
#[tokio::test]
async fn the_time_to_first_contact_is_told_by_product_and_partner() {
    let house = inbox().await;
    status(&house, 1, StatusChange { first_contact: true, ..change("IN_PROGRESS", NOW + 60) }).await;
    let row = |number: Millis, first_contact_at| FirstContact {
        product: "mortgage".to_owned(),
        partner: partner_id(if number == 5 { 2 } else { 1 }),
        received_at: NOW + number,
        promised_at: (number != 5).then_some(NOW + 1_000 - number),
        first_contact_at,
    };
    let rows = |view, from, to, product: Option<&str>, partner| {
        house.store.first_contacts(view, NOW + from, NOW + to, product.map(str::to_owned), partner)
    };
    let expected = vec![row(1, Some(NOW + 60)), row(2, None), row(3, None), row(4, None), row(5, None)];
    assert_eq!(rows(ALL, 0, 9, None, None).await, Ok(expected.clone()));
    assert_eq!(rows(ALL, 2, 4, Some("mortgage"), None).await, Ok(expected[1..3].to_vec()));
    assert_eq!(rows(ALL, 0, 9, Some("loan"), None).await, Ok(Vec::new()));
    assert_eq!(rows(ALL, 0, 9, None, Some(partner_id(2))).await, Ok(expected[4..].to_vec()));
    assert_eq!(rows(at("provider/7"), 0, 9, None, None).await, Ok(expected[3..4].to_vec()));
}
