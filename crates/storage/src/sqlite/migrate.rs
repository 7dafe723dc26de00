//! The schema, from an empty file to the newest version. Forward only; each file is applied once and never edited.

use std::path::Path;

use refinery::error::Kind;
use refinery::{Migration, Runner};
use rusqlite::Connection;

use super::fault::open_error;
use crate::OpenError;

/// A list in code, not a search for files: what is built in is what is written here.
const MIGRATIONS: [(&str, &str); 2] = [
    ("V1__first", include_str!("../../migrations/sqlite/V1__first.sql")),
    ("V2__deliveries", include_str!("../../migrations/sqlite/V2__deliveries.sql")),
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

    use super::MIGRATIONS;

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
