//! The client and how it is set up: whom it calls, as whom, and how patiently.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Url, redirect, retry};
use rustls::crypto::{CryptoProvider, ring};
use uuid::Uuid;

use crate::api::{AppointmentRequest, Bank, ContactRequest, DigitalCustomer, Receipts, SigningKeys};
use crate::call::ApiCall;
use crate::http::Http;
use crate::key::ApiKey;
use crate::retry::{RetryPolicy, TimeLimits};
use crate::transport::HttpTransport;
use crate::trust;

/// Calls the gateway for one application. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: Arc<Http>,
    correlation_id: Option<Uuid>,
}

impl Client {
    /// A client of the gateway at `url`, such as `https://gateway.example.org`, that calls with `key`.
    pub fn builder(url: &str, key: ApiKey) -> ClientBuilder {
        ClientBuilder { key: Some(key), ..Client::builder_without_key(url) }
    }

    /// A client of the gateway at `url` for what needs no key: [`Client::signing_keys`].
    pub fn builder_without_key(url: &str) -> ClientBuilder {
        ClientBuilder {
            url: url.to_owned(),
            key: None,
            socket: None,
            root_certificates: None,
            is_insecure_http_allowed: false,
            time_limits: TimeLimits::default(),
            retry_policy: RetryPolicy::default(),
            correlation_id: None,
        }
    }

    /// The next call to the contact request API, version 1.
    pub fn contact_request(&self) -> ApiCall<'_, ContactRequest> {
        ApiCall::new(&self.http, self.correlation_id)
    }

    /// The next call to the appointment request API, version 2.
    pub fn appointment_request(&self) -> ApiCall<'_, AppointmentRequest> {
        ApiCall::new(&self.http, self.correlation_id)
    }

    /// The next call to the digital customer API, version 1.
    pub fn digital_customer(&self) -> ApiCall<'_, DigitalCustomer> {
        ApiCall::new(&self.http, self.correlation_id)
    }

    /// The next call to the bank API, version 1: for the bank, at the bank's address and with a bank user's key.
    pub fn bank(&self) -> ApiCall<'_, Bank> {
        ApiCall::new(&self.http, self.correlation_id)
    }

    /// The next call to the receipts API, version 1.
    pub fn receipts(&self) -> ApiCall<'_, Receipts> {
        ApiCall::new(&self.http, self.correlation_id)
    }

    /// The next call to the signing keys API, version 1.
    pub fn signing_keys(&self) -> ApiCall<'_, SigningKeys> {
        ApiCall::new(&self.http, self.correlation_id)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.http.base.as_str()).finish_non_exhaustive()
    }
}

/// Sets up a [`Client`].
pub struct ClientBuilder {
    url: String,
    key: Option<ApiKey>,
    socket: Option<PathBuf>,
    root_certificates: Option<Vec<u8>>,
    is_insecure_http_allowed: bool,
    time_limits: TimeLimits,
    retry_policy: RetryPolicy,
    correlation_id: Option<Uuid>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is none.
    #[error("the gateway's address must be https://HOST[:PORT][/PATH], without user, query or fragment")]
    Url,
    /// The key would cross a network in the clear.
    #[error("http to another machine shows the key to everybody on the way: use https, or allow insecure http")]
    InsecureHttp,
    /// The root certificates cannot be read.
    #[error("the root certificates are not certificates in PEM form")]
    RootCertificates,
    /// No TLS: mostly because this machine has no root certificates of its own.
    #[error("TLS cannot be set up; give the gateway's root certificates if this machine has none")]
    Tls(#[source] reqwest::Error),
}

impl ClientBuilder {
    /// Trusts these certificates, in PEM form, and no others: who is signed by one of them, and who shows exactly one of
    /// them, whatever its name. Without them, those of the operating system.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// Allows http to other machines than this one. Everybody on the way can then read the key and the requests.
    pub fn allow_insecure_http(mut self) -> Self {
        self.is_insecure_http_allowed = true;
        self
    }

    /// How long things may take.
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.time_limits = limits;
        self
    }

    /// When and how often a call is sent again.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.retry_policy = policy;
        self
    }

    /// Gives every call this correlation id, to find them as one. Without it each call has its own.
    pub fn correlation_id(mut self, id: Uuid) -> Self {
        self.correlation_id = Some(id);
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`SetupError`] says.
    pub fn build(self) -> Result<Client, SetupError> {
        let correlation_id = self.correlation_id;
        Ok(Client { http: Arc::new(self.http()?), correlation_id })
    }

    /// A way to the gateway on this machine through its socket at `path`. Whoever may open it needs no key.
    pub fn of_socket(path: &Path) -> ClientBuilder {
        // The name is not looked up; HTTP wants one.
        ClientBuilder { socket: Some(path.to_owned()), ..Client::builder_without_key("http://localhost") }
    }

    /// The same way to the server, for a generated client that [`Client`] has no calls for. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`SetupError`] says.
    pub fn build_transport(self) -> Result<HttpTransport, SetupError> {
        self.http().map(HttpTransport::new)
    }

    fn http(self) -> Result<Http, SetupError> {
        let base = parse_url(&self.url)?;
        let is_plain = base.scheme() == "http";
        let is_loopback = is_loopback(&base);
        if is_plain && !is_loopback && !self.is_insecure_http_allowed {
            return Err(SetupError::InsecureHttp);
        }
        // reqwest takes the provider of the process; one that was chosen before stays.
        let _ = ring::default_provider().install_default();
        let key = self.key.iter().map(|key| (HeaderName::from_static("x-api-key"), key.header()));
        let mut builder = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter(key))
            .user_agent(concat!("usher-client/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.time_limits.connect_time_max)
            // The key is for the gateway alone, not for where an answer points to.
            .redirect(redirect::Policy::none())
            // One place decides on repeats, and counts them: ours.
            .retry(retry::never());
        if let Some(pem) = &self.root_certificates {
            let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| ring::default_provider().into());
            builder =
                builder.tls_backend_preconfigured(trust::tls_of(pem, &provider).ok_or(SetupError::RootCertificates)?);
        } else if is_plain {
            // Without TLS there is nothing to trust, and no reason to need the system's certificates.
            builder = builder.tls_certs_only([]);
        }
        if is_plain || is_loopback {
            // A proxy that the environment names has no place on the way to this machine, and in http it would read the
            // key.
            builder = builder.no_proxy();
        }
        if let Some(path) = self.socket {
            builder = builder.unix_socket(path);
        }
        let client = builder.build().map_err(SetupError::Tls)?;
        Ok(Http { client, base, time_limits: self.time_limits, retry_policy: self.retry_policy })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address is not checked yet: it may hold a password.
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

fn parse_url(text: &str) -> Result<Url, SetupError> {
    let url = Url::parse(text).map_err(|_| SetupError::Url)?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && url.fragment().is_none() {
        Ok(url)
    } else {
        Err(SetupError::Url)
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Client, SetupError};
    use crate::key::ApiKey;
    use crate::key::tests::KEY;

    fn setup(url: &str) -> Result<Client, SetupError> {
        Client::builder(url, ApiKey::new(KEY).expect("a key")).build()
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for near in ["http://localhost:8080", "http://127.0.0.1:1", "http://127.9.9.9/usher", "http://[::1]:8080/"] {
            assert!(setup(near).is_ok(), "{near}");
        }
        for far in
            ["http://gateway.example.org", "http://localhost.example.org", "http://10.0.0.1", "http://[2001:db8::1]"]
        {
            assert!(matches!(setup(far), Err(SetupError::InsecureHttp)), "{far}");
        }
        let key = ApiKey::new(KEY).expect("a key");
        assert!(Client::builder("http://10.0.0.1", key).allow_insecure_http().build().is_ok());
    }

    #[test]
    fn an_address_is_an_address_and_nothing_more() {
        for other in [
            "",
            "gateway.example.org",
            "ftp://gateway.example.org",
            "unix:/run/usher",
            "https://user@gateway.example.org",
            "https://:secret@gateway.example.org",
            "https://gateway.example.org?a=b",
            "https://gateway.example.org#a",
        ] {
            assert!(matches!(setup(other), Err(SetupError::Url)), "{other}");
        }
    }

    #[test]
    fn root_certificates_must_be_there() {
        for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            let key = ApiKey::new(KEY).expect("a key");
            let client = Client::builder("https://gateway.example.org", key).root_certificates(pem).build();
            assert!(matches!(client, Err(SetupError::RootCertificates)), "{pem}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = ApiKey::new(KEY).expect("a key");
        let builder = Client::builder("http://user:secret-2@localhost", key);
        assert_eq!(format!("{builder:?}"), "ClientBuilder { .. }");
        let client = setup("http://localhost:8080").expect("a client");
        assert_eq!(format!("{client:?}"), "Client { url: \"http://localhost:8080/\", .. }");
    }
}
