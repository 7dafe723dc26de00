//! Changes of the directory.

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::require_one;
use crate::{Change, NewKey};

/// Makes the changes in order; the first that does not fit ends them all.
pub(super) fn administer(connection: &Connection, changes: &[Change]) -> Result<(), Fault> {
    changes.iter().try_for_each(|change| apply(connection, change))
}

fn apply(connection: &Connection, change: &Change) -> Result<(), Fault> {
    match change {
        Change::Partner { id, name, at } => {
            let mut statement =
                connection.prepare_cached("INSERT INTO partners (id, name, created_at) VALUES (?1, ?2, ?3)")?;
            statement.execute(params![id.0.as_bytes(), name, at])?;
        }
        Change::Application { id, partner, public_id, name, mode, at } => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO applications (id, partner_id, public_id, name, mode, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            statement.execute(params![id.0.as_bytes(), partner.0.as_bytes(), public_id, name, mode.as_str(), at])?;
        }
        Change::Subscription { application, api, environment, at } => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO subscriptions (application_id, environment, api, created_at) VALUES (?1, ?2, ?3, ?4)",
            )?;
            statement.execute(params![application.0.as_bytes(), environment.number(), api, at])?;
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
    }
    Ok(())
}
