//! The directory: its changes, each with a row of the audit, and what operators and authenticators read of it.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::fault::Fault;
use super::{require_one, row, webhook};
use crate::{
    ApplicationEntry, ApplicationId, Audit, AuditEntry, BankUserEntry, Change, Constraint, Digest, Environment,
    KeyEntry, KeySummary, Millis, NewBankUser, NewKey, PartnerEntry, PartnerId, Subscription,
};

/// The columns [`bank_user`] reads, in its order.
macro_rules! bank_user_columns {
    () => {
        "id, name, role, destination, sandbox, production, selector, mac, created_at, expires_at, revoked_at"
    };
}

/// Makes the changes in order; the first that does not fit ends them all.
pub(super) fn administer(connection: &Connection, changes: &[Change], audit: &Audit) -> Result<(), Fault> {
    changes.iter().try_for_each(|change| {
        apply(connection, change)?;
        match told(connection, change)? {
            None => Ok(()),
            Some((action, target, detail)) => note(connection, audit.at, &audit.actor, action, &target, &detail),
        }
    })
}

/// Adds a row to the audit.
pub(super) fn note(
    connection: &Connection,
    at: Millis,
    actor: &str,
    action: &str,
    target: &str,
    detail: &str,
) -> Result<(), Fault> {
    let mut statement = connection
        .prepare_cached("INSERT INTO audit (at, actor, action, target, detail) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    statement.execute(params![at, actor, action, target, detail])?;
    Ok(())
}

/// Action, target and detail of a change as the audit tells them: codes, and ids as operators know them. That a key was
/// used is not an act of an operator.
fn told(connection: &Connection, change: &Change) -> Result<Option<(&'static str, String, String)>, Fault> {
    let app_key = |application| app_key(connection, application);
    Ok(Some(match change {
        Change::Partner { id, .. } => ("partner.created", id.0.to_string(), String::new()),
        Change::PartnerRenamed { partner, .. } => ("partner.renamed", partner.0.to_string(), String::new()),
        Change::Application { public_id, partner, mode, .. } => {
            ("application.created", public_id.clone(), format!("{} {}", partner.0, mode.as_str()))
        }
        Change::ApplicationChanged { application, mode, name } => {
            let mode = mode.map_or("", crate::Mode::as_str);
            let name = if name.is_some() { "name" } else { "" };
            ("application.changed", app_key(application)?, format!("{mode} {name}").trim().to_owned())
        }
        Change::Subscription { application, api, environment, .. } => {
            ("subscription.begun", app_key(application)?, format!("{api} {}", environment.as_str()))
        }
        Change::SubscriptionEnded { application, api, environment } => {
            ("subscription.ended", app_key(application)?, format!("{api} {}", environment.as_str()))
        }
        Change::Key(NewKey { selector, application, environment, .. }) => {
            ("key.created", selector.clone(), format!("{} {}", app_key(application)?, environment.as_str()))
        }
        Change::KeyRevoked { selector, .. } => ("key.revoked", selector.clone(), String::new()),
        Change::KeyUsed { .. } => return Ok(None),
        Change::BankUser(user) => ("bank_user.created", user.id.to_string(), user.role.clone()),
        Change::BankUserRevoked { id, .. } => ("bank_user.revoked", id.to_string(), String::new()),
        Change::Webhook(webhook) => {
            ("webhook.set", app_key(&webhook.application)?, webhook.environment.as_str().to_owned())
        }
        Change::WebhookEnded { application, environment } => {
            ("webhook.ended", app_key(application)?, environment.as_str().to_owned())
        }
        Change::WebhookSecret(secret) => {
            ("webhook_secret.created", secret.owner.clone(), format!("{} {}", secret.id, secret.signature))
        }
        Change::WebhookSecretsEnd { owner, except, .. } => {
            ("webhook_secret.replaced", owner.clone(), format!("all but {except}"))
        }
    }))
}

/// What operators know an application by: its id in bodies. The other one never leaves the store.
fn app_key(connection: &Connection, application: &ApplicationId) -> Result<String, Fault> {
    let mut statement = connection.prepare_cached("SELECT public_id FROM applications WHERE id = ?1")?;
    let found = statement.query_row([application.0.as_bytes()], |row| row.get(0)).optional()?;
    found.ok_or(Fault::Refused(Constraint::Reference))
}

fn apply(connection: &Connection, change: &Change) -> Result<(), Fault> {
    match change {
        Change::Partner { id, name, at } => {
            let mut statement =
                connection.prepare_cached("INSERT INTO partners (id, name, created_at) VALUES (?1, ?2, ?3)")?;
            statement.execute(params![id.0.as_bytes(), name, at])?;
        }
        Change::PartnerRenamed { partner, name } => {
            let mut statement = connection.prepare_cached("UPDATE partners SET name = ?2 WHERE id = ?1")?;
            require_one(&mut statement, params![partner.0.as_bytes(), name])?;
        }
        Change::Application { id, partner, public_id, name, mode, at } => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO applications (id, partner_id, public_id, name, mode, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            statement.execute(params![id.0.as_bytes(), partner.0.as_bytes(), public_id, name, mode.as_str(), at])?;
        }
        Change::ApplicationChanged { application, mode, name } => {
            let mut statement = connection.prepare_cached(
                "UPDATE applications SET mode = coalesce(?2, mode), name = coalesce(?3, name) WHERE id = ?1",
            )?;
            let mode = mode.map(crate::Mode::as_str);
            require_one(&mut statement, params![application.0.as_bytes(), mode, name])?;
        }
        Change::Subscription { application, api, environment, at } => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO subscriptions (application_id, environment, api, created_at) VALUES (?1, ?2, ?3, ?4)",
            )?;
            statement.execute(params![application.0.as_bytes(), environment.number(), api, at])?;
        }
        Change::SubscriptionEnded { application, api, environment } => {
            let mut statement = connection.prepare_cached(
                "DELETE FROM subscriptions WHERE application_id = ?1 AND environment = ?2 AND api = ?3",
            )?;
            require_one(&mut statement, params![application.0.as_bytes(), environment.number(), api])?;
        }
        Change::Key(NewKey { selector, mac, application, environment, created_at, expires_at }) => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO keys (selector, mac, application_id, environment, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            let parameters =
                params![selector, mac, application.0.as_bytes(), environment.number(), created_at, expires_at];
            statement.execute(parameters)?;
        }
        Change::KeyRevoked { selector, at } => {
            let mut statement = connection
                .prepare_cached("UPDATE keys SET revoked_at = coalesce(revoked_at, ?2) WHERE selector = ?1")?;
            require_one(&mut statement, params![selector, at])?;
        }
        Change::KeyUsed { selector, at } => {
            let mut statement = connection.prepare_cached(
                "UPDATE keys SET last_used_at = ?2
                 WHERE selector = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
            )?;
            statement.execute(params![selector, at])?;
        }
        Change::BankUser(user) => add_bank_user(connection, user)?,
        Change::BankUserRevoked { id, at } => {
            let mut statement = connection
                .prepare_cached("UPDATE bank_users SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1")?;
            require_one(&mut statement, params![id.as_bytes(), at])?;
        }
        Change::Webhook(new) => webhook::put(connection, new)?,
        Change::WebhookEnded { application, environment } => webhook::end(connection, *application, *environment)?,
        Change::WebhookSecret(secret) => webhook::add_secret(connection, secret)?,
        Change::WebhookSecretsEnd { owner, except, at } => webhook::end_secrets(connection, owner, *except, *at)?,
    }
    Ok(())
}

fn add_bank_user(connection: &Connection, user: &NewBankUser) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "INSERT INTO bank_users (",
        bank_user_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL)"
    ))?;
    statement.execute(params![
        user.id.as_bytes(),
        user.name,
        user.role,
        user.destination,
        user.environments.contains(&Environment::Sandbox),
        user.environments.contains(&Environment::Production),
        user.selector,
        user.mac,
        user.created_at,
        user.expires_at,
    ])?;
    Ok(())
}

/// A key by its selector.
pub(super) fn key(connection: &Connection, selector: &str) -> rusqlite::Result<Option<KeyEntry>> {
    let mut statement = connection.prepare_cached(
        "SELECT a.partner_id, k.application_id, k.environment, k.mac, a.public_id, a.mode, k.expires_at, k.revoked_at
         FROM keys AS k JOIN applications AS a ON a.id = k.application_id WHERE k.selector = ?1",
    )?;
    let entry = statement.query_row([selector], |row| {
        Ok(KeyEntry {
            scope: row::scope(row, 0)?,
            mac: row.get(3)?,
            application_public_id: row.get(4)?,
            mode: row::mode(row, 5)?,
            subscriptions: Vec::new(),
            expires_at: row.get(6)?,
            revoked_at: row.get(7)?,
        })
    });
    let Some(mut entry) = entry.optional()? else { return Ok(None) };
    let mut statement = connection
        .prepare_cached("SELECT api FROM subscriptions WHERE application_id = ?1 AND environment = ?2 ORDER BY api")?;
    let of_application = params![entry.scope.application.0.as_bytes(), entry.scope.environment.number()];
    entry.subscriptions = statement.query_map(of_application, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(entry))
}

/// All partners, oldest first.
pub(super) fn partners(connection: &Connection) -> rusqlite::Result<Vec<PartnerEntry>> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, created_at FROM partners ORDER BY created_at, id")?;
    let entry = |row: &Row<'_>| {
        Ok(PartnerEntry { id: PartnerId(row::id(row, 0)?), name: row.get(1)?, created_at: row.get(2)? })
    };
    statement.query_map([], entry)?.collect()
}

/// The applications of one partner or of all, oldest first, with their subscriptions.
pub(super) fn applications(
    connection: &Connection,
    partner: Option<PartnerId>,
) -> rusqlite::Result<Vec<ApplicationEntry>> {
    let mut statement = connection.prepare_cached(
        "SELECT a.id, a.public_id, a.name, a.partner_id, p.name, a.mode, a.created_at
         FROM applications AS a JOIN partners AS p ON p.id = a.partner_id
         WHERE ?1 IS NULL OR a.partner_id = ?1
         ORDER BY a.created_at, a.id",
    )?;
    let entry = |row: &Row<'_>| {
        Ok(ApplicationEntry {
            id: ApplicationId(row::id(row, 0)?),
            public_id: row.get(1)?,
            name: row.get(2)?,
            partner: PartnerId(row::id(row, 3)?),
            partner_name: row.get(4)?,
            mode: row::mode(row, 5)?,
            subscriptions: Vec::new(),
            created_at: row.get(6)?,
        })
    };
    let partner = partner.as_ref().map(|partner| partner.0.as_bytes());
    let mut entries: Vec<ApplicationEntry> = statement.query_map([partner], entry)?.collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT api, environment FROM subscriptions WHERE application_id = ?1 ORDER BY api, environment",
    )?;
    for entry in &mut entries {
        let subscription =
            |row: &Row<'_>| Ok(Subscription { api: row.get(0)?, environment: row::environment(row, 1)? });
        let rows = statement.query_map([entry.id.0.as_bytes()], subscription)?;
        entry.subscriptions = rows.collect::<rusqlite::Result<_>>()?;
    }
    Ok(entries)
}

/// The keys of an application, oldest first.
pub(super) fn keys(connection: &Connection, application: ApplicationId) -> rusqlite::Result<Vec<KeySummary>> {
    let mut statement = connection.prepare_cached(
        "SELECT selector, environment, created_at, expires_at, revoked_at, last_used_at
         FROM keys WHERE application_id = ?1 ORDER BY created_at, selector",
    )?;
    let summary = |row: &Row<'_>| {
        Ok(KeySummary {
            selector: row.get(0)?,
            environment: row::environment(row, 1)?,
            created_at: row.get(2)?,
            expires_at: row.get(3)?,
            revoked_at: row.get(4)?,
            last_used_at: row.get(5)?,
        })
    };
    statement.query_map([application.0.as_bytes()], summary)?.collect()
}

/// All bank users, oldest first.
pub(super) fn bank_users(connection: &Connection) -> rusqlite::Result<Vec<BankUserEntry>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        bank_user_columns!(),
        " FROM bank_users ORDER BY created_at, id"
    ))?;
    statement.query_map([], bank_user)?.collect()
}

/// A bank user by the selector of its key.
pub(super) fn bank_user_of(connection: &Connection, selector: &str) -> rusqlite::Result<Option<BankUserEntry>> {
    let mut statement =
        connection.prepare_cached(concat!("SELECT ", bank_user_columns!(), " FROM bank_users WHERE selector = ?1"))?;
    statement.query_row([selector], bank_user).optional()
}

fn bank_user(row: &Row<'_>) -> rusqlite::Result<BankUserEntry> {
    let valid_in: [(Environment, bool); 2] =
        [(Environment::Sandbox, row.get(4)?), (Environment::Production, row.get(5)?)];
    Ok(BankUserEntry {
        id: row::id(row, 0)?,
        name: row.get(1)?,
        role: row.get(2)?,
        destination: row.get(3)?,
        environments: valid_in.into_iter().filter_map(|(environment, valid)| valid.then_some(environment)).collect(),
        selector: row.get(6)?,
        mac: row.get(7)?,
        created_at: row.get(8)?,
        expires_at: row.get(9)?,
        revoked_at: row.get(10)?,
    })
}

/// Rows of the audit, oldest first, those after one.
pub(super) fn audit(connection: &Connection, after: i64, limit: u32) -> rusqlite::Result<Vec<AuditEntry>> {
    let mut statement = connection
        .prepare_cached("SELECT id, at, actor, action, target, detail FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let entry = |row: &Row<'_>| {
        Ok(AuditEntry {
            id: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            target: row.get(4)?,
            detail: row.get(5)?,
        })
    };
    statement.query_map(params![after, limit], entry)?.collect()
}

/// Whether this is the value a secret had before; the first one is remembered.
pub(super) fn check_secret(connection: &Connection, name: &str, digest: &Digest) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached("SELECT digest = ?2 FROM secret_checks WHERE name = ?1")?;
    if let Some(agrees) = statement.query_row(params![name, digest], |row| row.get(0)).optional()? {
        return Ok(agrees);
    }
    let mut statement = connection.prepare_cached("INSERT INTO secret_checks (name, digest) VALUES (?1, ?2)")?;
    statement.execute(params![name, digest])?;
    Ok(true)
}
