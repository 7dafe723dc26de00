//! A store with messages to send, receivers that play any answer, and carriers that tests hold in their hands.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use usher_delivery::{Carrier, Dispatcher, HttpCarrier, Parts, Resolve, Resolving};
use usher_domain::receipt::DigestKey;
use usher_domain::webhook::{Secret, Signature};
use usher_storage::{
    ApplicationId, Audit, Change, Commit, Content, Environment, Held, Millis, Mode, NewDelivery, NewDocument,
    NewMessage, NewWebhook, Options, Outcome, Outgoing, PARTNER, PartnerId, Payload, Record, Reply, Scope, Store,
    WebhookSecret, Write,
};
use uuid::Uuid;

/// The time when a test begins.
pub(crate) const NOW: Millis = 1_800_000_000_000;
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// What no log line and no error may hold.
pub(crate) const PERSON: &str = "Testname";

const SCOPE: Scope = Scope {
    partner: PartnerId(Uuid::from_u128(1)),
    application: ApplicationId(Uuid::from_u128(2)),
    environment: Environment::Production,
};
pub(crate) const APPLICATION: &str = "018f3c6e-7a10-4d2b-9c55-0a1b2c3d4e5f";

/// A store, and a clock that stands still until it is moved.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) clock: Arc<AtomicI64>,
    version: Mutex<Option<u32>>,
    next: AtomicU64,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path(), &Options::default()).unwrap();
        let changes = vec![
            Change::Partner { id: SCOPE.partner, name: "A partner".to_owned(), at: NOW },
            Change::Application {
                id: SCOPE.application,
                partner: SCOPE.partner,
                public_id: APPLICATION.to_owned(),
                name: "An application".to_owned(),
                mode: Mode::Strict,
                at: NOW,
            },
        ];
        store.administer(changes, audit()).await.unwrap();
        let clock = Arc::new(AtomicI64::new(NOW));
        House { store, clock, version: Mutex::new(None), next: AtomicU64::new(1), _folder: folder }
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn set_time(&self, at: Millis) {
        self.clock.store(at, Ordering::SeqCst);
    }

    pub(crate) fn dispatcher<C: Carrier>(&self, carrier: C) -> Dispatcher<C> {
        let clock = self.clock.clone();
        let parts = Parts {
            store: self.store.clone(),
            carrier,
            digests: Arc::new(DigestKey::new([7; 32])),
            lease: LEASE,
            clock: Arc::new(move || clock.load(Ordering::SeqCst)),
            random: random(),
        };
        Dispatcher::new(parts).unwrap()
    }

    /// Makes a secret of an owner in production.
    pub(crate) async fn secret(&self, owner: &str, signature: Signature) -> Secret {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let secret = Secret::draw(signature, &mut |bytes: &mut [u8]| bytes.fill(u8::try_from(number % 250).unwrap()));
        let stored = WebhookSecret {
            id: Uuid::from_u128(u128::from(number)),
            owner: format!("production/{owner}"),
            signature: signature.as_str().to_owned(),
            public_key: secret.public_text(),
            created_at: self.now(),
            ends_at: None,
            secret: Content::from(secret.to_text().as_bytes().to_vec()),
        };
        let sealed = self.store.seal_webhook_secret(stored).unwrap();
        self.store.administer(vec![Change::WebhookSecret(sealed)], audit()).await.unwrap();
        secret
    }

    /// Applies a document with these destinations, each the members of a JSON object.
    pub(crate) async fn apply(&self, destinations: &[String]) {
        let member = r#""environment":"production","signature":"hmac","allow":["127.0.0.0/8"]"#;
        let all: Vec<String> = destinations.iter().map(|members| format!("{{{member},{members}}}")).collect();
        let partners = r#""partners":{"allow":["127.0.0.0/8"]}"#;
        let content = format!(r#"{{"destinations":[{}],{partners}}}"#, all.join(",")).into_bytes();
        let document = NewDocument {
            kind: "destinations".to_owned(),
            name: "destinations".to_owned(),
            content,
            digest: [0; 32],
            at: NOW,
            by: "operator".to_owned(),
        };
        let before = *self.version.lock().unwrap();
        let version = self.store.put_document(document, before).await.unwrap();
        *self.version.lock().unwrap() = Some(version);
    }

    /// One destination that is sent to a URL, with a secret.
    pub(crate) async fn send_to(&self, name: &str, url: &str) -> Secret {
        let secret = self.secret(name, Signature::Hmac).await;
        self.apply(&[members(name, url)]).await;
        secret
    }

    pub(crate) async fn webhook(&self, url: &str) {
        let webhook = NewWebhook {
            application: SCOPE.application,
            environment: Environment::Production,
            url: url.to_owned(),
            signature: "ed25519".to_owned(),
            created_at: NOW,
        };
        self.store.administer(vec![Change::Webhook(webhook)], audit()).await.unwrap();
    }

    /// A request for these destinations, and what is known of it.
    pub(crate) async fn accept(&self, destinations: &[&str]) -> Uuid {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let record = record(number, self.now());
        let id = record.id;
        let part = |name: &'static str, text: String| {
            Write::Payload(Payload { record: id, part: name.into(), body: Content::from(text.into_bytes()) })
        };
        let public_id = record.public_id;
        let mut writes = vec![
            Write::Record(Box::new(record)),
            part("request", format!(r#"{{"person":{{"surname":"{PERSON}"}},"number":{number}}}"#)),
            part("phone", "+420601123456".to_owned()),
        ];
        for destination in destinations {
            let destination = (*destination).to_owned();
            let promised_at = Some(self.now() + 3_600_000);
            writes.push(Write::Delivery(NewDelivery {
                record: id,
                destination: destination.clone().into(),
                promised_at,
            }));
            writes.push(message(id, destination.clone(), "request.accepted", destination, self.now()));
        }
        self.commit(writes).await;
        public_id
    }

    /// Tells the application of the status of a new request.
    pub(crate) async fn tell_application(&self) -> Uuid {
        let public_id = self.accept(&["bank"]).await;
        let record = self.store.record(&SCOPE, public_id).await.unwrap().unwrap().id;
        let told = message(record, PARTNER.to_owned(), "status.changed", "bank".to_owned(), self.now());
        self.commit(vec![told]).await;
        public_id
    }

    async fn commit(&self, writes: Vec<Write>) {
        let reply = Reply { status: 200, content_type: "".into(), location: None, body: Content::from(Vec::new()) };
        let commit = Commit { scope: SCOPE, now: self.now(), idempotency: None, conditions: Vec::new(), writes, reply };
        assert!(matches!(self.store.commit(commit).await, Ok(Outcome::Committed(_))));
    }

    pub(crate) async fn in_state(&self, state: Held) -> Vec<Outgoing> {
        self.store.outgoing(state, Environment::Production, None, 0, 10_000).await.unwrap()
    }

    pub(crate) async fn acknowledged(&self, request: Uuid) -> Vec<Option<Millis>> {
        let record = self.store.record(&SCOPE, request).await.unwrap().unwrap();
        let deliveries = self.store.record_deliveries(&SCOPE, vec![record.id]).await.unwrap();
        deliveries.into_iter().map(|delivery| delivery.acknowledged_at).collect()
    }
}

/// Numbers that repeat from run to run: SplitMix64.
pub(crate) fn random() -> Arc<dyn Fn() -> u64 + Send + Sync> {
    let state = AtomicU64::new(7);
    Arc::new(move || {
        let state = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

fn audit() -> Audit {
    Audit { actor: "operator".to_owned(), at: NOW }
}

/// The members of a destination.
pub(crate) fn members(name: &str, url: &str) -> String {
    format!(r#""name":"{name}","url":"{url}""#)
}

fn message(record: Uuid, to: String, event: &'static str, about: String, due_at: Millis) -> Write {
    Write::Message(NewMessage {
        record,
        destination: to.into(),
        event: event.into(),
        delivery: Some(about.into()),
        due_at,
    })
}

fn record(number: u64, at: Millis) -> Record {
    Record {
        id: Uuid::from_u128(u128::from(number)),
        public_id: Uuid::from_u128(u128::MAX - u128::from(number)),
        api: "contact_request".into(),
        version: 1,
        operation: "submitContactRequest".into(),
        contract_version: "1.0.0".into(),
        partner_reference: Some("order-7".to_owned()),
        campaign: None,
        source: None,
        sub_partner: None,
        received_at: at,
        status: "NEW".into(),
        payload_hash: [9; 32],
        salt: None,
        durability: "single-disk".into(),
        warnings: r#"[{"pointer":"/person","code":"unverified","message":"could not be verified"}]"#.into(),
        correlation_id: Uuid::from_u128(99),
        process_id: None,
        product: "mortgage".into(),
        products_version: 3,
        lists: "[]".into(),
        person: None,
    }
}

/// A request as a receiver got it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What a receiver does once it has a request.
#[derive(Clone)]
pub(crate) enum Play {
    /// Answers, and takes the next request.
    Answer(Vec<u8>),
    /// Answers with a beginning and says nothing more.
    Hold(Vec<u8>),
    /// Answers with a beginning, then the same bytes for as long as anybody listens.
    Endless(Vec<u8>, Vec<u8>),
    /// Resets the connection.
    Reset,
}

/// An answer without a body.
pub(crate) fn status(line: &str, headers: &str) -> Play {
    Play::Answer(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n{headers}\r\n").into_bytes())
}

/// A receiver on loopback.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    /// Bytes that an endless answer could place.
    pub(crate) placed: Arc<AtomicU64>,
}

impl Receiver {
    pub(crate) async fn start(play: Play) -> Receiver {
        Receiver::over(None, play).await
    }

    /// A receiver that speaks TLS with this certificate.
    pub(crate) async fn tls(certificate: &Certificate, play: Play) -> Receiver {
        Receiver::over(Some(certificate.acceptor()), play).await
    }

    async fn over(tls: Option<TlsAcceptor>, play: Play) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (received, placed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
        let (all, count) = (received.clone(), placed.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (play, all, count, tls) = (play.clone(), all.clone(), count.clone(), tls.clone());
                tokio::spawn(async move {
                    // That whoever called has gone is what some of these receivers are for.
                    let _ = match tls {
                        None => serve(stream, &play, &all, &count).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &play, &all, &count).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        Receiver { address, received, placed }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/in?from=usher", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// What can be reset.
trait Linger {
    fn reset_on_drop(&self);
}

impl Linger for TcpStream {
    fn reset_on_drop(&self) {
        self.set_zero_linger().unwrap();
    }
}

impl Linger for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset_on_drop(&self) {
        self.get_ref().0.reset_on_drop();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Linger + Unpin,
    play: &Play,
    received: &Mutex<Vec<Received>>,
    placed: &AtomicU64,
) -> io::Result<()> {
    while let Some(request) = read(&mut stream).await? {
        received.lock().unwrap().push(request);
        match play {
            Play::Answer(bytes) => stream.write_all(bytes).await?,
            Play::Hold(bytes) => {
                stream.write_all(bytes).await?;
                // Until the other side has enough of it.
                return stream.read(&mut [0]).await.map(drop);
            }
            Play::Endless(bytes, more) => {
                stream.write_all(bytes).await?;
                loop {
                    stream.write_all(more).await?;
                    placed.fetch_add(more.len() as u64, Ordering::SeqCst);
                }
            }
            Play::Reset => {
                stream.reset_on_drop();
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The next request of a connection.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Received>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        // What is no request, such as a handshake of TLS, ends the connection.
        if stream.read_buf(&mut bytes).await? == 0 || bytes[0] != b'P' {
            return Ok(None);
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
    let length: usize = headers["content-length"].parse().unwrap();
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Received { target, headers, body }))
}

/// A certificate of a receiver, signed by itself or by an authority.
pub(crate) struct Certificate {
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: Vec<u8>,
    /// What whoever trusts it has to trust.
    pub(crate) trusted: String,
}

impl Certificate {
    /// One for a name, signed by an authority of its own, valid from 2020 to the end of a year.
    pub(crate) fn new(name: &str, end_year: i32) -> Certificate {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let trusted = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let mut own = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        own.not_before = rcgen::date_time_ymd(2020, 1, 1);
        own.not_after = rcgen::date_time_ymd(end_year, 12, 31);
        let certificate = own.signed_by(&key, &issuer).unwrap();
        Certificate { chain: vec![certificate.der().clone()], key: key.serialize_der(), trusted }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.clone()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Names that only a test knows; what it does not know has no address.
pub(crate) struct Names(pub(crate) BTreeMap<&'static str, Vec<&'static str>>);

impl Resolve for Names {
    fn resolve<'r>(&'r self, host: &'r str, port: u16) -> Resolving<'r> {
        let found = self
            .0
            .get(host)
            .map(|addresses| addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect());
        Box::pin(async move { found.ok_or_else(|| io::Error::other("unknown")) })
    }
}

/// A carrier that knows no names but `localhost`.
pub(crate) fn http() -> HttpCarrier {
    HttpCarrier::new(Box::new(Names(BTreeMap::from([("localhost", vec!["127.0.0.1"])]))))
}
