//! A gateway with a store in a folder of its own, one partner and its keys, behind a real listener.

use std::cell::Cell;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use usher_contract::register::v1::{Address, Person};
use usher_domain::environment::Environment;
use usher_domain::key::{ApiKey, Pepper};
use usher_domain::products::Products;
use usher_domain::receipt::DigestKey;
use usher_domain::register::Finding;
use usher_domain::signature::{SigningKey, SigningKeys};
use usher_storage::{ApplicationId, Audit, Change, Mode, NewKey, Options, PartnerId, Store};
use usher_wire::{Personal, Unknown};
use uuid::Uuid;

use crate::accept::{Listener, Transport};
use crate::gateway::{Gateway, Parts};
use crate::limits::Limits;
use crate::random;
use crate::register::{IdentityRegister, LookingUp, RegisterUnavailable, Registers};

pub(crate) const PARTNER: Uuid = Uuid::from_u128(0x0a11ce00_0000_4000_8000_000000000001);
const APPLICATION: Uuid = Uuid::from_u128(0x0a11ce00_0000_4000_8000_000000000002);

/// The id of the application in bodies, as the examples of the contract spell it.
pub(crate) const APP_KEY: &str = "00000000-0000-4000-8000-000000000001";

thread_local! {
    static HOURS_AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// Lets the gateway of this test believe that it is later by so many hours.
pub(crate) fn move_clock(hours: i64) {
    HOURS_AHEAD.set(hours);
}

fn clock() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(HOURS_AHEAD.get())
}

/// A running gateway.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    /// A sandbox key of a strict application that is subscribed to `test`.
    pub(crate) key: String,
    /// Its selector.
    pub(crate) selector: String,
    _folder: TempDir,
}

fn pepper() -> Pepper {
    Pepper::new([1; 32])
}

impl World {
    /// Starts `router` over a gateway with these limits.
    pub(crate) async fn start(limits: Limits, router: impl FnOnce(&Arc<Gateway>) -> Router) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), &Options::default()).expect("a store");
        let partner = Partner { id: PARTNER, application: APPLICATION, app_key: APP_KEY, mode: Mode::Strict };
        let key = add_partner(&store, &partner).await;
        let gateway = Gateway::new(Parts {
            store: store.clone(),
            pepper: pepper(),
            digests: Arc::new(DigestKey::new([2; 32])),
            signing: SigningKeys::new(SigningKey::new(&[3; 32]), Vec::new()),
            environments: vec![Environment::Sandbox],
            products: Products::built_in(),
            registers: Registers { sandbox: Arc::new(Register), production: None },
            sandbox_step: Duration::ZERO,
            limits: limits.clone(),
            clock,
        });
        let listener =
            Listener::bind(([127, 0, 0, 1], 0).into(), Transport::Loopback, limits).await.expect("a free port");
        let address = listener.address();
        tokio::spawn(listener.serve(router(&Arc::new(gateway)), std::future::pending()));
        let (selector, key) = (key.selector().to_owned(), key.reveal().to_owned());
        World { address, store, key, selector, _folder: folder }
    }

    /// Adds a key of the same application.
    pub(crate) async fn add_key(&self, environment: Environment, expires_at: Option<i64>) -> ApiKey {
        let key = ApiKey::draw(environment, &mut random::fill);
        let new = NewKey {
            selector: key.selector().to_owned(),
            mac: *pepper().mac(&key).as_bytes(),
            application: ApplicationId(APPLICATION),
            environment: match environment {
                Environment::Sandbox => usher_storage::Environment::Sandbox,
                Environment::Production => usher_storage::Environment::Production,
            },
            created_at: 0,
            expires_at,
        };
        self.store.administer(vec![Change::Key(new)], audit()).await.expect("a new key fits");
        key
    }

    /// Sends `text` on a connection of its own and returns all that comes back until the server closes it.
    pub(crate) async fn send(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the listener accepts");
        let received = timeout(Duration::from_secs(10), async {
            // The server may answer and close before it was sent everything.
            let _ = stream.write_all(text.as_bytes()).await;
            let mut received = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut piece).await {
                received.extend_from_slice(&piece[..count]);
            }
            received
        });
        String::from_utf8(received.await.expect("the server closes the connection")).expect("an answer in UTF-8")
    }

    /// Posts `body` as JSON with the key and further header lines.
    pub(crate) async fn post(&self, path: &str, lines: &str, body: &str) -> String {
        self.call("POST", path, &self.key, lines, body).await
    }

    /// Calls with a key, further header lines and a JSON body.
    pub(crate) async fn call(&self, method: &str, path: &str, key: &str, lines: &str, body: &str) -> String {
        let length = body.len();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-api-key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
        ))
        .await
    }
}

/// A register in which the last digit of the number decides: 2 is unknown, 4 has died, 6 is down.
struct Register;

impl IdentityRegister for Register {
    fn look_up<'r>(&'r self, national_id: &'r Personal<String>, _correlation_id: &'r str) -> LookingUp<'r> {
        let text = |text: &str| Personal::new(text.to_owned());
        let answer = match national_id.expose().chars().last() {
            Some('2') => Ok(Finding::NotFound),
            Some('4') => Ok(Finding::Deceased),
            Some('6') => Err(RegisterUnavailable { retry_after: Duration::from_millis(2001) }),
            _ => Ok(Finding::Found(Box::new(Person {
                forename: text("DENİZ"),
                surname: text("ÖRNEK"),
                birth_date: text("1990-05-17"),
                address: Address {
                    city: text("ANKARA"),
                    town: text("ÇANKAYA"),
                    detail: text("Örnek Mah."),
                    unknown: Unknown::default(),
                },
                unknown: Unknown::default(),
            }))),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// A partner with one application that is subscribed to everything but `other`.
pub(crate) struct Partner {
    pub(crate) id: Uuid,
    pub(crate) application: Uuid,
    pub(crate) app_key: &'static str,
    pub(crate) mode: Mode,
}

/// Stores a partner and returns its sandbox key.
pub(crate) async fn add_partner(store: &Store, partner: &Partner) -> ApiKey {
    let key = ApiKey::draw(Environment::Sandbox, &mut random::fill);
    let application = ApplicationId(partner.application);
    let environment = usher_storage::Environment::Sandbox;
    let mut changes = vec![
        Change::Partner { id: PartnerId(partner.id), name: "Partner".to_owned(), at: 0 },
        Change::Application {
            id: application,
            partner: PartnerId(partner.id),
            public_id: partner.app_key.to_owned(),
            name: "Application".to_owned(),
            mode: partner.mode,
            at: 0,
        },
        Change::Key(NewKey {
            selector: key.selector().to_owned(),
            mac: *pepper().mac(&key).as_bytes(),
            application,
            environment,
            created_at: 0,
            expires_at: None,
        }),
    ];
    for api in ["test", "contact_request", "appointment_request", "digital_customer"] {
        changes.push(Change::Subscription { application, api: api.into(), environment, at: 0 });
    }
    store.administer(changes, audit()).await.expect("the store takes a partner");
    key
}

/// Everything this thread logs, at every level.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Begins to keep what this thread logs until the guard is dropped.
    pub(crate) fn keep() -> (Log, DefaultGuard) {
        let log = Log::default();
        let subscriber =
            tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic while writing").clone()).expect("log lines in UTF-8")
    }

    /// The fields of the lines that tell of a request.
    pub(crate) fn requests(&self) -> Vec<serde_json::Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a JSON line"));
        lines.map(|line| line["fields"].clone()).filter(|fields| fields["message"] == "request").collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Log;

    fn make_writer(&'w self) -> Log {
        self.clone()
    }
}

/// Who changes the directory in tests.
pub(crate) fn audit() -> Audit {
    Audit { actor: "test".to_owned(), at: 0 }
}
