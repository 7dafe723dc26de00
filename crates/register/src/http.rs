//! The register over HTTP: the generated client of `register/v1`, with a limit on time, on calls at once, and on how often
//! a register that is down is called at all.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use usher_client::{ApiKey, Client, HttpTransport, RetryPolicy, TimeLimits, TransportError};
use usher_contract::register::v1::operations::{self, LookUpPersonParameters};
use usher_contract::register::v1::{Lookup, LookupAnswer};
use usher_contract::shared::Problem;
use usher_domain::breaker::{Breaker, BreakerCounts, BreakerPolicy, BreakerState};
use usher_domain::register::Finding;
use usher_server::register::{IdentityRegister, LookingUp, RegisterUnavailable};
use usher_wire::{Checked, Failure, Personal, Unknown};

/// After which time a caller may try again when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How a register is reached.
#[derive(Clone)]
pub struct HttpRegisterSettings {
    /// Its address, such as `https://register.example.org`; the path of the contract follows it.
    pub url: String,
    /// The key it gave to the gateway.
    pub key: ApiKey,
    /// The certificates to trust, PEM, instead of the system's.
    pub root_certificates: Option<Vec<u8>>,
    /// From the question to the answer, all attempts included.
    pub timeout: Duration,
    /// Questions on their way at once; more wait for their turn within their time.
    pub lookup_count_max: usize,
    /// When it is no longer asked for a while.
    pub breaker: BreakerPolicy,
}

impl HttpRegisterSettings {
    /// The register at `url`, with the limits that do for most.
    pub fn new(url: &str, key: ApiKey) -> Self {
        HttpRegisterSettings {
            url: url.to_owned(),
            key,
            root_certificates: None,
            timeout: Duration::from_secs(10),
            lookup_count_max: 32,
            breaker: BreakerPolicy::default(),
        }
    }
}

/// Why a register cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is none.
    #[error("the register's address must be https://HOST[:PORT][/PATH], without user, query or fragment")]
    Url,
    /// National ids and the key would cross a network in the clear.
    #[error("http to another machine shows national ids and the key to everybody on the way: use https")]
    InsecureHttp,
    /// The root certificates cannot be read.
    #[error("the root certificates are not certificates in PEM form")]
    RootCertificates,
    /// No TLS: mostly because this machine has no root certificates of its own.
    #[error("TLS cannot be set up; give the register's root certificates if this machine has none")]
    Tls(#[source] usher_client::SetupError),
}

impl From<usher_client::SetupError> for SetupError {
    fn from(error: usher_client::SetupError) -> Self {
        match error {
            usher_client::SetupError::Url => SetupError::Url,
            usher_client::SetupError::InsecureHttp => SetupError::InsecureHttp,
            usher_client::SetupError::RootCertificates => SetupError::RootCertificates,
            usher_client::SetupError::Tls(_) => SetupError::Tls(error),
        }
    }
}

/// A register over HTTP.
#[derive(Debug)]
pub struct HttpRegister {
    transport: HttpTransport,
    breaker: Breaker,
    slots: Semaphore,
    timeout: Duration,
}

impl HttpRegister {
    /// Sets it up; nothing is asked yet.
    ///
    /// # Errors
    /// As [`SetupError`] says.
    pub fn new(settings: HttpRegisterSettings) -> Result<Self, SetupError> {
        let HttpRegisterSettings { url, key, root_certificates, timeout, lookup_count_max, breaker } = settings;
        let builder = Client::builder(&url, key)
            .time_limits(TimeLimits {
                connect_time_max: timeout / 4,
                // One that hangs is tried a second time.
                attempt_time_max: timeout / 2,
                call_time_max: timeout,
            })
            .retry_policy(RetryPolicy {
                attempt_count_max: 3,
                pause_first_max: Duration::from_millis(200),
                pause_max: Duration::from_secs(1),
                // Somebody waits: what lasts longer is told to them instead.
                retry_after_max: Duration::from_secs(1),
            });
        let builder = match root_certificates {
            Some(pem) => builder.root_certificates(pem),
            None => builder,
        };
        let transport = builder.build_transport()?;
        Ok(HttpRegister { transport, breaker: Breaker::new(breaker), slots: Semaphore::new(lookup_count_max), timeout })
    }

    /// Whether it is asked at present.
    pub fn state(&self) -> BreakerState {
        self.breaker.state(Instant::now().into_std())
    }

    /// How it answered so far.
    pub fn counts(&self) -> BreakerCounts {
        self.breaker.counts()
    }

    async fn ask(&self, national_id: &Personal<String>, correlation_id: &str) -> Result<Finding, RegisterUnavailable> {
        let end = Instant::now() + self.timeout;
        let Ok(Ok(_slot)) = timeout_at(end, self.slots.acquire()).await else {
            tracing::warn!("the identity register is asked for more persons at once than it answers");
            return Err(RegisterUnavailable { retry_after: RETRY_AFTER });
        };
        let permit =
            self.breaker.admit(Instant::now().into_std()).map_err(|wait| RegisterUnavailable { retry_after: wait })?;
        let Some((parameters, lookup)) = question(national_id, correlation_id) else {
            // The gateway checked the number and made the id: it is our fault, and says nothing about the register.
            tracing::error!("a question to the identity register breaks its contract");
            return Err(RegisterUnavailable { retry_after: RETRY_AFTER });
        };
        let client = operations::Client::new(&self.transport);
        let trouble = match timeout_at(end, client.look_up_person(&parameters, &lookup)).await {
            Ok(Ok(answer)) => match finding(answer.into_inner(), national_id) {
                Ok(finding) => {
                    permit.succeeded();
                    return Ok(finding);
                }
                Err(trouble) => trouble,
            },
            Ok(Err(failure)) => Trouble::of(&failure),
            Err(_) => Trouble { what: "no answer in time", status: None },
        };
        permit.failed(Instant::now().into_std());
        let Trouble { what, status } = trouble;
        tracing::warn!(status, trouble = what, state = ?self.state(), "the identity register gave no answer");
        Err(RegisterUnavailable { retry_after: RETRY_AFTER })
    }
}

impl IdentityRegister for HttpRegister {
    fn look_up<'r>(&'r self, national_id: &'r Personal<String>, correlation_id: &'r str) -> LookingUp<'r> {
        Box::pin(self.ask(national_id, correlation_id))
    }
}

/// What went wrong, in words that hold nothing of what was sent or answered.
struct Trouble {
    what: &'static str,
    status: Option<u16>,
}

impl Trouble {
    fn of(failure: &Failure<TransportError, Problem>) -> Trouble {
        match failure {
            Failure::Transport(TransportError::NotSent(_)) => {
                Trouble { what: "the question was not sent", status: None }
            }
            Failure::Transport(TransportError::Network { fault, .. }) => {
                let what = match fault {
                    usher_client::NetworkFault::Connect => "it cannot be reached",
                    usher_client::NetworkFault::Tls => "no trusted connection",
                    usher_client::NetworkFault::Timeout => "no answer in time",
                    usher_client::NetworkFault::Interrupted => "the connection was lost",
                };
                Trouble { what, status: None }
            }
            Failure::Refused { status: status @ (401 | 403), .. } => {
                Trouble { what: "it does not take the key in register_key_file", status: Some(*status) }
            }
            Failure::Refused { status, .. } => Trouble { what: "it refused", status: Some(*status) },
            Failure::Unexpected { status, .. } => {
                Trouble { what: "the answer is not what the contract says", status: Some(*status) }
            }
        }
    }
}

fn question(national_id: &Personal<String>, correlation_id: &str) -> Option<(LookUpPersonParameters, Checked<Lookup>)> {
    let parameters =
        LookUpPersonParameters { x_correlation_id: Some(correlation_id.to_owned()), unknown: Unknown::default() };
    let lookup = Lookup { national_id: national_id.clone(), date_of_birth: None, unknown: Unknown::default() };
    Some((parameters, Checked::check(lookup).ok()?))
}

/// What an answer means. One about somebody else, or of a kind that a newer contract has, means nothing.
fn finding(answer: LookupAnswer, asked: &Personal<String>) -> Result<Finding, Trouble> {
    match answer {
        LookupAnswer::Found(found) if found.national_id.expose() == asked.expose() => {
            Ok(Finding::Found(Box::new(found.person)))
        }
        LookupAnswer::Found(_) => Err(Trouble { what: "the answer is about another number", status: Some(200) }),
        LookupAnswer::NotFound(_) => Ok(Finding::NotFound),
        LookupAnswer::Deceased(_) => Ok(Finding::Deceased),
        LookupAnswer::Mismatch(_) => Ok(Finding::Mismatch),
        LookupAnswer::Unknown(_) => Err(Trouble { what: "the answer is of an unknown kind", status: Some(200) }),
    }
}
