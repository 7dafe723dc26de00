//! Receipts as proof: whether a file holds one that the gateway signed, and whether it is for the body in another file. The
//! keys come from a file, so that nothing is called, or from the gateway.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;
use usher_client::contract::shared::{JwkSet, Receipt};
use usher_client::receipt::{Unverified, Verified, verify as verify_receipt};
use usher_client::{Client, SetupError};
use usher_wire::{Limits, Message, Mode, Options, parse};

use crate::cli::ReceiptVerifyArgs;
use crate::failure::{NETWORK, REFUSED, USAGE};

/// Why a receipt was not verified.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// It proves nothing.
    #[error("{} proves nothing: {reason}", file.display())]
    #[diagnostic(code(usher::receipt::unverified), help("{}", remedy(reason)))]
    Unverified { file: PathBuf, reason: Unverified },

    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    #[diagnostic(code(usher::receipt::file), help("Name a file that exists and may be read."))]
    File { file: PathBuf, source: io::Error },

    /// A file holds something else.
    #[error("{} holds no {wanted}: {reason}", file.display())]
    #[diagnostic(code(usher::receipt::content), help("{source}", source = where_from(wanted)))]
    Content { file: PathBuf, wanted: &'static str, reason: String },

    /// The gateway cannot be called like this.
    #[error("cannot ask {server} for its keys: {error}")]
    #[diagnostic(
        code(usher::receipt::setup),
        help("Give an https address with --server, or a file with the keys with --jwks.")
    )]
    Setup { server: String, error: SetupError },

    /// The gateway does not tell its keys.
    #[error("{server} does not tell its keys: {error}")]
    #[diagnostic(
        code(usher::receipt::keys),
        help("Check --server, or keep the document at /.well-known/jwks.json in a file and name it with --jwks.")
    )]
    Keys { server: String, error: usher_client::Error },

    /// The process lacks something from the system.
    #[error("the system refuses what a call needs")]
    #[diagnostic(code(usher::receipt::system), help("Raise the limit of open files for this process."))]
    System(#[source] io::Error),

    /// Nobody takes the result.
    #[error("cannot write to stdout")]
    #[diagnostic(code(usher::stdout), help("Connect stdout to a terminal, a file or another program."))]
    Stdout(#[source] io::Error),
}

impl Fault {
    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Fault::Unverified { .. } | Fault::Stdout(_) => REFUSED,
            Fault::File { .. } | Fault::Content { .. } | Fault::Setup { .. } => USAGE,
            Fault::Keys { .. } | Fault::System(_) => NETWORK,
        }
    }
}

/// Verifies the receipt in a file.
pub(crate) fn verify(args: &ReceiptVerifyArgs) -> Result<(), Fault> {
    let receipt = document::<Receipt>(&args.file, "receipt")?;
    let body = args.body.as_deref().map(bytes).transpose()?;
    let keys = match &args.jwks {
        Some(file) => document::<JwkSet>(file, "key set")?,
        None => ask(args)?,
    };
    let unverified = |reason| Fault::Unverified { file: args.file.clone(), reason };
    let verified = verify_receipt(&receipt, &keys, body.as_deref()).map_err(unverified)?;
    let _ = writeln!(io::stderr(), "{}", told(&verified));
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "verified").and_then(|()| stdout.flush()).map_err(Fault::Stdout)
}

/// What is proved, in two sentences.
fn told(verified: &Verified) -> String {
    let Verified { key_id, claims, is_body_proved } = verified;
    let accepted = format!(
        "Request {} was accepted on {}; the receipt was signed with the key {key_id} and says what was signed.",
        claims.id, claims.received_at
    );
    let body = if *is_body_proved {
        "The body is the one that was accepted."
    } else {
        "Whether a body is the one that was accepted is told with --body FILE."
    };
    format!("{accepted}\n{body}")
}

fn ask(args: &ReceiptVerifyArgs) -> Result<JwkSet, Fault> {
    let server = || args.server.clone();
    let mut builder = Client::builder_without_key(&args.server);
    if let Some(file) = &args.tls_ca {
        builder = builder.root_certificates(bytes(file)?);
    }
    let client = builder.build().map_err(|error| Fault::Setup { server: server(), error })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::System)?;
    let answer = runtime.block_on(client.signing_keys().read());
    answer.map(|keys| keys.into_content().into_inner()).map_err(|error| Fault::Keys { server: server(), error })
}

fn document<T: for<'a> Message<'a>>(file: &Path, wanted: &'static str) -> Result<T, Fault> {
    let bytes = bytes(file)?;
    let content = |reason| Fault::Content { file: file.to_owned(), wanted, reason };
    let options = Options { mode: Mode::Answer, limits: Limits::GATEWAY, facts: None };
    let parsed = parse::<T>(&bytes, &options)
        .map_err(|fault| content(format!("line {}, column {}: {}", fault.line, fault.column, fault.message)))?;
    match parsed.into_result() {
        Ok((checked, _)) => Ok(checked.into_inner()),
        Err(violations) => {
            let first = violations.list.first();
            Err(content(first.map_or_else(String::new, |first| format!("{} {}", first.pointer, first.message))))
        }
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(file).map_err(|source| Fault::File { file: file.to_owned(), source })
}

fn remedy(reason: &Unverified) -> &'static str {
    match reason {
        Unverified::KeyUnknown { .. } => {
            "Take the keys of the gateway that gave the receipt: /.well-known/jwks.json, which holds retired ones too."
        }
        Unverified::Differs { .. } | Unverified::Signature { .. } | Unverified::Malformed | Unverified::Claims(_) => {
            "Use the receipt as the gateway gave it, or read it again: usher status ID --json."
        }
        Unverified::NoSalt => "Use the receipt as it was first given: its salt is gone from later ones after erasure.",
        Unverified::BodyUnreadable(_) | Unverified::BodyBroken(_) | Unverified::BodyDiffers => {
            "Name the file with the body as it was sent, not changed since."
        }
        Unverified::OperationUnknown { .. } => "Use a newer version of this program.",
        Unverified::KeyUnusable { .. } => "Read the keys again: /.well-known/jwks.json of the gateway.",
    }
}

fn where_from(wanted: &str) -> &'static str {
    if wanted == "receipt" {
        "Name a file with a receipt: the answer to a contact request, or what usher status ID --json writes."
    } else {
        "Name a file with the document that the gateway has at /.well-known/jwks.json."
    }
}
