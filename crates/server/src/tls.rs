//! The certificate and key of the listener, read from PEM files, and the TLS settings made of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::TlsAcceptor;
use webpki::{EndEntityCert, KeyUsage};

/// The TLS half of a listener.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
}

/// The oldest TLS version a client may speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersionMin {
    /// TLS 1.3 only.
    #[default]
    V13,
    /// TLS 1.2 too, for clients that cannot do better.
    V12,
}

/// Why no TLS settings could be made. Each text names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or is not PEM.
    #[error("cannot read {what} from {}: {reason}", path.display())]
    Unreadable {
        /// What was looked for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// The file is readable and holds none of what is needed.
    #[error("there is no {what} in {}", path.display())]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The private key asks for a passphrase, and nobody is there to give it.
    #[error(
        "the private key in {} is encrypted; write it without a passphrase (openssl pkey -in KEY -out PLAIN) into a file \
         that only the gateway can read", path.display()
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key were read and cannot be used together.
    #[error("the certificate and the private key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// From when and until when the first certificate of a PEM file is valid, in Unix seconds.
///
/// # Errors
///
/// When the file cannot be read or holds no certificate.
pub fn validity(certificate: &Path) -> Result<(i64, i64), TlsError> {
    let unreadable = |reason| TlsError::Unreadable { what: "certificate", path: certificate.to_owned(), reason };
    let first = CertificateDer::from_pem_file(certificate).map_err(|_| unreadable("it is not valid PEM".to_owned()))?;
    let parsed = EndEntityCert::try_from(&first).map_err(|error| unreadable(error.to_string()))?;
    // Whoever is asked about a time tells the bound it is beyond; that nobody is trusted is found later.
    let at = |second: u64| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(second));
        parsed.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None).err()
    };
    let seconds = |time: UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match (at(0), at(u64::from(u32::MAX) * 64)) {
        (
            Some(webpki::Error::CertNotValidYet { not_before, .. }),
            Some(webpki::Error::CertExpired { not_after, .. }),
        ) => Ok((seconds(not_before), seconds(not_after))),
        _ => Err(unreadable("its times are not clear".to_owned())),
    }
}

impl Tls {
    /// Reads the certificate chain (the server's own first) and its private key from PEM files.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, holds no certificate or key, or the two do not belong together.
    pub fn from_files(certificate: &Path, key: &Path, version_min: TlsVersionMin) -> Result<Self, TlsError> {
        const CERTIFICATE: &str = "certificate";
        const KEY: &str = "private key";
        let unreadable = |what, path: &Path, error: pem::Error| match error {
            pem::Error::NoItemsFound => TlsError::Missing { what, path: path.to_owned() },
            // The parser may quote the line it stumbled over, which could be part of the key.
            pem::Error::Io(error) => TlsError::Unreadable { what, path: path.to_owned(), reason: error.to_string() },
            _ => TlsError::Unreadable { what, path: path.to_owned(), reason: "it is not valid PEM".to_owned() },
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(CERTIFICATE, certificate, error))?;
        if chain.is_empty() {
            return Err(TlsError::Missing { what: CERTIFICATE, path: certificate.to_owned() });
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| match is_encrypted(key) {
            true => TlsError::Encrypted { path: key.to_owned() },
            false => unreadable(KEY, key, error),
        })?;

        let versions: &[&SupportedProtocolVersion] = match version_min {
            TlsVersionMin::V13 => &[&version::TLS13],
            TlsVersionMin::V12 => &[&version::TLS13, &version::TLS12],
        };
        // The provider is named here rather than installed for the process, so that a listener never depends on who
        // started first.
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

/// Whether a file without a readable key holds one that asks for a passphrase.
fn is_encrypted(path: &Path) -> bool {
    // Of both forms: PKCS #8 says it in the label, the older one in a header below it.
    std::fs::read_to_string(path).is_ok_and(|pem| {
        pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.contains("Proc-Type: 4,ENCRYPTED")
    })
}
