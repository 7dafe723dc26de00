//! The way to an endpoint: its name looked up, all of its addresses judged, and a connection to one that was.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use usher_domain::network::{Endpoint, Forbidden, Guard};

use crate::carrier::Failure;

/// How long one address is tried before the next.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Addresses that a name has.
pub type Resolving<'r> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'r>>;

/// Looks names up.
pub trait Resolve: Send + Sync {
    /// The addresses a name has at present.
    fn resolve<'r>(&'r self, host: &'r str, port: u16) -> Resolving<'r>;
}

/// Looks names up as the system does.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'r>(&'r self, host: &'r str, port: u16) -> Resolving<'r> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// What bytes go over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to the endpoint, if every address of its name may be called.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    guard: &Guard,
    tls: &Arc<ClientConfig>,
    resolver: &dyn Resolve,
) -> Result<Box<dyn Stream>, Failure> {
    let addresses = match endpoint.literal() {
        Some(address) => vec![SocketAddr::new(address, endpoint.port())],
        None => {
            let host = endpoint.host();
            resolver.resolve(&host, endpoint.port()).await.map_err(|_| Failure::AddressUnknown)?
        }
    };
    guard.vet(&addresses).map_err(|forbidden| match forbidden {
        Forbidden::NoAddress => Failure::AddressUnknown,
        Forbidden::Address(_) => Failure::AddressForbidden,
    })?;
    let stream = open(&addresses).await.ok_or(Failure::ConnectionFailed)?;
    // Small messages are not held back; a refusal changes nothing but speed.
    let _ = stream.set_nodelay(true);
    if !endpoint.is_tls() {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(endpoint.host()).map_err(|_| Failure::TlsFailed)?;
    let connecting = TlsConnector::from(tls.clone()).connect(name, stream);
    Ok(Box::new(connecting.await.map_err(|_| Failure::TlsFailed)?))
}

/// A connection to the first address that takes one.
async fn open(addresses: &[SocketAddr]) -> Option<TcpStream> {
    for address in addresses.iter().take(ADDRESSES_MAX) {
        if let Ok(Ok(stream)) = timeout(CONNECT_TIME_MAX, TcpStream::connect(address)).await {
            return Some(stream);
        }
    }
    None
}

/// Why certificates cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CertificateFault;

fn roots(pem: &str) -> Result<RootCertStore, CertificateFault> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|_| CertificateFault)?).map_err(|_| CertificateFault)?;
    }
    if roots.is_empty() { Err(CertificateFault) } else { Ok(roots) }
}

/// TLS that trusts these certificates, or those of the system. It always verifies.
pub(crate) fn tls(pem: Option<&str>) -> Result<Arc<ClientConfig>, CertificateFault> {
    static OF_SYSTEM: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    match pem {
        Some(pem) => Ok(config(roots(pem)?)),
        None => Ok(OF_SYSTEM.get_or_init(|| config(roots_of_system())).clone()),
    }
}

fn roots_of_system() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!("this machine has no certificates to trust: webhooks over https need tlsCa");
    }
    roots
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("the provider has all versions of TLS");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}
