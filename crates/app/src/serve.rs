//! The gateway as a process: from settings to a listener, and to an orderly end.

mod fault;

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use usher_domain::environment::Environment;
use usher_domain::{appointment_request, contact_request};
use usher_server::accept::{Listener, Transport};
use usher_server::gateway::{Demands, Gateway, Parts};
use usher_server::limits::Limits;
use usher_server::tls::{Tls, TlsVersionMin};
use usher_storage::Store;

pub(crate) use self::fault::Fault;
use crate::data::{self, Data};
use crate::settings::{Settings, TlsVersion};
use crate::welcome::{self, Started};
use crate::{log, sandbox, version};

/// How often it is looked whether the store still works.
const HEALTH_PERIOD: Duration = Duration::from_secs(1);
/// How often expired idempotency keys are forgotten, and how many in one transaction.
const PURGE_PERIOD: Duration = Duration::from_secs(60);
const PURGE_COUNT_MAX: u32 = 256;

/// Runs the gateway until it is told to stop.
pub(crate) fn run(settings: &Settings) -> Result<(), Fault> {
    log::start(settings.log_format, settings.log_level);
    usher_server::log_panics_without_text();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Fault::System)?;
    runtime.block_on(serve(settings))
}

async fn serve(settings: &Settings) -> Result<(), Fault> {
    let mut stop = Stop::listen().map_err(Fault::System)?;
    let limits = Limits::default();
    // Before the data folder: where the address cannot be had, a first start must not have made a key nobody sees.
    let listener = Listener::bind(settings.listen, transport(settings)?, limits.clone()).await?;
    let data = Data::open(&settings.data_folder).await?;
    announce(settings, &listener, &data).await?;

    let Data { store, secrets, .. } = data;
    let gateway = Gateway::new(Parts {
        store: store.clone(),
        pepper: secrets.pepper,
        digests: secrets.digests,
        environments: Environment::ALL.to_vec(),
        demands: Demands {
            contact_request: contact_request::Demands { consent: settings.contact_request_consent_required },
            appointment_request: appointment_request::Demands { dpa: settings.appointment_request_dpa_required },
        },
        limits,
        clock: Timestamp::now,
    });
    let purging = tokio::spawn(purge(store.clone()));
    let mut is_broken = false;
    let until = async {
        tokio::select! {
            () = stop.requested() => tracing::info!("stopping; a second signal ends the process at once"),
            () = broken(&store) => is_broken = true,
        }
        tokio::spawn(async move {
            stop.requested().await;
            std::process::exit(1);
        });
    };
    let drained = listener.serve(usher_server::router(gateway), until).await;
    purging.abort();
    let closing = tokio::task::spawn_blocking(move || store.close());
    closing.await.map_err(|_| Fault::StoreBroken)?;
    tracing::info!(connections_cut = drained.cut, "stopped");
    if is_broken { Err(Fault::StoreBroken) } else { Ok(()) }
}

/// Makes what a first start needs, and tells the operator where everything is.
async fn announce(settings: &Settings, listener: &Listener, data: &Data) -> Result<(), Fault> {
    let issued = if data.is_new {
        let issued = sandbox::create(&data.store, &data.secrets.pepper, Timestamp::now()).await;
        Some(issued.map_err(data::Fault::from)?)
    } else {
        None
    };
    let address = listener.address();
    let is_tls = settings.tls.is_some();
    let started = Started { address, is_tls, folder: &data.folder, issued: issued.as_ref() };
    welcome::write(&started, &mut io::stdout().lock()).map_err(Fault::Stdout)?;
    tracing::info!(%address, is_tls, version = version::PRODUCT, "started");
    if !is_tls && !address.ip().is_loopback() {
        tracing::warn!("plain HTTP off loopback: keys and personal data travel readable");
    }
    Ok(())
}

fn transport(settings: &Settings) -> Result<Transport, Fault> {
    let Some(files) = &settings.tls else {
        return Ok(if settings.insecure_http { Transport::InsecureHttp } else { Transport::Loopback });
    };
    let version_min = match files.version_min {
        TlsVersion::V12 => TlsVersionMin::V12,
        TlsVersion::V13 => TlsVersionMin::V13,
    };
    Ok(Transport::Tls(Tls::from_files(&files.certificate, &files.key, version_min)?))
}

/// Forgets idempotency keys that have expired, for as long as it runs.
async fn purge(store: Store) {
    let mut period = interval(PURGE_PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        loop {
            match store.purge(Timestamp::now().as_millisecond(), PURGE_COUNT_MAX).await {
                Ok(count) if count == PURGE_COUNT_MAX as usize => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot forget expired idempotency keys");
                    break;
                }
            }
        }
    }
}

/// Ends when the store does: after an I/O error nothing can be trusted until the process is started again.
async fn broken(store: &Store) {
    let mut period = interval(HEALTH_PERIOD);
    while store.health().writable {
        period.tick().await;
    }
}

/// The signals that ask the process to stop.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Ends at the next of them.
    async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
