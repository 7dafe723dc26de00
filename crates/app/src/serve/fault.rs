//! Why the gateway does not start, or does not go on.

use std::io;
use std::net::SocketAddr;

use miette::Diagnostic;
use thiserror::Error;
use usher_server::accept::BindError;
use usher_server::tls::TlsError;

use crate::{data, register};

/// Why the gateway does not run.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The data folder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Data(#[from] data::Fault),

    /// The identity register.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Register(#[from] register::Fault),

    /// Plain HTTP where others can read it.
    #[error("will not serve plain HTTP on {0}: off loopback, keys and personal data would travel readable")]
    #[diagnostic(
        code(usher::serve::plain_http),
        help(
            "Give a certificate with --tls-cert FILE and --tls-key FILE, or listen on 127.0.0.1. \
             On a network you trust, --insecure-http serves plain HTTP all the same."
        )
    )]
    PlainHttp(SocketAddr),

    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    #[diagnostic(code(usher::serve::address), help("{}", remedy(option, *address, source)))]
    Address { option: &'static str, address: SocketAddr, source: io::Error },

    /// The certificate or its key.
    #[error("cannot serve TLS: {error}")]
    #[diagnostic(
        code(usher::serve::tls),
        help(
            "--tls-cert must name a PEM file with the certificate chain, the server's own first, and --tls-key one with \
             the private key of that certificate."
        )
    )]
    Tls { error: TlsError },

    /// The process lacks something from the system.
    #[error("the system refuses threads or signals")]
    #[diagnostic(code(usher::serve::system), help("Raise the limits of threads and open files for this process."))]
    System(#[source] io::Error),

    /// The start cannot be announced.
    #[error("cannot write to stdout")]
    #[diagnostic(
        code(usher::serve::stdout),
        help("Connect stdout to a terminal, a file or a log. If a new key was lost with it: usher admin key add.")
    )]
    Stdout(#[source] io::Error),

    /// The disk failed while running.
    #[error("the store can no longer be written; nothing that was not acknowledged is stored")]
    #[diagnostic(
        code(usher::serve::store_broken),
        help("Check the disk of the data folder and start again: everything acknowledged is there.")
    )]
    StoreBroken,
}

impl From<TlsError> for Fault {
    fn from(error: TlsError) -> Self {
        Fault::Tls { error }
    }
}

impl Fault {
    /// Why the address that `option` gives cannot be had.
    pub(super) fn of_bind(error: BindError, option: &'static str) -> Self {
        match error {
            BindError::NotLoopback(address) => Fault::PlainHttp(address),
            BindError::Refused { address, source } => Fault::Address { option, address, source },
            other => Fault::System(io::Error::other(other)),
        }
    }

    /// Whether another command line would do.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Fault::PlainHttp(_) | Fault::Tls { .. })
    }
}

fn remedy(option: &str, address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "Another program has the port: stop it (ss -ltnp 'sport = :{}' names it), or choose another port, such as \
             {option} {}:0 for any free one.",
            address.port(),
            bracketed(address)
        ),
        io::ErrorKind::AddrNotAvailable => {
            "The address is not one of this machine: use 127.0.0.1, 0.0.0.0 for all, or one that `ip address` lists."
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): choose a higher port, or grant it.".to_owned()
        }
        _ => format!("Choose another address with {option} ADDRESS:PORT."),
    }
}

/// The IP address as it stands before a port.
fn bracketed(address: SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}
