//! Messages: written with what they tell of, claimed under a lease, marked under the number of the claim.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::commit::require_in_scope;
use super::fault::Fault;
use super::query::Query;
use super::{delivery, directory, row};
use crate::message::{PARTNER, SIMULATED_BANK};
use crate::{
    Backlog, BankView, Claim, Claimed, Constraint, Environment, Fate, Held, Mark, Marked, Message, Millis, NewMessage,
    Outgoing, Queue, Recipient, Record, Replay, Replayed, Scope, Webhook,
};

/// Due rows of a queue, those with an expired lease first: their work was begun before the others came.
macro_rules! due {
    ($of:literal) => {
        concat!(
            "SELECT m.id, m.token, m.destination, m.event, m.delivery_id, m.position, m.attempts, m.first_tried_at,
               r.partner_id, r.application_id, r.environment, r.id, r.public_id, r.api, r.version, r.operation
             FROM (
               SELECT * FROM (SELECT id, 0 AS turn, lease_until AS since FROM messages
                 WHERE state = 'claimed' AND environment = ?1 AND lease_until <= ?2 AND ",
            $of,
            " ORDER BY lease_until LIMIT ?3)
               UNION ALL
               SELECT * FROM (SELECT id, 1 AS turn, next_due_at AS since FROM messages
                 WHERE state = 'pending' AND environment = ?1 AND next_due_at <= ?2 AND ",
            $of,
            " ORDER BY next_due_at LIMIT ?3)
             ) AS due
             JOIN messages AS m ON m.id = due.id
             JOIN records AS r ON r.id = m.record_id
             ORDER BY due.turn, due.since, due.id
             LIMIT ?3"
        )
    };
}

/// Of a destination `?4`.
const DUE_OF_DESTINATION: &str = due!("application_id IS NULL AND destination = ?4");
/// Of an application `?4`, after a message `?5` and due since `?6`.
const DUE_OF_APPLICATION: &str =
    due!("application_id IS NOT NULL AND application_id = ?4 AND id > ?5 AND next_due_at >= ?6");

/// Messages looked at in one step of a replay of what has arrived.
const REPLAY_WINDOW: i64 = 5_000;
/// Messages given back in one step of a replay.
const REPLAY_STEP: i64 = 500;

/// Adds a message. `own` is the record of the same commit, `new` the number of the delivery it is about where that was
/// just made.
pub(super) fn insert(
    connection: &Connection,
    scope: &Scope,
    message: &NewMessage,
    own: Option<&Record>,
    new: Option<i64>,
) -> Result<(), Fault> {
    require_in_scope(connection, scope, message.record, own)?;
    let about = match (&message.delivery, new) {
        (None, _) => None,
        (Some(_), Some(new)) => Some((new, 0)),
        (Some(destination), None) => {
            let found = delivery::find(connection, message.record, destination)?;
            Some(found.ok_or(Fault::Refused(Constraint::Reference))?)
        }
    };
    let (delivery, position) = about.unzip();
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (record_id, delivery_id, environment, application_id, destination, event, position, state,
           next_due_at, first_due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?8)",
    )?;
    statement.execute(params![
        message.record.as_bytes(),
        delivery,
        scope.environment.number(),
        (message.destination == PARTNER).then(|| scope.application.0.as_bytes()),
        message.destination,
        message.event,
        position,
        message.due_at,
    ])?;
    Ok(())
}

pub(super) fn claim(connection: &Connection, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
    let Claim { queue, now, lease, limit } = claim;
    let lease = Millis::try_from(lease.as_millis()).unwrap_or(Millis::MAX);
    let lease_until = now.saturating_add(lease);
    let environment = queue.environment.number();
    let read = |row: &Row<'_>| claimed(row, *now, lease_until);
    let claimed: Vec<Claimed> = match &queue.recipient {
        Recipient::Destination(destination) => {
            let mut statement = connection.prepare_cached(DUE_OF_DESTINATION)?;
            statement
                .query_map(params![environment, now, limit, destination], read)?
                .collect::<rusqlite::Result<_>>()?
        }
        Recipient::Application { id, after, since } => {
            let mut statement = connection.prepare_cached(DUE_OF_APPLICATION)?;
            let parameters = params![environment, now, limit, id.0.as_bytes(), after, since];
            statement.query_map(parameters, read)?.collect::<rusqlite::Result<_>>()?
        }
    };
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET state = 'claimed', token = ?2, attempts = ?3, lease_until = ?4, first_tried_at = ?5
         WHERE id = ?1",
    )?;
    for row in &claimed {
        statement.execute(params![row.id, row.token, row.attempts, row.lease_until, row.first_tried_at])?;
    }
    Ok(claimed)
}

fn claimed(row: &Row<'_>, now: Millis, lease_until: Millis) -> rusqlite::Result<Claimed> {
    Ok(Claimed {
        id: row.get(0)?,
        token: row.get::<_, i64>(1)? + 1,
        destination: row.get(2)?,
        event: row.get(3)?,
        delivery: row.get(4)?,
        position: row.get(5)?,
        attempts: row.get::<_, u32>(6)?.saturating_add(1),
        first_tried_at: row.get::<_, Option<Millis>>(7)?.unwrap_or(now),
        lease_until,
        scope: row::scope(row, 8)?,
        record: row::id(row, 11)?,
        public_id: row::text_id(row, 12)?,
        api: row.get(13)?,
        version: row.get(14)?,
        operation: row.get(15)?,
    })
}

/// When the next message of a queue is due; none when nothing waits.
pub(super) fn next_due(connection: &Connection, queue: &Queue) -> rusqlite::Result<Option<Millis>> {
    let environment = queue.environment.number();
    match &queue.recipient {
        Recipient::Destination(destination) => connection
            .prepare_cached(
                "SELECT min(next_due_at) FROM messages
                 WHERE state = 'pending' AND application_id IS NULL AND destination = ?1 AND environment = ?2",
            )?
            .query_row(params![destination, environment], |row| row.get(0)),
        Recipient::Application { id, after, since } => connection
            .prepare_cached(
                "SELECT next_due_at FROM messages
                 WHERE state = 'pending' AND application_id IS NOT NULL AND application_id = ?1 AND environment = ?2
                   AND id > ?3 AND next_due_at >= ?4
                 ORDER BY next_due_at LIMIT 1",
            )?
            .query_row(params![id.0.as_bytes(), environment, after, since], |row| row.get(0))
            .optional(),
    }
}

/// Gives back what was claimed and never marked, to whoever comes next in whatever way, and says how much it was.
pub(super) fn release(connection: &Connection, now: Millis) -> Result<usize, Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET state = 'pending', lease_until = NULL
         WHERE state = 'claimed' AND environment IN (1, 2) AND lease_until <= ?1",
    )?;
    Ok(statement.execute([now])?)
}

pub(super) fn mark(connection: &Connection, marks: &[Mark]) -> Result<Vec<Marked>, Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET state = ?3, lease_until = NULL, next_due_at = coalesce(?4, next_due_at), finished_at = ?5,
           reason = ?6
         WHERE id = ?1 AND token = ?2 AND state = 'claimed'",
    )?;
    let mut marked = Vec::with_capacity(marks.len());
    for Mark { id, token, fate } in marks {
        let (state, due_at, finished_at, reason) = match fate {
            Fate::Delivered { at } => ("delivered", None, Some(at), None),
            Fate::Retry { due_at, reason } => ("pending", Some(due_at), None, reason.as_ref()),
            Fate::Parked { at, reason } => ("parked", None, Some(at), Some(reason)),
        };
        if statement.execute(params![id, token, state, due_at, finished_at, reason])? == 0 {
            marked.push(Marked::Stale);
            continue;
        }
        if let Fate::Delivered { at } = fate {
            delivery::acknowledge(connection, *id, *at)?;
        }
        marked.push(Marked::Done);
    }
    Ok(marked)
}

/// A step of a replay: what was given up, or has arrived, waits again as if it had never been tried.
pub(super) fn replay(connection: &Connection, replay: &Replay, after: i64) -> Result<Replayed, Fault> {
    let Replay { state, environment, destination, id, from, to, now, actor } = replay;
    // What has arrived has no index of its own: it is looked through bit by bit.
    let (select, last) = match state {
        Held::Pending => return Ok(Replayed::default()),
        Held::Parked => ("state = 'parked' AND environment = ", i64::MAX),
        Held::Delivered => ("state = 'delivered' AND environment = ", after.saturating_add(REPLAY_WINDOW)),
    };
    let mut query = Query::new("SELECT id FROM messages WHERE ");
    query.text(select);
    query.with("?", environment.number());
    query.with(" AND destination <> ?", SIMULATED_BANK.to_owned());
    query.with_some(" AND destination = ?", destination.clone());
    query.with_some(" AND finished_at >= ?", *from);
    query.with_some(" AND finished_at < ?", *to);
    match id {
        Some(id) => query.with(" AND id = ?", *id),
        None => {
            query.with(" AND id > ?", after);
            query.with(" AND id <= ?", last);
        }
    }
    query.with(" ORDER BY id LIMIT ?", REPLAY_STEP);
    let ids = query.rows(connection, |row| row.get::<_, i64>(0))?;
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET state = 'pending', attempts = 0, first_tried_at = NULL, first_due_at = ?2, next_due_at = ?2,
           finished_at = NULL, reason = NULL
         WHERE id = ?1",
    )?;
    for id in &ids {
        statement.execute(params![id, now])?;
    }
    if let [first, .., last] | [first @ last] = ids[..] {
        let target = match destination {
            Some(destination) => format!("{}/{destination}", environment.as_str()),
            None => environment.as_str().to_owned(),
        };
        let detail = format!("{} {} from {first} to {last}", ids.len(), state.as_str());
        directory::note(connection, *now, actor, "message.replayed", &target, &detail)?;
    }
    let is_cut = ids.len() == usize::try_from(REPLAY_STEP).unwrap_or(usize::MAX);
    let newest: i64 =
        connection.prepare_cached("SELECT coalesce(max(id), 0) FROM messages")?.query_row([], |row| row.get(0))?;
    let next = match ids.last() {
        _ if id.is_some() => None,
        Some(last) if is_cut => Some(*last),
        _ if last < newest => Some(last),
        _ => None,
    };
    Ok(Replayed { count: ids.len(), next })
}

/// How much waits, by destination.
pub(super) fn backlog(connection: &Connection) -> rusqlite::Result<Vec<Backlog>> {
    let mut waiting = connection.prepare_cached(
        "SELECT w.environment, w.destination, w.count, m.first_due_at
         FROM (SELECT destination, environment, count(*) AS count, min(id) AS oldest FROM messages
               WHERE state = 'pending' AND application_id IS NULL GROUP BY destination, environment) AS w
         JOIN messages AS m ON m.id = w.oldest
         WHERE w.destination <> ?1
         UNION ALL
         SELECT h.environment, ?2, count(*), min(m.first_due_at)
         FROM webhooks AS h CROSS JOIN messages AS m
         WHERE m.state = 'pending' AND m.application_id IS NOT NULL AND m.application_id = h.application_id
           AND m.environment = h.environment AND m.id > h.after AND m.next_due_at >= h.created_at - ?3
         GROUP BY h.environment",
    )?;
    let mut parked = connection.prepare_cached(
        "SELECT environment, destination, count(*) FROM messages
         WHERE state = 'parked' AND environment IN (1, 2) GROUP BY environment, destination",
    )?;
    let mut all = BTreeMap::new();
    let mut rows = waiting.query(params![SIMULATED_BANK, PARTNER, Webhook::CLOCK_SLACK])?;
    while let Some(row) = rows.next()? {
        let entry = entry(&mut all, row)?;
        entry.pending = row.get(2)?;
        entry.oldest_due_at = row.get(3)?;
    }
    let mut rows = parked.query([])?;
    while let Some(row) = rows.next()? {
        entry(&mut all, row)?.parked = row.get(2)?;
    }
    Ok(all.into_values().collect())
}

/// The entry of the environment and destination that a row begins with.
fn entry<'a>(all: &'a mut BTreeMap<(u8, String), Backlog>, row: &Row<'_>) -> rusqlite::Result<&'a mut Backlog> {
    let environment = row::environment(row, 0)?;
    let destination: String = row.get(1)?;
    Ok(all.entry((environment.number(), destination.clone())).or_insert(Backlog {
        environment,
        destination,
        pending: 0,
        parked: 0,
        oldest_due_at: None,
    }))
}

/// Messages in a state, oldest first, those after one.
pub(super) fn outgoing(
    connection: &Connection,
    state: Held,
    environment: Environment,
    destination: Option<&str>,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<Outgoing>> {
    let mut query = Query::new(
        "SELECT m.id, m.environment, m.destination, a.public_id, m.event, r.public_id, m.attempts, m.first_due_at,
           m.next_due_at, m.finished_at, m.reason
         FROM messages AS m CROSS JOIN records AS r ON r.id = m.record_id
         LEFT JOIN applications AS a ON a.id = m.application_id WHERE ",
    );
    // Not values: only then it is known which index will do.
    query.text(match state {
        Held::Pending => "m.state = 'pending' AND m.application_id IS NULL",
        Held::Parked => "m.state = 'parked'",
        Held::Delivered => "m.state = 'delivered'",
    });
    query.with(" AND m.environment = ?", environment.number());
    query.with(" AND m.id > ?", after);
    query.with(" AND m.destination <> ?", SIMULATED_BANK.to_owned());
    query.with_some(" AND m.destination = ?", destination.map(str::to_owned));
    query.with(" ORDER BY m.id LIMIT ?", limit);
    query.rows(connection, |row| {
        Ok(Outgoing {
            id: row.get(0)?,
            environment: row::environment(row, 1)?,
            destination: row.get(2)?,
            application: row.get(3)?,
            event: row.get(4)?,
            public_id: row::text_id(row, 5)?,
            attempts: row.get(6)?,
            first_due_at: row.get(7)?,
            next_due_at: row.get(8)?,
            finished_at: row.get(9)?,
            reason: row.get(10)?,
        })
    })
}

/// A message by its number.
pub(super) fn one(connection: &Connection, id: i64) -> rusqlite::Result<Option<Message>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        row::message_columns!(),
        " FROM ",
        row::message_tables!(),
        " WHERE m.id = ?1"
    ))?;
    statement.query_row([id], row::message).optional()
}

/// What a bank says it has. To say it again changes nothing and is no fault.
pub(super) fn acknowledge(
    connection: &Connection,
    view: &BankView,
    ids: &[i64],
    now: Millis,
) -> Result<Vec<Marked>, Fault> {
    let mut known = connection.prepare_cached(
        "SELECT state = 'delivered' FROM messages
         WHERE id = ?1 AND environment = ?2 AND application_id IS NULL AND (?3 IS NULL OR destination = ?3)
           AND destination <> ?4",
    )?;
    let mut finish = connection.prepare_cached(
        "UPDATE messages SET state = 'delivered', lease_until = NULL, finished_at = ?2 WHERE id = ?1",
    )?;
    let mut marked = Vec::with_capacity(ids.len());
    for id in ids {
        let parameters = params![id, view.environment.number(), view.destination, SIMULATED_BANK];
        let is_delivered: Option<bool> = known.query_row(parameters, |row| row.get(0)).optional()?;
        marked.push(match is_delivered {
            None => Marked::Unknown,
            Some(true) => Marked::Done,
            Some(false) => {
                finish.execute(params![id, now])?;
                delivery::acknowledge(connection, *id, now)?;
                Marked::Done
            }
        });
    }
    Ok(marked)
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, StatementStatus, params};

    use super::{DUE_OF_APPLICATION, DUE_OF_DESTINATION};
    use crate::sqlite::{Folder, SqliteEngine};

    /// 100,000 messages wait for the bank, 10 for a provider, and 100,000 are read by applications 0 and 1.
    const WAITING: &str = "
        PRAGMA foreign_keys = OFF;
        INSERT INTO records (id, public_id, partner_id, application_id, environment, api, version, operation,
            contract_version, received_at, status, payload_hash, durability, warnings, correlation_id)
        VALUES (zeroblob(16), '00000000-0000-0000-0000-000000000001', zeroblob(16), zeroblob(16), 2, 'contact_request',
            1, 'submitContactRequest', '1.0.0', 0, 'NEW', zeroblob(32), 'single-disk', '[]',
            '00000000-0000-0000-0000-000000000099');
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO messages (record_id, environment, destination, event, state, next_due_at)
        SELECT zeroblob(16), 2, CASE WHEN i % 10000 THEN 'bank' ELSE 'provider/7' END, 'e', 'pending', i FROM n;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO messages (record_id, environment, application_id, destination, event, state, next_due_at)
        SELECT zeroblob(16), 2, unhex(printf('%032x', i % 2)), 'partner', 'e', 'pending', i FROM n;";

    /// How many rows are claimed, and in how many steps of SQLite's machine.
    fn run(connection: &Connection, sql: &str, of: &dyn rusqlite::ToSql, after: Option<i64>) -> (usize, i32) {
        let mut statement = connection.prepare(sql).unwrap();
        let count = match after {
            None => statement.query(params![2, 200_000, 50, of]),
            // Half of them came before the webhook.
            Some(after) => statement.query(params![2, 200_000, 50, of, after, 50_000]),
        };
        let mut rows = count.unwrap();
        let mut count = 0;
        while rows.next().unwrap().is_some() {
            count += 1;
        }
        drop(rows);
        (count, statement.get_status(StatementStatus::VmStep))
    }

    #[test]
    fn a_claim_reads_no_more_than_it_takes_however_much_waits() {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(Folder::open(folder.path()).unwrap()).unwrap();
        let connection = &engine.connection;
        connection.execute_batch(WAITING).unwrap();
        for (destination, expected) in [("bank", 50), ("provider/7", 10), ("provider/8", 0)] {
            let (count, steps) = run(connection, DUE_OF_DESTINATION, &destination, None);
            assert_eq!(count, expected);
            assert!(steps < 5_000, "{destination}: {steps} steps");
        }
        let application = [[0; 15].as_slice(), &[1]].concat();
        let (count, steps) = run(connection, DUE_OF_APPLICATION, &application, Some(150_000));
        assert_eq!(count, 50);
        assert!(steps < 5_000, "application: {steps} steps");
    }
}
