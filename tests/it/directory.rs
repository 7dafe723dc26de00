//! The data folder of a stopped gateway, opened from outside: partners are added, and what was stored is looked at.

use std::path::Path;

use tokio::runtime::Runtime;
use usher_domain::hex;
use usher_domain::key::{ApiKey, BankKey, Key as _, Pepper};
use usher_storage::{
    ApplicationId, Audit, Change, Commit, Environment, Mode, NewBankUser, NewDelivery, NewDocument, NewKey, NewMessage,
    Options, PartnerId, Payload, Record, Reply, Scope, Store, Write,
};
use uuid::Uuid;

use usher_testkit::random::Random;

/// An open data folder.
pub(crate) struct Directory {
    store: Store,
    pepper: Pepper,
    runtime: Runtime,
    random: Random,
}

/// What an application's developer is given.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) key: String,
    pub(crate) app_key: String,
}

impl Directory {
    /// Opens the folder, which no gateway may be using.
    pub(crate) fn open(folder: &Path) -> Self {
        let pepper = std::fs::read_to_string(folder.join("pepper.key")).unwrap();
        let pepper = hex::decode(pepper.trim().rsplit(' ').next().unwrap()).unwrap();
        Directory {
            store: Store::open(folder, &Options::default()).unwrap(),
            pepper: Pepper::new(pepper),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            random: Random(usher_testkit::random::seed()),
        }
    }

    /// What a key opens.
    pub(crate) fn scope(&self, key: &str) -> Scope {
        let selector = ApiKey::parse(key).unwrap().selector().to_owned();
        self.runtime.block_on(self.store.key(selector)).unwrap().unwrap().scope
    }

    /// Adds a partner with one sandbox application that may call everything.
    pub(crate) fn add_partner(&mut self, mode: Mode) -> Issued {
        let partner = PartnerId(self.id());
        let change = Change::Partner { id: partner, name: "Another partner".to_owned(), at: 0 };
        self.runtime.block_on(self.store.administer(vec![change], audit())).unwrap();
        self.add_application(partner, mode)
    }

    /// Adds a sandbox application of a partner that may call everything.
    pub(crate) fn add_application(&mut self, partner: PartnerId, mode: Mode) -> Issued {
        self.add_application_in(Environment::Sandbox, partner, mode)
    }

    /// Adds a production application of a partner that may call everything.
    pub(crate) fn add_production(&mut self, partner: PartnerId) -> Issued {
        self.add_application_in(Environment::Production, partner, Mode::Strict)
    }

    fn add_application_in(&mut self, environment: Environment, partner: PartnerId, mode: Mode) -> Issued {
        let (id, app_key) = (ApplicationId(self.id()), self.id().to_string());
        let kind = match environment {
            Environment::Sandbox => usher_domain::environment::Environment::Sandbox,
            Environment::Production => usher_domain::environment::Environment::Production,
        };
        let key = ApiKey::draw(kind, &mut self.fill());
        let name = "Another application".to_owned();
        let mut changes = vec![
            Change::Application { id, partner, public_id: app_key.clone(), name, mode, at: 0 },
            Change::Key(NewKey {
                selector: key.selector().to_owned(),
                mac: *self.pepper.mac(&key).as_bytes(),
                application: id,
                environment,
                created_at: 0,
                expires_at: None,
            }),
        ];
        for api in ["contact_request", "appointment_request", "digital_customer"] {
            changes.push(Change::Subscription { application: id, api: api.into(), environment, at: 0 });
        }
        self.runtime.block_on(self.store.administer(changes, audit())).unwrap();
        Issued { key: key.reveal().to_owned(), app_key }
    }

    /// Adds a user of the bank, and gives its key.
    pub(crate) fn add_bank_user(
        &mut self,
        role: &str,
        destination: Option<&str>,
        environments: &[Environment],
    ) -> Issued {
        let key = BankKey::draw(&mut self.fill());
        let user = NewBankUser {
            id: self.id(),
            name: format!("{role} of the tests"),
            role: role.to_owned(),
            destination: destination.map(str::to_owned),
            environments: environments.to_vec(),
            selector: key.selector().to_owned(),
            mac: *self.pepper.mac(&key).as_bytes(),
            created_at: 0,
            expires_at: None,
        };
        self.runtime.block_on(self.store.administer(vec![Change::BankUser(user)], audit())).unwrap();
        Issued { key: key.reveal().to_owned(), app_key: String::new() }
    }

    /// Puts products in force, as of the next start.
    pub(crate) fn put_products(&mut self, document: &str) {
        let content = document.as_bytes().to_vec();
        let document = NewDocument {
            kind: "products".to_owned(),
            name: "products".to_owned(),
            digest: std::array::from_fn(|_| self.random.below(256) as u8),
            content,
            at: 0,
            by: "test".to_owned(),
        };
        self.runtime.block_on(async {
            let before = self.store.document("products", "products", None).await.unwrap();
            let before = before.map(|before| before.meta.version);
            self.store.put_document(document, before).await.unwrap();
        });
    }

    /// The stored body of a request, by the id in its receipt.
    pub(crate) fn body(&self, scope: &Scope, receipt: &str) -> String {
        let record = self.runtime.block_on(self.store.record(scope, receipt.parse().unwrap())).unwrap().unwrap();
        let body = self.runtime.block_on(self.store.payload(scope, record.id, "request")).unwrap().unwrap();
        String::from_utf8(body.into_vec()).unwrap()
    }

    /// Adds a record like the one of a receipt, at one destination, of which neither warnings nor lists nor body are what
    /// they were written as.
    pub(crate) fn add_damaged(&self, scope: &Scope, receipt: &str, destination: &'static str) -> String {
        let like = self.runtime.block_on(self.store.record(scope, receipt.parse().unwrap())).unwrap().unwrap();
        // Ids of records rise with time, public ones tell nothing.
        let id = Uuid::from_u128(like.id.as_u128() + 1);
        let public_id = Uuid::from_u128(like.public_id.as_u128() ^ 1);
        let damaged = Record { id, public_id, warnings: "?".into(), lists: "?".into(), ..like };
        let now = damaged.received_at;
        let message = NewMessage {
            record: id,
            destination: destination.into(),
            event: "request.accepted".into(),
            delivery: Some(destination.into()),
            due_at: now,
        };
        let commit = Commit {
            scope: *scope,
            now,
            idempotency: None,
            conditions: Vec::new(),
            writes: vec![
                Write::Record(Box::new(damaged)),
                Write::Payload(Payload { record: id, part: "request".into(), body: b"\xff".to_vec().into() }),
                Write::Delivery(NewDelivery { record: id, destination: destination.into(), promised_at: None }),
                Write::Message(message),
            ],
            reply: Reply { status: 201, content_type: "".into(), location: None, body: Vec::new().into() },
        };
        self.runtime.block_on(self.store.commit(commit)).unwrap();
        public_id.to_string()
    }

    fn fill(&mut self) -> impl FnMut(&mut [u8]) {
        let random = &mut self.random;
        |bytes: &mut [u8]| bytes.iter_mut().for_each(|byte| *byte = random.below(256) as u8)
    }

    fn id(&mut self) -> Uuid {
        let word = |random: &mut Random| random.below(1 << 30) as u128;
        let bits = (0..5).fold(0, |bits, _| bits << 30 | word(&mut self.random));
        Uuid::from_u128(bits)
    }
}

fn audit() -> Audit {
    Audit { actor: "test".to_owned(), at: 0 }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.store.close();
    }
}
