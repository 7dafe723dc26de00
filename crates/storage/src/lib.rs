//! Durable storage: records, sealed payloads, idempotency, onboarding flows, deliveries and messages, the ledger,
//! documents, and the directory of partners.
//!
//! This crate knows bytes and states, not fields: it depends on no contract and decides no rule. Time, ids and digests
//! are passed in by the caller; only nonces are made here. [`Store`] is the handle everybody uses; behind it stands an
//! [`Engine`] of a few coarse commands, today SQLite.

mod delivery;
mod directory;
mod document;
mod engine;
mod error;
mod folder;
mod hex;
mod key_file;
mod ledger;
mod message;
mod model;
mod readers;
mod running;
mod seal;
mod space;
mod sqlite;
mod store;
mod webhook;
mod writer;

pub use delivery::{
    BankView, Delivery, DeliveryCursor, DeliveryFilter, DeliveryOrder, DeliveryPage, FirstContact, NewDelivery, Part,
    TimelineEntry,
};
pub use directory::{
    ApplicationEntry, Audit, AuditEntry, BankUserEntry, Change, KeyEntry, KeySummary, Mode, NewBankUser, NewKey,
    PartnerEntry, Subscription,
};
pub use document::{Document, DocumentMeta, NewDocument};
pub use engine::{
    Engine, Extent, PayloadKeys, Reader, SealedCommit, SealedIdempotency, SealedPart, StoredReply, Verdict,
};
pub use error::{Constraint, OpenError, StoreError};
pub use folder::{Folder, free_bytes as volume_free_bytes};
pub use ledger::{Balance, Entry, LedgerFilter, NewEntry};
pub use message::{
    Backlog, Claim, Claimed, Fate, Held, Mark, Marked, Message, MessageFilter, NewMessage, Outgoing, PARTNER, Queue,
    Recipient, Replay, Replayed, SIMULATED_BANK,
};
pub use model::{
    Actor, ApplicationId, Commit, Condition, Content, Cursor, Digest, Environment, Expired, Filter, Flow, FlowExpiry,
    FlowStep, Idempotency, Known, Millis, NewFlow, Outcome, Page, PartnerId, Payload, Record, Reply, ResetCounts,
    Retention, Scope, StatusChange, Write,
};
pub use running::{Running, StillRunning};
pub use seal::{Binding, KeyId, Sealed, Sealer};
pub use space::Room;
pub use sqlite::{Checkpointing, SqliteEngine, backup};
pub use store::{Health, Options, Store};
pub use webhook::{NewWebhook, Webhook, WebhookSecret};
