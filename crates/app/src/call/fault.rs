//! Why a call did not bring what was asked for, what to do about it, and the exit code.

use std::io;

use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;
use usher_client::{Error, MalformedKey, NetworkFault, Refusal, Sent, SetupError};
use usher_domain::key::KeyFault;

use crate::failure::{AUTHENTICATION, NETWORK, REFUSED, USAGE};
use crate::request::{self, Broken, Document, Kind};

/// Why a call failed.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The file holds no request that could be sent, or the gateway says that it breaks rules.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Request(#[from] request::Fault),

    /// There is no key.
    #[error("there is no API key to call with")]
    #[diagnostic(
        code(usher::call::key_missing),
        help("Set USHER_KEY to the key, or name a file that holds it with --key-file or USHER_KEY_FILE.")
    )]
    KeyMissing,

    /// The key file cannot be read.
    #[error("cannot read the key file {name}")]
    #[diagnostic(code(usher::call::key_file), help("Name a file that holds the key and nothing else."))]
    KeyFile { name: String, source: io::Error },

    /// What was given is no key.
    #[error("{origin} holds no API key: {fault}")]
    #[diagnostic(
        code(usher::call::key_malformed),
        help(
            "Copy the whole key again. If it is lost, the operator of the gateway makes another: usher admin key add."
        )
    )]
    KeyMalformed { origin: String, fault: KeyFault },

    /// The file of trusted certificates cannot be read.
    #[error("cannot read the certificates in {name}")]
    #[diagnostic(code(usher::call::tls_ca), help("Name a PEM file with --tls-ca, or leave the option out."))]
    TlsCa { name: String, source: io::Error },

    /// The gateway cannot be called like this.
    #[error("cannot call {server}: {error}")]
    #[diagnostic(code(usher::call::setup), help("{}", setup_remedy(error, server)))]
    Setup { server: String, error: SetupError },

    /// The idempotency key is none.
    #[error("--idempotency-key: {0}")]
    #[diagnostic(code(usher::call::idempotency_key), help("Give 1 to 255 visible ASCII characters, or leave it out."))]
    IdempotencyKey(MalformedKey),

    /// The reason of a withdrawal cannot be read.
    #[error("cannot read the reason in {name}")]
    #[diagnostic(code(usher::call::reason_file), help("Name a text file with --reason-file, or leave the option out."))]
    ReasonFile { name: String, source: io::Error },

    /// The reason of a withdrawal breaks the contract.
    #[error("--reason-file: {0}")]
    #[diagnostic(code(usher::call::reason), help("Write a shorter reason, or leave the option out."))]
    Reason(Error),

    /// A parameter breaks the contract.
    #[error("{0}")]
    #[diagnostic(code(usher::call::parameter), help("Give the id as it stands in the receipt, a UUID."))]
    Parameter(Error),

    /// The gateway said no, for another reason than broken rules.
    #[error("{}", told(.0))]
    #[diagnostic(code(usher::call::refused), help("{}", refusal_remedy(.0)))]
    Refused(Box<Refusal>),

    /// No answer that could be understood came.
    #[error("no good answer from {server}: {error}")]
    #[diagnostic(code(usher::call::unanswered), help("{help}"))]
    Unanswered { server: String, help: String, error: Error },

    /// Nobody takes the result.
    #[error("cannot write to stdout")]
    #[diagnostic(code(usher::stdout), help("Connect stdout to a terminal, a file or another program."))]
    Stdout(#[source] io::Error),

    /// The process lacks something from the system.
    #[error("the system refuses what a call needs")]
    #[diagnostic(code(usher::call::system), help("Raise the limit of open files for this process."))]
    System(#[source] io::Error),
}

impl Fault {
    /// Why a call about a request in a file failed: broken rules are shown in the file.
    pub(super) fn of_request(error: Error, server: &str, document: &Document, kind: Kind) -> Self {
        match error {
            // What is wrong with a parameter stands nowhere in the file.
            Error::Refused(refusal) if !refusal.violations.is_empty() && refusal.code != "parameter_invalid" => {
                let broken = Broken::told(document, kind, &refusal.violations, refusal.is_truncated);
                Fault::Request(request::Fault::Broken(Box::new(broken)))
            }
            other => Fault::of_call(other, server),
        }
    }

    /// Why another call failed.
    pub(super) fn of_call(error: Error, server: &str) -> Self {
        match error {
            Error::NotSent(_) => Fault::Parameter(error),
            Error::Refused(refusal) => Fault::Refused(refusal),
            Error::Network(_) | Error::Unexpected(_) => {
                let help = unanswered_remedy(&error, server);
                Fault::Unanswered { server: server.to_owned(), help, error }
            }
        }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Fault::Request(request::Fault::File { .. } | request::Fault::Kind { .. }) => USAGE,
            Fault::Request(_) => REFUSED,
            Fault::KeyMissing | Fault::KeyFile { .. } | Fault::KeyMalformed { .. } => AUTHENTICATION,
            Fault::TlsCa { .. } | Fault::Setup { .. } | Fault::IdempotencyKey(_) | Fault::Parameter(_) => USAGE,
            Fault::ReasonFile { .. } | Fault::Reason(_) => USAGE,
            Fault::Refused(refusal) => match refusal.status {
                401 | 403 => AUTHENTICATION,
                408 | 429 | 500.. => NETWORK,
                _ => REFUSED,
            },
            Fault::Unanswered { .. } | Fault::System(_) => NETWORK,
            Fault::Stdout(_) => REFUSED,
        }
    }

    /// The refusal as JSON, if it is one.
    pub(super) fn to_json(&self) -> Option<String> {
        #[derive(Serialize)]
        struct No<'r> {
            valid: bool,
            status: u16,
            code: &'r str,
            message: &'r str,
        }

        match self {
            Fault::Request(request::Fault::Broken(broken)) => serde_json::to_string(&broken.verdict).ok(),
            Fault::Refused(refusal) => {
                let Refusal { status, code, message, .. } = &**refusal;
                serde_json::to_string(&No { valid: false, status: *status, code, message }).ok()
            }
            _ => None,
        }
    }
}

fn told(refusal: &Refusal) -> String {
    let Refusal { status, code, message, sent, .. } = refusal;
    format!("the gateway refuses with {status} {code}: {message} (correlation id {})", sent.correlation_id)
}

fn setup_remedy(error: &SetupError, server: &str) -> String {
    match error {
        SetupError::InsecureHttp => "Use https, or on a network you trust say --insecure-http.".to_owned(),
        SetupError::RootCertificates | SetupError::Tls(_) => {
            "Name a PEM file with the certificate of the gateway, or of who signed it, with --tls-ca.".to_owned()
        }
        // Only what looks like a host is repeated: the rest may hold a password.
        _ if is_host(server) => format!("The scheme is missing: write http://{server} or https://{server}."),
        _ => "Give the address with --server or USHER_SERVER, such as http://127.0.0.1:8080.".to_owned(),
    }
}

/// Whether a text is a host with or without a port, and nothing else.
fn is_host(text: &str) -> bool {
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_host)
}

fn refusal_remedy(refusal: &Refusal) -> String {
    if let Some(remedy) = request::remedy(&refusal.code) {
        return remedy.to_owned();
    }
    match refusal.status {
        401 => "Check USHER_KEY or --key-file: the key must be one of this gateway, not expired and not revoked. The \
                operator of the gateway makes another: usher admin key add."
            .to_owned(),
        403 => "Use a key of an application that is subscribed to this API in this environment.".to_owned(),
        404 => "Check the id, and use a key of the application that sent the request.".to_owned(),
        409 if refusal.retry_after.is_none() => {
            "The state of the request or flow does not allow this: usher status ID shows it.".to_owned()
        }
        408 | 409 | 429 | 500.. => again("The trouble may pass.", &refusal.sent),
        _ => "Correct what the message names and send again; nothing was stored.".to_owned(),
    }
}

fn unanswered_remedy(error: &Error, server: &str) -> String {
    match error {
        Error::Network(network) => match network.fault {
            NetworkFault::Connect => {
                format!("Is the gateway running at {server}? Start it with `usher`, or name another with --server.")
            }
            NetworkFault::Tls => {
                "Check the address: a gateway without a certificate is called with http://. A certificate that this \
                 machine does not know is trusted with --tls-ca FILE, which holds it or that of who signed it."
                    .to_owned()
            }
            // What a gateway with a certificate says to plain HTTP is no HTTP.
            NetworkFault::Interrupted if server.starts_with("http://") => {
                let tls = format!("If the gateway has a certificate, call it with https://{}.", &server[7..]);
                format!("{tls} {}", again("Whether the request was stored is not known.", &network.sent))
            }
            _ => again("Whether the request was stored is not known.", &network.sent),
        },
        _ => format!("Is {server} a gateway, and of a version this program knows? Check --server."),
    }
}

/// How to repeat a call without storing anything twice.
fn again(why: &str, sent: &Sent) -> String {
    match &sent.idempotency_key {
        Some(key) => format!("{why} Repeat it with the same key: --idempotency-key '{}'", key.as_str()),
        None => format!("{why} Repeat it later."),
    }
}
