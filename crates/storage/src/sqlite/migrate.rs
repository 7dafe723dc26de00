//! The schema, from an empty file to the newest version. Forward only; each file is applied once and never edited.

use std::path::Path;

use refinery::error::Kind;
use refinery::{Migration, Runner};
use rusqlite::Connection;

use super::fault::open_error;
use crate::OpenError;

/// A list in code, not a search for files: what is built in is what is written here.
const MIGRATIONS: [(&str, &str); 5] = [
    ("V1__first", include_str!("../../migrations/sqlite/V1__first.sql")),
    ("V2__deliveries", include_str!("../../migrations/sqlite/V2__deliveries.sql")),
    ("V3__ledger_months", include_str!("../../migrations/sqlite/V3__ledger_months.sql")),
    ("V4__sending", include_str!("../../migrations/sqlite/V4__sending.sql")),
    ("V5__retention", include_str!("../../migrations/sqlite/V5__retention.sql")),
];

pub(super) fn run(connection: &mut Connection, database: &Path) -> Result<(), OpenError> {
    let migrations: Vec<Migration> = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql).expect("the names above have the form V1__name"))
        .collect();
    // All in one transaction, the table of versions included: a crash leaves the old schema or the new one.
    let applied = Runner::new(&migrations).set_grouped(true).run(connection);
    applied.map(drop).map_err(|error| match error.kind() {
        Kind::MissingVersion(_) | Kind::DivergentVersion(..) => OpenError::Schema { path: database.to_owned() },
        Kind::Connection(_, source) => match source.downcast_ref::<rusqlite::Error>() {
            Some(error) => open_error(database, error),
            None => OpenError::Database { path: database.to_owned(), code: 0 },
        },
        _ => OpenError::Database { path: database.to_owned(), code: 0 },
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use rusqlite::Connection;

    use super::MIGRATIONS;

    #[test]
    fn entries_of_a_ledger_that_was_there_before_are_summed_up() {
        let database = Connection::open_in_memory().unwrap();
        database.pragma_update(None, "foreign_keys", false).unwrap();
        let [first, second, third, ..] = MIGRATIONS.map(|(_, sql)| sql);
        database.execute_batch(first).unwrap();
        database.execute_batch(second).unwrap();
        database
            .execute_batch(
                "INSERT INTO deliveries (record_id, destination, partner_id, environment, api, product, received_at,
                   first_status, status, version, open, changed_at)
                 VALUES (x'01', 'bank', x'01', 2, 'contact_request', 'mortgage', 0, 'NEW', 'NEW', 0, 1, 0);
                 INSERT INTO ledger (delivery_id, partner_id, application_id, environment, product, kind, amount,
                   currency, at, cause, actor)
                 SELECT 1, x'01', x'01', 2, 'mortgage', 'accrue', column1, 'EUR', column2, 'acceptance', 'system'
                 FROM (VALUES ('12.5', 1798761599999), ('-0.75', 1798761599999), ('3', 1798761600000));",
            )
            .unwrap();
        database.execute_batch(third).unwrap();
        let mut months = database.prepare("SELECT month, units, parts FROM ledger_months ORDER BY month").unwrap();
        let months: Vec<(String, i64, i64)> = months
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(months, [("2026-12".to_owned(), 12, -2_500), ("2027-01".to_owned(), 3, 0)]);
    }

    #[test]
    fn every_migration_file_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let mut built_in: Vec<&str> = MIGRATIONS.iter().map(|(name, _)| *name).collect();
        built_in.sort_unstable();
        assert_eq!(files, built_in);
    }
}
