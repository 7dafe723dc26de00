//! What an error of SQLite means for the store. SQLite's own texts are not passed on; codes are enough to find a cause.

use rusqlite::{Error, ErrorCode, ffi};

use crate::{Constraint, OpenError, StoreError};

/// Kinds of errors, by what must happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// One write does not fit; the transaction goes on without its commit.
    Refused(Constraint),
    /// One row is not as it was written; the transaction goes on without the commit that needed it.
    Unreadable,
    /// No space; the transaction ends, the next one may succeed.
    Full,
    /// Another connection holds the database too long; the transaction ends, the next one may succeed.
    Busy,
    /// What is on disk is unknown from now on. Asking the system again can give a false yes, so nothing is retried.
    Broken {
        /// SQLite's extended result code.
        code: i32,
    },
}

impl Fault {
    /// Whether the transaction can go on without the commit that caused it.
    pub(super) fn is_of_one_commit(self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unreadable)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let Error::SqliteFailure(failure, _) = error else {
            // Everything else rusqlite reports is about the form of a value it read.
            return Self::Unreadable;
        };
        match failure.code {
            ErrorCode::ConstraintViolation => Self::Refused(match failure.extended_code {
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                    Constraint::Unique
                }
                ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Constraint::Reference,
                _ => Constraint::Form,
            }),
            ErrorCode::TooBig => Self::Refused(Constraint::Form),
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            _ => Self::Broken { code: failure.extended_code },
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(constraint) => Self::Constraint(constraint),
            Fault::Unreadable => Self::Unreadable,
            Fault::Full => Self::Full,
            Fault::Busy => Self::Overloaded,
            Fault::Broken { .. } => Self::Unavailable,
        }
    }
}

/// The error of opening a database.
pub(super) fn open_error(path: &std::path::Path, error: &Error) -> OpenError {
    let code = match error {
        Error::SqliteFailure(failure, _) => failure.extended_code,
        _ => 0,
    };
    OpenError::Database { path: path.to_owned(), code }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Error, ffi};

    use super::Fault;
    use crate::{Constraint, StoreError};

    #[test]
    fn only_errors_that_say_nothing_of_the_disk_leave_the_store_open() {
        let fault = |code| Fault::from(Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!(fault(ffi::SQLITE_CONSTRAINT_UNIQUE), Fault::Refused(Constraint::Unique));
        assert_eq!(fault(ffi::SQLITE_CONSTRAINT_PRIMARYKEY), Fault::Refused(Constraint::Unique));
        assert_eq!(fault(ffi::SQLITE_CONSTRAINT_FOREIGNKEY), Fault::Refused(Constraint::Reference));
        assert_eq!(fault(ffi::SQLITE_CONSTRAINT_CHECK), Fault::Refused(Constraint::Form));
        assert_eq!(fault(ffi::SQLITE_FULL), Fault::Full);
        assert_eq!(fault(ffi::SQLITE_BUSY_SNAPSHOT), Fault::Busy);
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_READONLY_DBMOVED,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_NOMEM,
        ] {
            assert_eq!(fault(code), Fault::Broken { code });
            assert_eq!(StoreError::from(fault(code)), StoreError::Unavailable);
        }
    }
}
