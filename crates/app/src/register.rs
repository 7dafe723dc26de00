//! The identity register the settings name, and the simulated one of the sandbox.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::Diagnostic;
use thiserror::Error;
use usher_client::ApiKey;
use usher_register::{HttpRegister, HttpRegisterSettings, SetupError, Simulator};
use usher_server::register::{IdentityRegister, Registers};

use crate::settings::{Register, Settings};

/// Why the register cannot be used as the settings say.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// A file that a setting names.
    #[error("cannot read {}, which `{setting}` names", path.display())]
    #[diagnostic(code(usher::register::file), help("Name a file that exists and that this user may read."))]
    File { setting: &'static str, path: PathBuf, source: io::Error },
    /// What is in the file of the key.
    #[error("{}, which `register_key_file` names, holds no key", path.display())]
    #[diagnostic(
        code(usher::register::key),
        help("Write the key of the register into it, on one line, and nothing else.")
    )]
    Key { path: PathBuf },
    /// The address or the certificates.
    #[error("the identity register cannot be called: {source}")]
    #[diagnostic(code(usher::register::setup), help("Correct `register_url` or `register_ca`."))]
    Setup { source: SetupError },
}

/// The register of each environment.
pub(crate) fn registers(settings: &Settings) -> Result<Registers, Fault> {
    let production = settings.register.as_ref().map(connect).transpose()?;
    Ok(Registers { sandbox: Arc::new(Simulator::new(settings.sandbox_step)), production })
}

fn connect(register: &Register) -> Result<Arc<dyn IdentityRegister>, Fault> {
    let key = read("register_key_file", &register.key_file)?;
    let key = std::str::from_utf8(&key).ok().and_then(|key| ApiKey::of_other_service(key).ok());
    let key = key.ok_or_else(|| Fault::Key { path: register.key_file.clone() })?;
    let root_certificates = register.ca.as_deref().map(|path| read("register_ca", path)).transpose()?;
    let settings = HttpRegisterSettings {
        root_certificates,
        timeout: register.timeout,
        ..HttpRegisterSettings::new(&register.url, key)
    };
    let register = HttpRegister::new(settings).map_err(|source| Fault::Setup { source })?;
    Ok(Arc::new(register))
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|source| Fault::File { setting, path: path.to_owned(), source })
}
