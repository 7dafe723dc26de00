//! What was accepted can be read again, by its owner and nobody else.

use usher_storage::{Cursor, Filter, Scope, StoreError, Write};

use crate::fixtures::{House, OWN, SECRET, STRANGERS, commit, public_id, record, record_id};

fn of_api(api: &'static str) -> Filter {
    Filter::Api(api.into())
}

fn of_reference(reference: &str, api: Option<&'static str>) -> Filter {
    Filter::Reference { reference: reference.to_owned(), api: api.map(Into::into) }
}

/// The numbers of all records of a list, page by page.
async fn numbers(house: &House, scope: &Scope, filter: Filter, limit: u32) -> Vec<Vec<u128>> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = house.store.records(scope, filter.clone(), after, limit).await.unwrap();
        pages.push(page.records.iter().map(|record| record.id.as_u128()).collect());
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn a_record_and_its_payload_read_back_as_written() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    assert_eq!(house.store.record(&OWN, public_id(1)).await, Ok(Some(record(1))));
    assert_eq!(house.store.record(&OWN, public_id(2)).await, Ok(None));
    let payload = house.store.payload(&OWN, record_id(1), "request").await.unwrap().unwrap();
    assert_eq!(payload.as_slice(), format!("{{\"number\":1,\"person\":\"{SECRET}\"}}").as_bytes());
    assert_eq!(house.store.payload(&OWN, record_id(1), "withdrawal").await, Ok(None));
}

#[tokio::test]
async fn nobody_else_can_read_it() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let cursor: Cursor = public_id(1).as_simple().to_string().parse().unwrap();
    for stranger in STRANGERS {
        let store = &house.store;
        assert_eq!(store.record(&stranger, public_id(1)).await, Ok(None), "{stranger:?}");
        assert_eq!(store.timeline(&stranger, record_id(1), None).await, Ok(Vec::new()), "{stranger:?}");
        assert_eq!(store.record_deliveries(&stranger, vec![record_id(1)]).await, Ok(Vec::new()), "{stranger:?}");
        assert_eq!(store.payload(&stranger, record_id(1), "request").await, Ok(None), "{stranger:?}");
        for filter in [of_api("contact_request"), of_reference("order-7", None)] {
            assert_eq!(numbers(&house, &stranger, filter.clone(), 10).await, [[0; 0]], "{stranger:?}");
            let page = store.records(&stranger, filter, Some(cursor), 10).await;
            assert_eq!(page.unwrap_err(), StoreError::UnknownCursor, "{stranger:?}");
        }
    }
}

#[tokio::test]
async fn a_list_comes_newest_first_and_page_by_page() {
    let house = House::new().await;
    for number in 1..=7 {
        house.commit(commit(number)).await;
    }
    let list = |limit| numbers(&house, &OWN, of_api("contact_request"), limit);
    assert_eq!(list(3).await, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
    assert_eq!(list(7).await, [[7, 6, 5, 4, 3, 2, 1]]);
    assert_eq!(numbers(&house, &OWN, of_api("appointment_request"), 3).await, [[0; 0]]);
}

#[tokio::test]
async fn a_new_record_does_not_shift_the_pages() {
    let house = House::new().await;
    for number in 1..=4 {
        house.commit(commit(number)).await;
    }
    let first = house.store.records(&OWN, of_api("contact_request"), None, 2).await.unwrap();
    house.commit(commit(5)).await;
    let second = house.store.records(&OWN, of_api("contact_request"), first.next, 2).await.unwrap();
    assert_eq!(second.records, [record(2), record(1)]);
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn records_are_found_by_the_partners_own_reference() {
    let house = House::new().await;
    for number in 1..=6 {
        let mut commit = commit(number);
        let Write::Record(record) = &mut commit.writes[0] else { panic!("a record comes first") };
        record.partner_reference = (number != 6).then(|| format!("order-{}", number % 2));
        if number > 3 {
            record.api = "appointment_request".into();
        }
        house.commit(commit).await;
    }
    assert_eq!(numbers(&house, &OWN, of_reference("order-1", None), 2).await, [vec![5, 3], vec![1]]);
    assert_eq!(numbers(&house, &OWN, of_reference("order-1", Some("contact_request")), 2).await, [[3, 1]]);
    assert_eq!(numbers(&house, &OWN, of_reference("order-9", None), 2).await, [[0; 0]]);
}

#[tokio::test]
async fn a_cursor_that_was_not_given_out_is_refused() {
    let house = House::new().await;
    for text in ["", "1", "../..", &public_id(1).to_string(), &"g".repeat(32), &"0".repeat(33)] {
        assert_eq!(text.parse::<Cursor>(), Err(StoreError::UnknownCursor), "{text}");
    }
    let unknown: Cursor = "0".repeat(32).parse().unwrap();
    let page = house.store.records(&OWN, of_api("contact_request"), Some(unknown), 10).await;
    assert_eq!(page.unwrap_err(), StoreError::UnknownCursor);
}
