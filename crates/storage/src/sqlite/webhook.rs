//! Webhooks of applications and the secrets of everything that signs.

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::{require_one, row};
use crate::{ApplicationId, Environment, Millis, NewWebhook, Sealed, Webhook, WebhookSecret};
use uuid::Uuid;

/// Sets up a webhook. Another address for the same application changes nothing of what is still to be sent.
pub(super) fn put(connection: &Connection, webhook: &NewWebhook) -> Result<(), Fault> {
    let NewWebhook { application, environment, url, signature, created_at } = webhook;
    let mut statement = connection.prepare_cached(
        "INSERT INTO webhooks (application_id, environment, url, signature, after, created_at)
         VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(id), 0) FROM messages), ?5)
         ON CONFLICT (application_id, environment) DO UPDATE SET url = excluded.url, signature = excluded.signature",
    )?;
    statement.execute(params![application.0.as_bytes(), environment.number(), url, signature, created_at])?;
    Ok(())
}

pub(super) fn end(connection: &Connection, application: ApplicationId, environment: Environment) -> Result<(), Fault> {
    let mut statement =
        connection.prepare_cached("DELETE FROM webhooks WHERE application_id = ?1 AND environment = ?2")?;
    require_one(&mut statement, params![application.0.as_bytes(), environment.number()])
}

/// All there are.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Webhook>> {
    let mut statement = connection.prepare_cached(
        "SELECT w.application_id, a.public_id, w.environment, w.url, w.signature, w.after, w.created_at
         FROM webhooks AS w JOIN applications AS a ON a.id = w.application_id
         ORDER BY w.application_id, w.environment",
    )?;
    let webhooks = statement.query_map([], |row| {
        Ok(Webhook {
            application: ApplicationId(row::id(row, 0)?),
            application_public_id: row.get(1)?,
            environment: row::environment(row, 2)?,
            url: row.get(3)?,
            signature: row.get(4)?,
            after: row.get(5)?,
            created_at: row.get(6)?,
        })
    })?;
    webhooks.collect()
}

pub(super) fn add_secret(connection: &Connection, secret: &WebhookSecret<Sealed>) -> Result<(), Fault> {
    let WebhookSecret { id, owner, signature, public_key, created_at, ends_at, secret } = secret;
    let mut statement = connection.prepare_cached(
        "INSERT INTO webhook_secrets (id, owner, signature, public_key, created_at, ends_at, key_id, nonce, ciphertext)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    statement.execute(params![
        id.as_bytes(),
        owner,
        signature,
        public_key,
        created_at,
        ends_at,
        secret.key_id.0,
        secret.nonce,
        secret.ciphertext,
    ])?;
    Ok(())
}

/// All secrets of an owner but one end then, unless they end before.
pub(super) fn end_secrets(connection: &Connection, owner: &str, except: Uuid, at: Millis) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE webhook_secrets SET ends_at = min(coalesce(ends_at, ?3), ?3) WHERE owner = ?1 AND id <> ?2",
    )?;
    statement.execute(params![owner, except.as_bytes(), at])?;
    Ok(())
}

/// The secrets of an owner, newest first.
pub(super) fn secrets(connection: &Connection, owner: &str) -> rusqlite::Result<Vec<WebhookSecret<Sealed>>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, owner, signature, public_key, created_at, ends_at, key_id, nonce, ciphertext
         FROM webhook_secrets WHERE owner = ?1 ORDER BY created_at DESC, id",
    )?;
    let secrets = statement.query_map([owner], |row| {
        Ok(WebhookSecret {
            id: row::id(row, 0)?,
            owner: row.get(1)?,
            signature: row.get(2)?,
            public_key: row.get(3)?,
            created_at: row.get(4)?,
            ends_at: row.get(5)?,
            secret: row::sealed(row, 6)?,
        })
    })?;
    secrets.collect()
}
