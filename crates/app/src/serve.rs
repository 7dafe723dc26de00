//! The gateway as a process: from settings to a listener, and to an orderly end.

mod fault;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use usher_delivery::{Dispatcher, HttpCarrier};
use usher_domain::environment::Environment;
use usher_domain::products::Products;
use usher_domain::receipt::DigestKey;
use usher_server::accept::{Connections, Listener, Transport};
use usher_server::documents;
use usher_server::gateway::{Gateway, Parts, stored_products};
use usher_server::limits::Limits;
use usher_server::ops::{self, Ops};
use usher_server::register::Registers;
use usher_server::socket::Socket;
use usher_server::tls::{Tls, TlsVersionMin};
use usher_storage::Store;

pub(crate) use self::fault::Fault;
use crate::backup::Restored;
use crate::data::{self, Data};
use crate::secrets::Secrets;
use crate::settings::{Retention, Settings, TlsVersion};
use crate::systemd::Manager;
use crate::welcome::{self, Started};
use crate::{log, register, sandbox, version};

/// How often it is looked whether the store still works.
const HEALTH_PERIOD: Duration = Duration::from_secs(1);
/// How often expired idempotency keys are forgotten and expired flows ended, and how many keys in one transaction.
const PURGE_PERIOD: Duration = Duration::from_secs(60);
const PURGE_COUNT_MAX: u32 = 256;

/// How often it is looked whether the time of content is over, how many records are looked at in one step, and how long
/// requests have the store to themselves between two.
const ERASE_PERIOD: Duration = Duration::from_secs(3_600);
const ERASE_COUNT_MAX: u32 = 250;
const ERASE_PAUSE: Duration = Duration::from_millis(20);
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

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
    let registers = register::registers(settings)?;
    // Before the data folder: where the address cannot be had, a first start must not have made a key nobody sees.
    let listener = bind("--listen", settings.listen, settings, &limits).await?;
    let bank_listener = match settings.bank_listen {
        Some(address) => Some(bind("--bank-listen", address, settings, &limits).await?),
        None => None,
    };
    let ops_listener = match settings.ops_listen {
        Some(address) => Some(bind_ops(address, settings, &limits).await?),
        None => None,
    };
    let data = Data::open_with(&settings.data_folder, settings.room).await?;
    // Told before the first request, so that none is taken for which there is no room.
    data.store.look_at_space().await.map_err(data::Fault::from)?;
    let products = stored_products(&data.store).await.map_err(data::Fault::from)?;
    let socket = Socket::bind(&data.folder).map_err(|source| data::Fault::Socket { source })?;
    let listeners = Listeners { partners: listener, bank: bank_listener, ops: ops_listener };
    announce(settings, &listeners, &data).await?;

    let Data { store, secrets, .. } = data;
    let digests = secrets.digests.clone();
    let gateway = gateway(store.clone(), secrets, products, registers, settings.sandbox_step);
    // A request is never judged without the lists that are there.
    documents::load(&gateway).await.map_err(|_| Fault::StoreBroken)?;
    let following = tokio::spawn(documents::follow(gateway.clone()));
    let simulating = tokio::spawn(usher_server::simulate_bank(gateway.clone()));
    let sending = sender(settings, &store, digests);
    let watching = tokio::spawn(usher_server::watch_load(gateway.clone()));
    let (stopping, stopped) = watch::channel(false);
    let told = |mut stopped: watch::Receiver<bool>| async move {
        // Whoever could say so being gone is as good as being told.
        let _ = stopped.wait_for(|is_told| *is_told).await;
    };
    let sending = tokio::spawn(sending.run(told(stopped.clone())));
    let serving_admin = socket.serve(usher_server::admin_router(&gateway), told(stopped.clone()));
    let purging = tokio::spawn(purge(store.clone()));
    let erasing = tokio::spawn(erase(store.clone(), settings.retention));
    let ops = Ops {
        gateway: gateway.clone(),
        stopping: stopped.clone(),
        listeners: listeners.connections(),
        version: version::PRODUCT,
    };
    let Listeners { partners: listener, bank: bank_listener, ops: ops_listener } = listeners;
    // Until nothing is left to watch: who asks while the others drain is told that this one takes nothing more.
    let (drained, all_drained) = watch::channel(false);
    let serving_ops = tokio::spawn(async move {
        if let Some(listener) = ops_listener {
            listener.serve(ops::router(ops), told(all_drained)).await;
        }
    });
    let serving = listener.serve(usher_server::router(&gateway), told(stopped.clone()));
    let serving_bank = async {
        match bank_listener {
            Some(listener) => listener.serve(usher_server::bank_router(&gateway), told(stopped)).await.cut,
            None => 0,
        }
    };
    let manager = Manager::of_environment();
    manager.ready();
    let until = async {
        let is_broken = tokio::select! {
            () = stop.requested() => {
                tracing::info!("stopping; a second signal ends the process at once");
                false
            }
            () = broken(&store, &manager) => true,
        };
        stopping.send_replace(true);
        manager.stopping();
        tokio::spawn(async move {
            stop.requested().await;
            std::process::exit(1);
        });
        is_broken
    };
    let (served, bank_cut, admin_served, is_broken) = tokio::join!(serving, serving_bank, serving_admin, until);
    drained.send_replace(true);
    let _ = serving_ops.await;
    if let Err(error) = admin_served {
        tracing::warn!(%error, "the socket for operators failed");
    }
    following.abort();
    purging.abort();
    erasing.abort();
    simulating.abort();
    // What is on its way is marked before the store closes.
    let _ = sending.await;
    watching.abort();
    let closing = tokio::task::spawn_blocking(move || store.close());
    closing.await.map_err(|_| Fault::StoreBroken)?;
    tracing::info!(connections_cut = served.cut + bank_cut, "stopped");
    if is_broken { Err(Fault::StoreBroken) } else { Ok(()) }
}

/// What sends messages to whoever must be told.
fn sender(settings: &Settings, store: &Store, digests: Arc<DigestKey>) -> Dispatcher<HttpCarrier> {
    let parts = usher_delivery::Parts {
        store: store.clone(),
        carrier: HttpCarrier::default(),
        digests,
        lease: settings.delivery_lease,
        clock: Arc::new(|| Timestamp::now().as_millisecond()),
        // Without randomness all pauses are short, which costs no more than some calls.
        random: Arc::new(|| getrandom::u64().unwrap_or_default()),
    };
    Dispatcher::new(parts).expect("the settings bound the lease")
}

/// The gateway of a data folder.
pub(crate) fn gateway(
    store: Store,
    secrets: Secrets,
    products: Products,
    registers: Registers,
    sandbox_step: Duration,
) -> Arc<Gateway> {
    Arc::new(Gateway::new(Parts {
        store,
        pepper: secrets.pepper,
        digests: secrets.digests,
        signing: secrets.signing,
        environments: Environment::ALL.to_vec(),
        products,
        registers,
        sandbox_step,
        limits: Limits::default(),
        clock: Timestamp::now,
    }))
}

/// Binds one of the addresses. All are protected alike.
async fn bind(
    option: &'static str,
    address: SocketAddr,
    settings: &Settings,
    limits: &Limits,
) -> Result<Listener, Fault> {
    let bound = Listener::bind(address, transport(settings)?, limits.clone()).await;
    bound.map_err(|error| Fault::of_bind(error, option))
}

/// Binds the address for those who run the gateway. Nothing secret passes there, so on loopback it needs no certificate,
/// which a probe would hardly know.
async fn bind_ops(address: SocketAddr, settings: &Settings, limits: &Limits) -> Result<Listener, Fault> {
    let transport = if address.ip().is_loopback() { Transport::Loopback } else { transport(settings)? };
    // A probe asks once in a while; a connection that stays would only hold up the end.
    let limits = Limits { connections_max: 64, drain_time_max: Duration::from_secs(1), ..limits.clone() };
    let bound = Listener::bind(address, transport, limits).await;
    bound.map_err(|error| Fault::of_bind(error, "--ops-listen"))
}

/// What is listened on.
struct Listeners {
    partners: Listener,
    bank: Option<Listener>,
    ops: Option<Listener>,
}

impl Listeners {
    /// The connections of each, by what it is for.
    fn connections(&self) -> Vec<(&'static str, Connections)> {
        let named = [("partners", Some(&self.partners)), ("bank", self.bank.as_ref()), ("ops", self.ops.as_ref())];
        named.into_iter().filter_map(|(name, listener)| Some((name, listener?.connections()))).collect()
    }
}

/// Makes what a first start needs, and tells the operator where everything is.
async fn announce(settings: &Settings, listeners: &Listeners, data: &Data) -> Result<(), Fault> {
    let issued = if sandbox::is_wanted(&data.store).await.map_err(data::Fault::from)? {
        let issued = sandbox::create(&data.store, &data.secrets.pepper, Timestamp::now()).await;
        Some(issued.map_err(data::Fault::from)?)
    } else {
        None
    };
    let address = listeners.partners.address();
    let bank_address = listeners.bank.as_ref().map(Listener::address);
    let ops_address = listeners.ops.as_ref().map(Listener::address);
    let is_tls = settings.tls.is_some();
    let folder = &data.folder;
    let restored = Restored::take(folder);
    let restored_from = restored.as_ref().map(|restored| restored.taken_at.as_str());
    let issued = issued.as_ref();
    let started = Started { address, bank_address, ops_address, is_tls, folder, restored_from, issued };
    welcome::write(&started, &mut io::stdout().lock()).map_err(Fault::Stdout)?;
    if let Some(Restored { taken_at, restored_at }) = restored {
        tracing::warn!(
            taken_at,
            restored_at,
            "first start after a restore; what was accepted after the backup is not here"
        );
    }
    tracing::info!(%address, is_tls, version = version::PRODUCT, "started");
    if settings.register.is_none() {
        tracing::warn!("no identity register is set up (register_url): no customer can be created in production");
    }
    let is_open = |address: SocketAddr| !address.ip().is_loopback();
    if !is_tls && (is_open(address) || bank_address.is_some_and(is_open)) {
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

/// Forgets idempotency keys that have expired and ends flows that have, for as long as it runs.
async fn purge(store: Store) {
    let mut period = interval(PURGE_PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        if let Err(error) = usher_server::end_expired_flows(&store, Timestamp::now().as_millisecond()).await {
            tracing::warn!(%error, "cannot end expired flows");
        }
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

/// Erases content whose time is over, for as long as it runs: in small steps, so that requests do not wait for it.
async fn erase(store: Store, retention: Retention) {
    let mut period = interval(ERASE_PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Everything up to here has been erased before.
    let mut start = None;
    loop {
        period.tick().await;
        let days_ago = |days: u64| Timestamp::now().as_millisecond() - i64::try_from(days).unwrap_or(0) * DAY_MILLIS;
        let bounds = (days_ago(retention.days), days_ago(retention.parked_days));
        let (mut after, mut is_blank, mut total) = (start, true, 0);
        let erased = loop {
            let (count, expired) = match usher_server::erase_expired(&store, bounds, after, ERASE_COUNT_MAX).await {
                Ok(step) => step,
                Err(error) => break Err(error),
            };
            total += count;
            is_blank &= expired.kept == 0 && count == expired.due.len();
            match expired.next {
                Some(next) => after = Some(next),
                None => break Ok(()),
            }
            if is_blank {
                start = after;
            }
            tokio::time::sleep(ERASE_PAUSE).await;
        };
        match erased {
            Ok(()) if total == 0 => {}
            Ok(()) => tracing::info!(count = total, "erased the content of requests whose time is over"),
            Err(error) => tracing::warn!(%error, count = total, "cannot erase the content of requests"),
        }
    }
}

/// Ends when the store does: after an I/O error nothing can be trusted until the process is started again.
async fn broken(store: &Store, manager: &Manager) {
    let mut period = interval(HEALTH_PERIOD);
    while store.health().writable {
        period.tick().await;
        // What the store says of its room it logs itself; that it does not say is no reason to end.
        let _ = store.look_at_space().await;
        manager.alive();
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
