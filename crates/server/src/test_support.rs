//! A gateway with a store in a folder of its own, one partner and its keys, behind a real listener.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use usher_domain::environment::Environment;
use usher_domain::key::{ApiKey, Pepper};
use usher_domain::receipt::DigestKey;
use usher_storage::{ApplicationId, Change, Mode, NewKey, Options, PartnerId, Store};
use uuid::Uuid;

use crate::accept::{Listener, Transport};
use crate::gateway::{Gateway, Parts};
use crate::limits::Limits;
use crate::random;

pub(crate) const PARTNER: Uuid = Uuid::from_u128(0x0a11ce00_0000_4000_8000_000000000001);

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
    pub(crate) async fn start(limits: Limits, router: impl FnOnce(Arc<Gateway>) -> Router) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), &Options::default()).expect("a store");
        let key = ApiKey::draw(Environment::Sandbox, &mut random::fill);
        let application = ApplicationId(Uuid::from_u128(0x0a11ce00_0000_4000_8000_000000000002));
        let environment = usher_storage::Environment::Sandbox;
        let changes = vec![
            Change::Partner { id: PartnerId(PARTNER), name: "Partner".to_owned(), at: 0 },
            Change::Application {
                id: application,
                partner: PartnerId(PARTNER),
                public_id: "application".to_owned(),
                name: "Application".to_owned(),
                mode: Mode::Strict,
                at: 0,
            },
            Change::Subscription { application, api: "test".into(), environment, at: 0 },
            Change::Key(NewKey {
                selector: key.selector().to_owned(),
                mac: *pepper().mac(&key).as_bytes(),
                application,
                environment,
                created_at: 0,
                expires_at: None,
            }),
        ];
        store.administer(changes).await.expect("an empty store takes a partner");
        let gateway = Gateway::new(Parts {
            store: store.clone(),
            pepper: pepper(),
            digests: DigestKey::new([2; 32]),
            environments: vec![Environment::Sandbox],
            limits: limits.clone(),
            clock: Timestamp::now,
        });
        let listener =
            Listener::bind(([127, 0, 0, 1], 0).into(), Transport::Loopback, limits).await.expect("a free port");
        let address = listener.address();
        tokio::spawn(listener.serve(router(Arc::new(gateway)), std::future::pending()));
        let (selector, key) = (key.selector().to_owned(), key.reveal().to_owned());
        World { address, store, key, selector, _folder: folder }
    }

    /// Adds a key of the same application.
    pub(crate) async fn add_key(&self, environment: Environment, expires_at: Option<i64>) -> ApiKey {
        let key = ApiKey::draw(environment, &mut random::fill);
        let application = ApplicationId(Uuid::from_u128(0x0a11ce00_0000_4000_8000_000000000002));
        let new = NewKey {
            selector: key.selector().to_owned(),
            mac: *pepper().mac(&key).as_bytes(),
            application,
            environment: match environment {
                Environment::Sandbox => usher_storage::Environment::Sandbox,
                Environment::Production => usher_storage::Environment::Production,
            },
            created_at: 0,
            expires_at,
        };
        self.store.administer(vec![Change::Key(new)]).await.expect("a new key fits");
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
        let (key, length) = (&self.key, body.len());
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-api-key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
        ))
        .await
    }
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
