//! Commits: idempotency, conditions and writes of each, all of a batch in one transaction.

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::fault::Fault;
use super::row::scoped;
use super::{delivery, execute, flow, ledger, message, row};
use crate::model::{Payload, Write};
use crate::{
    Condition, Constraint, Digest, Idempotency, Known, Millis, NewDelivery, Record, Scope, Sealed, SealedCommit,
    SealedIdempotency, StoreError, StoredReply, Verdict,
};

/// What became of one commit.
type Decided = Result<Verdict, StoreError>;

/// Answers for each commit of the batch; an error ends the transaction for all of them. `write` is one of
/// [`write_plainly`] and [`write_undoably`].
pub(super) fn run(
    connection: &Connection,
    batch: &[SealedCommit],
    write: fn(&Connection, &SealedCommit) -> Result<Decided, Fault>,
) -> Result<Vec<Decided>, Fault> {
    batch
        .iter()
        .map(|commit| match refusal(connection, commit) {
            Ok(None) => write(connection, commit),
            Ok(Some(refused)) => Ok(Ok(refused)),
            Err(fault) if fault.is_of_one_commit() => Ok(Err(fault.into())),
            Err(fault) => Err(fault),
        })
        .collect()
}

/// Writes a commit; a fault in the middle ends the transaction.
pub(super) fn write_plainly(connection: &Connection, commit: &SealedCommit) -> Result<Decided, Fault> {
    write_all(connection, commit).map(|()| Ok(Verdict::Committed))
}

/// Writes a commit; a fault of this commit undoes this commit only.
pub(super) fn write_undoably(connection: &Connection, commit: &SealedCommit) -> Result<Decided, Fault> {
    execute(connection, "SAVEPOINT one")?;
    let decided = match write_all(connection, commit) {
        Ok(()) => Ok(Verdict::Committed),
        Err(fault) if fault.is_of_one_commit() => {
            execute(connection, "ROLLBACK TO one")?;
            match fault {
                Fault::Refused(Constraint::Unique) => Ok(Verdict::IdTaken),
                fault => Err(fault.into()),
            }
        }
        // The whole transaction ends; SQLite may have ended it already.
        Err(fault) => return Err(fault),
    };
    execute(connection, "RELEASE one")?;
    Ok(decided)
}

/// What is known of a key at `now`.
pub(super) fn known(
    connection: &Connection,
    scope: &Scope,
    idempotency: &Idempotency,
    now: Millis,
) -> rusqlite::Result<Option<Known<StoredReply>>> {
    let mut statement = connection.prepare_cached(
        "SELECT fingerprint, status, content_type, location, key_id, nonce, ciphertext FROM idempotency
         WHERE key_digest = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4 AND operation = ?5
           AND expires_at > ?6",
    )?;
    statement
        .query_row(scoped!(scope, idempotency.key_digest, idempotency.operation, now), |row| {
            // Both are keyed digests, so the time a comparison takes tells nothing.
            if row.get_ref(0)?.as_blob()? != idempotency.fingerprint {
                return Ok(Known::KeyReused);
            }
            Ok(Known::Replayed(StoredReply {
                status: row.get(1)?,
                content_type: row.get(2)?,
                location: row.get(3)?,
                body: row::sealed(row, 4)?,
            }))
        })
        .optional()
}

/// Forgets up to `limit` expired keys.
pub(super) fn purge(connection: &Connection, now: Millis, limit: u32) -> Result<usize, Fault> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM idempotency WHERE rowid IN
           (SELECT rowid FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
    )?;
    Ok(statement.execute(params![now, limit])?)
}

/// Why a commit is not to be written, found before anything of it is.
fn refusal(connection: &Connection, commit: &SealedCommit) -> Result<Option<Verdict>, Fault> {
    let SealedCommit { scope, now, .. } = commit;
    if let Some(sealed) = &commit.idempotency {
        match known(connection, scope, &sealed.idempotency, *now)? {
            None => {}
            Some(Known::Replayed(reply)) => return Ok(Some(Verdict::Replayed(reply))),
            Some(Known::KeyReused) => return Ok(Some(Verdict::KeyReused)),
        }
    }
    for (index, condition) in commit.conditions.iter().enumerate() {
        let holds = match condition {
            Condition::FlowIs { process_id, states } => flow::is_in(connection, scope, *process_id, states, *now)?,
            Condition::IsOpen { record } => delivery::is_open(connection, scope, *record)?,
            Condition::DeliveryIs { id, version } => delivery::is(connection, scope, *id, *version)?,
            Condition::NoRecordOfPerson { person, api, since } => {
                recent_of_person(connection, scope, api, person, *since)?.is_none()
            }
            Condition::LedgerUnmoved { delivery, last } => ledger::is_unmoved(connection, *delivery, *last)?,
        };
        if !holds {
            return Ok(Some(Verdict::ConditionFailed(index)));
        }
    }
    for write in &commit.writes {
        if let Write::OpenFlow(flow) = write
            && let Some(existing) = flow::of_person(connection, scope, &flow.person_digest, *now)?
        {
            return Ok(Some(Verdict::FlowExists(existing)));
        }
    }
    Ok(None)
}

fn write_all(connection: &Connection, commit: &SealedCommit) -> Result<(), Fault> {
    let scope = &commit.scope;
    let mut own = None;
    // The delivery written last: most messages are about it.
    let mut newest: Option<(&NewDelivery, i64)> = None;
    for write in &commit.writes {
        match write {
            Write::Record(record) => {
                insert_record(connection, scope, record)?;
                own = Some(&**record);
            }
            Write::Payload(payload) => {
                require_in_scope(connection, scope, payload.record, own)?;
                insert_payload(connection, scope, payload)?;
            }
            Write::Delivery(delivery) => {
                delivery::insert(connection, scope, delivery, own)?;
                newest = Some((delivery, connection.last_insert_rowid()));
            }
            Write::Message(message) => {
                let new = newest.filter(|(new, _)| {
                    new.record == message.record && Some(&new.destination) == message.delivery.as_ref()
                });
                message::insert(connection, scope, message, own, new.map(|(_, id)| id))?;
            }
            Write::Status { record, destination, change } => {
                newest = None;
                delivery::change_status(connection, scope, *record, destination.as_deref(), change)?;
            }
            Write::Ledger(entry) => ledger::insert(connection, scope, entry, own)?,
            Write::OpenFlow(flow) => flow::open(connection, scope, flow, commit.now)?,
            Write::StepFlow(step) => flow::step(connection, scope, step)?,
            Write::EndFlow(step) => flow::end(connection, scope, step)?,
        }
    }
    if let Some(sealed) = &commit.idempotency {
        let about = commit.writes.iter().find_map(|write| match write {
            Write::Record(record) => Some(record.id),
            Write::Status { record, .. } => Some(*record),
            _ => None,
        });
        insert_idempotency(connection, scope, sealed, about)?;
    }
    Ok(())
}

/// When this person was last accepted for this partner, if not before `since`.
pub(super) fn recent_of_person(
    connection: &Connection,
    scope: &Scope,
    api: &str,
    person: &Digest,
    since: Millis,
) -> rusqlite::Result<Option<Millis>> {
    let mut statement = connection.prepare_cached(
        "SELECT max(received_at) FROM records
         WHERE person_digest = ?1 AND partner_id = ?2 AND environment = ?3 AND api = ?4 AND received_at >= ?5",
    )?;
    let parameters = params![person, scope.partner.0.as_bytes(), scope.environment.number(), api, since];
    statement.query_row(parameters, |row| row.get(0))
}

/// A row may only be hung on a record of the commit's scope; the record of the same commit needs no look-up.
pub(super) fn require_in_scope(
    connection: &Connection,
    scope: &Scope,
    record: Uuid,
    own: Option<&Record>,
) -> Result<(), Fault> {
    if own.is_some_and(|own| own.id == record) {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM records WHERE id = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4",
    )?;
    if statement.exists(scoped!(scope, record.as_bytes()))? {
        Ok(())
    } else {
        Err(Fault::Refused(Constraint::Reference))
    }
}

fn insert_record(connection: &Connection, scope: &Scope, record: &Record) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO records (id, partner_id, application_id, environment, public_id, api, version, operation,
           contract_version, partner_reference, campaign, source, sub_partner, received_at, status, payload_hash, salt,
           durability, warnings, correlation_id, process_id, product, products_version, lists, person_digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
           ?23, ?24, ?25)",
    )?;
    let (mut public_id, mut correlation_id) = ([0; Hyphenated::LENGTH], [0; Hyphenated::LENGTH]);
    statement.execute(scoped!(
        scope,
        record.id.as_bytes(),
        &*record.public_id.hyphenated().encode_lower(&mut public_id),
        record.api,
        record.version,
        record.operation,
        record.contract_version,
        record.partner_reference,
        record.campaign,
        record.source,
        record.sub_partner,
        record.received_at,
        record.status,
        record.payload_hash,
        record.salt.as_ref().map(crate::Content::as_slice),
        record.durability,
        record.warnings,
        &*record.correlation_id.hyphenated().encode_lower(&mut correlation_id),
        record.process_id,
        record.product,
        record.products_version,
        record.lists,
        record.person,
    ))?;
    Ok(())
}

fn insert_payload(connection: &Connection, scope: &Scope, payload: &Payload<Sealed>) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO payloads (record_id, part, partner_id, environment, key_id, nonce, ciphertext)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![
        payload.record.as_bytes(),
        payload.part,
        scope.partner.0.as_bytes(),
        scope.environment.number(),
        payload.body.key_id.0,
        payload.body.nonce,
        payload.body.ciphertext,
    ])?;
    Ok(())
}

fn insert_idempotency(
    connection: &Connection,
    scope: &Scope,
    sealed: &SealedIdempotency,
    record: Option<Uuid>,
) -> Result<(), Fault> {
    let SealedIdempotency { idempotency, status, content_type, location, body } = sealed;
    // A row that is still there under this key has expired, else the commit had been answered from it.
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO idempotency (key_digest, partner_id, application_id, environment, operation,
           fingerprint, record_id, expires_at, status, content_type, location, key_id, nonce, ciphertext)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    statement.execute(scoped!(
        scope,
        idempotency.key_digest,
        idempotency.operation,
        idempotency.fingerprint,
        record.as_ref().map(Uuid::as_bytes),
        idempotency.expires_at,
        status,
        content_type,
        location,
        body.key_id.0,
        body.nonce,
        body.ciphertext,
    ))?;
    Ok(())
}
