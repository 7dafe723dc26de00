//! Queries. Each is one statement or two, so none holds a snapshot for long.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Statement, params};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::checkpoint::Wal;
use super::fault::Fault;
use super::row::{self, entry_columns, message_columns, message_tables, record_columns, scoped};
use super::{bank, commit, delivery, directory, document, extent, flow, ledger, message, retention, webhook};
use crate::{
    ApplicationEntry, ApplicationId, AuditEntry, Backlog, Balance, BankUserEntry, BankView, Cursor, Delivery,
    DeliveryCursor, DeliveryFilter, DeliveryPage, Digest, Document, DocumentMeta, Entry, Environment, Expired, Extent,
    Filter, FirstContact, Flow, Held, Idempotency, KeyEntry, KeySummary, Known, LedgerFilter, Message, MessageFilter,
    Millis, Outgoing, Page, PartnerEntry, PartnerId, PayloadKeys, Queue, Reader, Record, Retention, Scope, Sealed,
    SealedPart, StoreError, StoredReply, TimelineEntry, Webhook, WebhookSecret,
};

/// A reading connection.
pub(super) struct SqliteReader {
    connection: Connection,
    database: PathBuf,
    wal: Arc<Wal>,
}

impl SqliteReader {
    pub(super) fn new(connection: Connection, database: PathBuf, wal: Arc<Wal>) -> Self {
        Self { connection, database, wal }
    }

    /// Runs a query. A fault ends this query only: whether the store is still good is for the writer to say.
    fn run<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        query(&self.connection).map_err(|error| {
            let fault = Fault::from(error);
            if let Fault::Broken { code } = fault {
                tracing::error!(code, "the database cannot be read");
            }
            fault.into()
        })
    }
}

impl Reader for SqliteReader {
    fn record(&mut self, scope: &Scope, public_id: Uuid) -> Result<Option<Record>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(concat!(
                "SELECT ",
                record_columns!(),
                " FROM records AS r WHERE public_id = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4"
            ))?;
            let mut text = [0; Hyphenated::LENGTH];
            let public_id: &str = public_id.hyphenated().encode_lower(&mut text);
            statement.query_row(scoped!(scope, public_id), row::record).optional()
        })
    }

    fn records(
        &mut self,
        scope: &Scope,
        filter: &Filter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        // One more than asked for tells whether there is a next page.
        let read = i64::from(limit) + 1;
        let before = match after {
            None => Some(Uuid::max()),
            Some(Cursor(public_id)) => self.record(scope, public_id)?.map(|record| record.id),
        };
        let before = before.ok_or(StoreError::UnknownCursor)?;
        let mut records: Vec<Record> = self.run(|connection| match filter {
            Filter::Api(api) => {
                let mut statement = connection.prepare_cached(concat!(
                    "SELECT ",
                    record_columns!(),
                    " FROM records AS r
                     WHERE id < ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4 AND api = ?5
                     ORDER BY id DESC LIMIT ?6"
                ))?;
                collect(&mut statement, scoped!(scope, before.as_bytes(), api, read))
            }
            Filter::Reference { reference, api } => {
                let mut statement = connection.prepare_cached(concat!(
                    "SELECT ",
                    record_columns!(),
                    " FROM records AS r
                     WHERE id < ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4
                       AND partner_reference = ?5 AND (?6 IS NULL OR api = ?6)
                     ORDER BY id DESC LIMIT ?7"
                ))?;
                collect(&mut statement, scoped!(scope, before.as_bytes(), reference, api, read))
            }
        })?;
        let length = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = records.len() > length;
        records.truncate(length);
        let next = records.last().filter(|_| more).map(|record| Cursor(record.public_id));
        Ok(Page { records, next })
    }

    fn record_deliveries(&mut self, scope: &Scope, records: &[Uuid]) -> Result<Vec<Delivery>, StoreError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let query = delivery::query_of_records(scope, records);
        let mut deliveries = self.run(|connection| query.rows(connection, row::delivery))?;
        deliveries.sort_unstable_by_key(|delivery| delivery.id);
        Ok(deliveries)
    }

    fn timeline(
        &mut self,
        scope: &Scope,
        record: Uuid,
        destination: Option<&str>,
    ) -> Result<Vec<TimelineEntry>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(concat!(
                "WITH d AS (
                   SELECT d.id, d.destination, d.first_status, d.received_at
                   FROM deliveries AS d JOIN records AS r ON r.id = d.record_id
                   WHERE d.record_id = ?1 AND r.partner_id = ?2 AND r.application_id = ?3 AND r.environment = ?4
                     AND (?5 IS NULL OR d.destination = ?5)
                 )
                 SELECT ",
                entry_columns!(),
                " FROM d LEFT JOIN statuses AS s ON false
                 UNION ALL
                 SELECT ",
                entry_columns!(),
                " FROM d JOIN statuses AS s ON s.delivery_id = d.id
                 ORDER BY 7, 1, 3"
            ))?;
            let entries =
                statement.query_map(scoped!(scope, record.as_bytes(), destination), |row| row::entry(row, 0))?;
            entries.collect()
        })
    }

    fn deliveries(
        &mut self,
        view: &BankView,
        filter: &DeliveryFilter,
        after: Option<DeliveryCursor>,
        limit: u32,
    ) -> Result<DeliveryPage, StoreError> {
        if after.is_some_and(|after| after.order != filter.order) {
            return Err(StoreError::UnknownCursor);
        }
        self.run(|connection| bank::deliveries(connection, view, filter, after, limit))
    }

    fn deliveries_of(&mut self, view: &BankView, ids: &[i64]) -> Result<Vec<Delivery>, StoreError> {
        self.run(|connection| bank::deliveries_of(connection, view, ids))
    }

    fn payloads_of(&mut self, view: &BankView, deliveries: &[i64]) -> Result<Vec<SealedPart>, StoreError> {
        self.run(|connection| bank::payloads_of(connection, view, deliveries))
    }

    fn messages(
        &mut self,
        view: &BankView,
        filter: &MessageFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        self.run(|connection| bank::messages(connection, view, filter, after.unwrap_or(0), limit))
    }

    fn partner_messages(&mut self, scope: &Scope, after: Option<i64>, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(concat!(
                "SELECT ",
                message_columns!(),
                " FROM ",
                message_tables!(),
                " WHERE m.id > ?1 AND r.partner_id = ?2 AND m.application_id = ?3 AND m.environment = ?4
                 ORDER BY m.id LIMIT ?5"
            ))?;
            statement.query_map(scoped!(scope, after.unwrap_or(0), limit), row::message)?.collect()
        })
    }

    fn message(&mut self, id: i64) -> Result<Option<Message>, StoreError> {
        self.run(|connection| message::one(connection, id))
    }

    fn next_due(&mut self, queues: &[Queue]) -> Result<Vec<Option<Millis>>, StoreError> {
        self.run(|connection| queues.iter().map(|queue| message::next_due(connection, queue)).collect())
    }

    fn backlog(&mut self) -> Result<Vec<Backlog>, StoreError> {
        self.run(message::backlog)
    }

    fn outgoing(
        &mut self,
        state: Held,
        environment: Environment,
        destination: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Outgoing>, StoreError> {
        self.run(|connection| message::outgoing(connection, state, environment, destination, after, limit))
    }

    fn webhooks(&mut self) -> Result<Vec<Webhook>, StoreError> {
        self.run(webhook::all)
    }

    fn webhook_secrets(&mut self, owner: &str) -> Result<Vec<WebhookSecret<Sealed>>, StoreError> {
        self.run(|connection| webhook::secrets(connection, owner))
    }

    fn audit_generation(&mut self) -> Result<i64, StoreError> {
        self.run(|connection| {
            connection.prepare_cached("SELECT coalesce(max(id), 0) FROM audit")?.query_row([], |row| row.get(0))
        })
    }

    fn first_contacts(
        &mut self,
        view: &BankView,
        from: Millis,
        to: Millis,
        product: Option<&str>,
        partner: Option<PartnerId>,
    ) -> Result<Vec<FirstContact>, StoreError> {
        self.run(|connection| bank::first_contacts(connection, view, from, to, product, partner))
    }

    fn payload(&mut self, scope: &Scope, record: Uuid, part: &str) -> Result<Option<Sealed>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT p.key_id, p.nonce, p.ciphertext FROM payloads AS p JOIN records AS r ON r.id = p.record_id
                 WHERE p.record_id = ?1 AND r.partner_id = ?2 AND r.application_id = ?3 AND r.environment = ?4
                   AND p.part = ?5",
            )?;
            statement.query_row(scoped!(scope, record.as_bytes(), part), |row| row::sealed(row, 0)).optional()
        })
    }

    fn reply(
        &mut self,
        scope: &Scope,
        idempotency: &Idempotency,
        now: Millis,
    ) -> Result<Option<Known<StoredReply>>, StoreError> {
        self.run(|connection| commit::known(connection, scope, idempotency, now))
    }

    fn recent_of_person(
        &mut self,
        scope: &Scope,
        api: &str,
        person: &Digest,
        since: Millis,
    ) -> Result<Option<Millis>, StoreError> {
        self.run(|connection| commit::recent_of_person(connection, scope, api, person, since))
    }

    fn flow(&mut self, scope: &Scope, process_id: i64) -> Result<Option<Flow>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(concat!(
                "SELECT ",
                row::flow_columns!(),
                " FROM flows WHERE process_id = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4"
            ))?;
            statement.query_row(scoped!(scope, process_id), row::flow).optional()
        })
    }

    fn open_flow(&mut self, scope: &Scope, person: &Digest, now: Millis) -> Result<Option<Flow>, StoreError> {
        self.run(|connection| flow::of_person(connection, scope, person, now))
    }

    fn key(&mut self, selector: &str) -> Result<Option<KeyEntry>, StoreError> {
        self.run(|connection| directory::key(connection, selector))
    }

    fn partners(&mut self) -> Result<Vec<PartnerEntry>, StoreError> {
        self.run(directory::partners)
    }

    fn applications(&mut self, partner: Option<PartnerId>) -> Result<Vec<ApplicationEntry>, StoreError> {
        self.run(|connection| directory::applications(connection, partner))
    }

    fn keys(&mut self, application: ApplicationId) -> Result<Vec<KeySummary>, StoreError> {
        self.run(|connection| directory::keys(connection, application))
    }

    fn bank_users(&mut self) -> Result<Vec<BankUserEntry>, StoreError> {
        self.run(directory::bank_users)
    }

    fn bank_user(&mut self, selector: &str) -> Result<Option<BankUserEntry>, StoreError> {
        self.run(|connection| directory::bank_user_of(connection, selector))
    }

    fn audit(&mut self, after: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.run(|connection| directory::audit(connection, after.unwrap_or(0), limit))
    }

    fn ledger(&mut self, filter: &LedgerFilter, after: Option<i64>, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.run(|connection| ledger::entries(connection, filter, after.unwrap_or(0), limit))
    }

    fn ledger_balances(
        &mut self,
        partner: PartnerId,
        destination: Option<&str>,
        month: &str,
    ) -> Result<Vec<Balance>, StoreError> {
        self.run(|connection| ledger::balances(connection, partner, destination, month))
    }

    fn documents(&mut self) -> Result<Vec<DocumentMeta>, StoreError> {
        self.run(document::all)
    }

    fn document(&mut self, kind: &str, name: &str, version: Option<u32>) -> Result<Option<Document>, StoreError> {
        self.run(|connection| document::one(connection, kind, name, version))
    }

    fn documents_generation(&mut self) -> Result<i64, StoreError> {
        self.run(document::generation)
    }

    fn extent(&mut self) -> Result<Extent, StoreError> {
        let found = self.run(|connection| extent::of(connection, &self.database))?;
        Ok(Extent { checkpoints: Some(self.wal.checkpoints()), ..found })
    }

    fn expired(&mut self, retention: &Retention, after: Option<Uuid>, limit: u32) -> Result<Expired, StoreError> {
        self.run(|connection| retention::expired(connection, retention, after, limit))
    }

    fn has_partners(&mut self) -> Result<bool, StoreError> {
        self.run(|connection| connection.prepare_cached("SELECT 1 FROM partners")?.exists([]))
    }
}

/// What is known of payload keys.
pub(super) fn payload_keys(connection: &Connection) -> rusqlite::Result<PayloadKeys> {
    let mut statement = connection.prepare("SELECT key_id, nonce, ciphertext FROM payload_keys")?;
    let probes = statement.query_map([], |row| row::sealed(row, 0))?.collect::<Result<_, _>>()?;
    let in_use = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM payloads) OR EXISTS (SELECT 1 FROM idempotency)
           OR EXISTS (SELECT 1 FROM webhook_secrets)",
        [],
        |row| row.get(0),
    )?;
    Ok(PayloadKeys { probes, in_use })
}

/// Remembers a payload key.
pub(super) fn add_payload_key(connection: &Connection, probe: &Sealed) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO payload_keys (key_id, nonce, ciphertext) VALUES (?1, ?2, ?3)",
            params![probe.key_id.0, probe.nonce, probe.ciphertext],
        )
        .map(drop)
}

fn collect(statement: &mut Statement<'_>, parameters: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<Record>> {
    statement.query_map(parameters, row::record)?.collect()
}
