//! Everything that can end the program early, and the exit code of each.

use std::io;

use miette::Diagnostic;
use thiserror::Error;

use crate::{admin, backup, call, doctor, key, receipt, serve, settings};

/// A request was refused, or the gateway cannot run.
pub(crate) const REFUSED: u8 = 1;
/// The command line or a setting is wrong.
pub(crate) const USAGE: u8 = 2;
/// No gateway gave a good answer.
pub(crate) const NETWORK: u8 = 3;
/// The key is missing or not accepted.
pub(crate) const AUTHENTICATION: u8 = 4;

/// Why the program did not do what it was asked to.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Failure {
    /// The settings.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Settings(#[from] settings::Fault),
    /// The gateway.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Serve(#[from] serve::Fault),
    /// Setting up.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Admin(#[from] admin::Fault),
    /// A copy of the data folder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Backup(#[from] backup::Fault),
    /// What was looked at.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Doctor(#[from] doctor::Fault),
    /// A new signing key.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Key(#[from] key::Fault),
    /// A call to a gateway.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Call(#[from] call::Fault),
    /// A receipt that was to be verified.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Receipt(#[from] receipt::Fault),
    /// Nobody takes the result.
    #[error("cannot write to stdout")]
    #[diagnostic(code(usher::stdout), help("Connect stdout to a terminal, a file or another program."))]
    Stdout(#[source] io::Error),
}

impl Failure {
    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Settings(_) => USAGE,
            Failure::Serve(fault) if fault.is_usage() => USAGE,
            Failure::Call(fault) => fault.exit_code(),
            Failure::Receipt(fault) => fault.exit_code(),
            Failure::Admin(fault) => fault.exit_code(),
            Failure::Key(key::Fault::NoGateway { .. }) => USAGE,
            Failure::Serve(_) | Failure::Backup(_) | Failure::Doctor(_) | Failure::Key(_) | Failure::Stdout(_) => {
                REFUSED
            }
        }
    }
}
