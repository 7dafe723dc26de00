//! What the bank asks for: queries across the partners of an environment, each along an index.

use rusqlite::Connection;

use super::query::Query;
use super::row::{self, delivery_columns, delivery_tables, message_columns, message_tables};
use crate::{
    BankView, Delivery, DeliveryCursor, DeliveryFilter, DeliveryOrder, DeliveryPage, FirstContact, Message,
    MessageFilter, Millis, PartnerId, SIMULATED_BANK, SealedPart,
};

/// A page of deliveries.
pub(super) fn deliveries(
    connection: &Connection,
    view: &BankView,
    filter: &DeliveryFilter,
    after: Option<DeliveryCursor>,
    limit: u32,
) -> rusqlite::Result<DeliveryPage> {
    let mut deliveries = query_deliveries(view, filter, after, limit).rows(connection, row::delivery)?;
    let length = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = deliveries.len() > length;
    deliveries.truncate(length);
    let next = deliveries.last().filter(|_| more).map(|last| cursor(last, filter.order));
    Ok(DeliveryPage { deliveries, next })
}

fn query_deliveries(view: &BankView, filter: &DeliveryFilter, after: Option<DeliveryCursor>, limit: u32) -> Query {
    // The index in the order of the list is named: a bound on a time must not make SQLite sort what another one finds.
    let mut query = Query::new(concat!("SELECT ", delivery_columns!(), " FROM "));
    query.text(match filter.order {
        DeliveryOrder::Promised => delivery_tables!("INDEXED BY deliveries_promised "),
        DeliveryOrder::Newest => delivery_tables!("INDEXED BY deliveries_newest "),
    });
    query.with(" WHERE d.environment = ?", view.environment.number());
    query.with_some(" AND d.destination = ?", view.destination.clone());
    query.with_some(" AND d.destination = ?", filter.destination.clone());
    query.with_some(" AND d.api = ?", filter.api.clone());
    query.with_some(" AND d.product = ?", filter.product.clone());
    query.with_some(" AND d.partner_id = ?", filter.partner.map(|partner| partner.0.as_bytes().to_vec()));
    query.with_some(" AND d.received_at >= ?", filter.received_from);
    query.with_some(" AND d.received_at < ?", filter.received_to);
    query.with_some(" AND d.changed_at >= ?", filter.changed_from);
    query.with_some(" AND d.changed_at < ?", filter.changed_to);
    query.with_any(" AND d.status IN (", &filter.statuses);
    if filter.open_only || filter.order == DeliveryOrder::Promised {
        // Not a value: only then it is known to be what the index is made for.
        query.text(" AND d.open = 1");
    }
    if let Some(after) = after {
        let place = match filter.order {
            DeliveryOrder::Promised => " AND (d.promise_order, d.id) > (?",
            DeliveryOrder::Newest => " AND (d.received_at, d.id) < (?",
        };
        query.with(place, after.at);
        query.with(", ?)", after.id);
    }
    let order = match filter.order {
        DeliveryOrder::Promised => " ORDER BY d.promise_order, d.id LIMIT ?",
        DeliveryOrder::Newest => " ORDER BY d.received_at DESC, d.id DESC LIMIT ?",
    };
    // One more than asked for tells whether there is a next page.
    query.with(order, i64::from(limit) + 1);
    query
}

fn cursor(last: &Delivery, order: DeliveryOrder) -> DeliveryCursor {
    let at = match order {
        DeliveryOrder::Promised => last.promised_at.unwrap_or(Millis::MAX),
        DeliveryOrder::Newest => last.record.received_at,
    };
    DeliveryCursor { order, at, id: last.id }
}

/// Deliveries by their ids.
pub(super) fn deliveries_of(connection: &Connection, view: &BankView, ids: &[i64]) -> rusqlite::Result<Vec<Delivery>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    query_deliveries_of(view, ids).rows(connection, row::delivery)
}

fn query_deliveries_of(view: &BankView, ids: &[i64]) -> Query {
    let mut query = Query::new(concat!("SELECT ", delivery_columns!(), " FROM ", delivery_tables!()));
    // The plus keeps SQLite from the indexes that begin with the environment.
    query.with(" WHERE +d.environment = ?", view.environment.number());
    query.with_some(" AND d.destination = ?", view.destination.clone());
    query.with_any(" AND d.id IN (", ids);
    query.text(" ORDER BY d.id");
    query
}

/// The payloads of the records of deliveries.
pub(super) fn payloads_of(
    connection: &Connection,
    view: &BankView,
    deliveries: &[i64],
) -> rusqlite::Result<Vec<SealedPart>> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    query_payloads_of(view, deliveries)
        .rows(connection, |row| Ok(SealedPart { delivery: row.get(0)?, part: row.get(1)?, body: row::sealed(row, 2)? }))
}

fn query_payloads_of(view: &BankView, deliveries: &[i64]) -> Query {
    let mut query = Query::new(
        "SELECT d.id, p.part, p.key_id, p.nonce, p.ciphertext
         FROM deliveries AS d CROSS JOIN payloads AS p ON p.record_id = d.record_id",
    );
    // The plus keeps SQLite from the indexes that begin with the environment.
    query.with(" WHERE +d.environment = ?", view.environment.number());
    query.with_some(" AND d.destination = ?", view.destination.clone());
    query.with_any(" AND d.id IN (", deliveries);
    query
}

/// Messages nobody has taken yet, oldest first.
pub(super) fn messages(
    connection: &Connection,
    view: &BankView,
    filter: &MessageFilter,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<Message>> {
    query_messages(view, filter, after, limit).rows(connection, row::message)
}

fn query_messages(view: &BankView, filter: &MessageFilter, after: i64, limit: u32) -> Query {
    let mut query = Query::new(concat!(
        "SELECT ",
        message_columns!(),
        " FROM ",
        message_tables!(),
        " WHERE m.state = 'pending' AND m.application_id IS NULL"
    ));
    query.with(" AND m.environment = ?", view.environment.number());
    query.with(" AND m.id > ?", after);
    query.with(" AND m.destination <> ?", SIMULATED_BANK.to_owned());
    query.with_some(" AND m.destination = ?", view.destination.clone());
    query.with_some(" AND m.destination = ?", filter.destination.clone());
    if let [first, others @ ..] = &filter.except[..] {
        query.with(" AND m.destination NOT IN (?", first.clone());
        others.iter().for_each(|destination| query.with(", ?", destination.clone()));
        query.text(")");
    }
    query.with_some(" AND m.event = ?", filter.event.clone());
    query.with_some(" AND r.api = ?", filter.api.clone());
    query.with(" ORDER BY m.id LIMIT ?", limit);
    query
}

/// How long everybody waited whose request was accepted in a time, oldest first.
pub(super) fn first_contacts(
    connection: &Connection,
    view: &BankView,
    from: Millis,
    to: Millis,
    product: Option<&str>,
    partner: Option<PartnerId>,
) -> rusqlite::Result<Vec<FirstContact>> {
    query_first_contacts(view, from, to, product, partner).rows(connection, |row| {
        Ok(FirstContact {
            product: row.get(0)?,
            partner: PartnerId(row::id(row, 1)?),
            received_at: row.get(2)?,
            promised_at: row.get(3)?,
            first_contact_at: row.get(4)?,
        })
    })
}

fn query_first_contacts(
    view: &BankView,
    from: Millis,
    to: Millis,
    product: Option<&str>,
    partner: Option<PartnerId>,
) -> Query {
    let mut query = Query::new(
        "SELECT d.product, d.partner_id, d.received_at, d.promised_at, d.first_contact_at FROM deliveries AS d",
    );
    query.with(" WHERE d.environment = ?", view.environment.number());
    query.with(" AND d.received_at >= ?", from);
    query.with(" AND d.received_at < ?", to);
    query.with_some(" AND d.destination = ?", view.destination.clone());
    query.with_some(" AND d.product = ?", product.map(str::to_owned));
    query.with_some(" AND d.partner_id = ?", partner.map(|partner| partner.0.as_bytes().to_vec()));
    query.text(" ORDER BY d.received_at, d.id");
    query
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, StatementStatus, params_from_iter};

    use uuid::Uuid;

    use super::{query_deliveries, query_deliveries_of, query_first_contacts, query_messages, query_payloads_of};
    use crate::sqlite::delivery::query_of_records;
    use crate::sqlite::query::Query;
    use crate::sqlite::{Folder, SqliteEngine};
    use crate::{
        ApplicationId, BankView, DeliveryCursor, DeliveryFilter, DeliveryOrder, Environment, MessageFilter, PartnerId,
        Scope,
    };

    /// An inbox of 100,000: every hundredth is for a provider, half of them are closed, a tenth is promised nothing.
    const INBOX: &str = "
        PRAGMA foreign_keys = OFF;
        INSERT INTO partners VALUES (zeroblob(16), 'A partner', 0);
        INSERT INTO applications VALUES (zeroblob(16), zeroblob(16), 'app', 'An application', 'strict', 0);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO records (id, public_id, partner_id, application_id, environment, api, version, operation,
            contract_version, received_at, status, payload_hash, durability, warnings, correlation_id)
        SELECT unhex(printf('%032x', i)), printf('00000000-0000-0000-0000-%012x', i), zeroblob(16), zeroblob(16), 2,
            'contact_request', 1, 'submitContactRequest', '1.0.0', i, 'NEW', zeroblob(32), 'single-disk', '[]',
            '00000000-0000-0000-0000-000000000099' FROM n;
        INSERT INTO deliveries (record_id, destination, partner_id, environment, api, product, received_at,
            first_status, status, version, open, promised_at, changed_at)
        SELECT id, CASE WHEN received_at % 100 THEN 'bank' ELSE 'provider/7' END, partner_id, environment, api, product,
            received_at, 'NEW', 'NEW', 0, received_at / 100 % 2, CASE WHEN received_at % 10 THEN received_at END,
            received_at
        FROM records;
        INSERT INTO payloads (record_id, partner_id, environment, part, key_id, nonce, ciphertext)
        SELECT id, partner_id, environment, column1, zeroblob(8), zeroblob(24), zeroblob(16)
        FROM records JOIN (VALUES ('request'), ('phone')) WHERE received_at % 1000 = 0;
        INSERT INTO messages (record_id, delivery_id, environment, destination, event, position, state, next_due_at,
            finished_at)
        SELECT record_id, id, environment, destination, 'request.accepted', 0,
            CASE open WHEN 1 THEN 'pending' ELSE 'delivered' END, received_at, 0
        FROM deliveries;";

    /// Runs the query; says how many rows came and how many steps of SQLite's machine it took.
    fn run(connection: &Connection, query: &Query) -> (usize, i32) {
        let mut statement = connection.prepare(&query.sql).unwrap();
        let mut rows = statement.query(params_from_iter(&query.values)).unwrap();
        let mut count = 0;
        while rows.next().unwrap().is_some() {
            count += 1;
        }
        drop(rows);
        let plan: Vec<String> = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql))
            .unwrap()
            .query_map(params_from_iter(&query.values), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for step in &plan {
            assert!(!step.starts_with("SCAN") && !step.contains("TEMP B-TREE"), "{plan:#?}");
        }
        (count, statement.get_status(StatementStatus::VmStep))
    }

    #[test]
    fn an_inbox_of_a_hundred_thousand_is_never_read_through() {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(Folder::open(folder.path()).unwrap()).unwrap();
        let connection = &engine.connection;
        connection.execute_batch(INBOX).unwrap();

        let all = BankView { environment: Environment::Production, destination: None };
        let provider = BankView { destination: Some("provider/7".to_owned()), ..all.clone() };
        for order in [DeliveryOrder::Promised, DeliveryOrder::Newest] {
            let filter = DeliveryFilter { order, ..DeliveryFilter::default() };
            let middle = DeliveryCursor { order, at: 50_000, id: 50_000 };
            for after in [None, Some(middle)] {
                let (count, steps) = run(connection, &query_deliveries(&all, &filter, after, 50));
                assert_eq!(count, 51);
                assert!(steps < 10_000, "{order:?}, {after:?}: {steps} steps");
                // A view of one destination passes over the entries of the others, in a few steps each.
                let (count, steps) = run(connection, &query_deliveries(&provider, &filter, after, 50));
                assert_eq!(count, 51);
                assert!(steps < 250_000, "{order:?}, {after:?}: {steps} steps");
            }
            let busy = DeliveryFilter {
                api: Some("contact_request".to_owned()),
                statuses: vec!["NEW".to_owned(), "CLAIMED".to_owned()],
                open_only: true,
                received_from: Some(10),
                received_to: Some(90_000),
                ..filter
            };
            let (count, steps) = run(connection, &query_deliveries(&all, &busy, None, 50));
            assert_eq!(count, 51);
            assert!(steps < 10_000, "{order:?}: {steps} steps");
        }
        for after in [0, 50_000] {
            let (count, steps) = run(connection, &query_messages(&all, &MessageFilter::default(), after, 50));
            assert_eq!(count, 50);
            assert!(steps < 10_000, "after {after}: {steps} steps");
        }
        // A page is read at once, and costs what its rows cost.
        let scope = Scope {
            partner: PartnerId(Uuid::nil()),
            application: ApplicationId(Uuid::nil()),
            environment: Environment::Production,
        };
        let page: Vec<i64> = (1..=50).map(|number| number * 1_000).collect();
        let records: Vec<Uuid> = (1..=50).map(|number| Uuid::from_u128(number * 1_000)).collect();
        for (query, expected) in [
            (query_deliveries_of(&all, &page), 50),
            (query_deliveries_of(&provider, &page), 50),
            (query_payloads_of(&all, &page), 100),
            (query_payloads_of(&BankView { environment: Environment::Sandbox, ..all.clone() }, &page), 0),
            (query_of_records(&scope, &records), 50),
        ] {
            let (count, steps) = run(connection, &query);
            assert_eq!(count, expected, "{}", query.sql);
            assert!(steps < 10_000, "{steps} steps: {}", query.sql);
        }
        let (count, steps) = run(connection, &query_first_contacts(&all, 99_900, 99_950, None, None));
        assert_eq!(count, 50);
        assert!(steps < 5_000, "{steps} steps");
    }
}
