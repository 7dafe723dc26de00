//! Which gateway is called, and with which key. A key comes from a file or the environment, never from the command line,
//! where other users of the machine could read it.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use usher_client::Client;
use usher_domain::environment::Environment;
use usher_domain::key::ApiKey;
use zeroize::Zeroizing;

use super::fault::Fault;
use crate::cli::GatewayArgs;

const VARIABLE: &str = "USHER_KEY";

/// A well-made key.
pub(super) struct Key(ApiKey);

impl Key {
    /// The key that was given: in the file that was named, else in the environment.
    pub(super) fn find(args: &GatewayArgs) -> Result<Option<Self>, Fault> {
        let (text, origin) = match &args.key_file {
            Some(path) => (read(path)?, path.display().to_string()),
            None => match std::env::var(VARIABLE) {
                Ok(text) if !text.is_empty() => (Zeroizing::new(text), VARIABLE.to_owned()),
                _ => return Ok(None),
            },
        };
        let key = ApiKey::parse(text.trim()).map_err(|fault| Fault::KeyMalformed { origin, fault })?;
        Ok(Some(Key(key)))
    }

    /// Where it is valid.
    pub(super) fn environment(&self) -> Environment {
        self.0.environment()
    }
}

/// A client that calls the gateway with the key.
pub(super) fn client(args: &GatewayArgs, key: &Key) -> Result<Client, Fault> {
    // Every key of ours is one for the client, too.
    let key = usher_client::ApiKey::new(key.0.reveal()).map_err(|_| Fault::KeyMissing)?;
    let mut builder = Client::builder(&args.server, key);
    if let Some(path) = &args.tls_ca {
        let name = path.display().to_string();
        builder = builder.root_certificates(fs::read(path).map_err(|source| Fault::TlsCa { name, source })?);
    }
    if args.insecure_http {
        builder = builder.allow_insecure_http();
    }
    builder.build().map_err(|error| Fault::Setup { server: args.server.clone(), error })
}

fn read(path: &Path) -> Result<Zeroizing<String>, Fault> {
    let failed = |source| Fault::KeyFile { name: path.display().to_string(), source };
    if path == Path::new("-") {
        let mut text = Zeroizing::new(String::new());
        io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}
