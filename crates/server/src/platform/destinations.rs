//! The destinations document: which destinations are sent their messages. Each version stays as it was.
//!
//! A destination has one way at a time. One that is taken out of the document is pulled from then on, all that waits for it
//! included: what was given up becomes pending again, so that the change of the way loses nothing.

use std::net::SocketAddr;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use usher_contract::platform::v1::{Destinations as Document, DestinationsHistory, DestinationsVersion};
use usher_contract::shared::CheckResult;
use usher_domain::destinations::{Destinations, KIND, destination_owner};
use usher_domain::environment::Environment;
use usher_domain::network::{Endpoint, Forbidden, Guard};
use usher_storage::{DocumentMeta, Held, NewDocument, Replay, Store, StoreError};
use usher_wire::{Checked, Limits, Mode, Options, Parsed, Unknown, Violation, Violations, parse, to_json};

use super::OperatorCall;
use super::webhooks::live_signatures;
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::receipt;

/// The destinations in force in a store. What another program applied and this one cannot read counts as none: their
/// messages can be pulled, and nothing is lost.
///
/// # Errors
/// The store cannot say.
pub(crate) async fn in_force(store: &Store) -> Result<Destinations, StoreError> {
    let Some(document) = store.document(KIND, KIND, None).await? else { return Ok(Destinations::default()) };
    Ok(Destinations::read(&document.content).unwrap_or_else(|_| {
        tracing::error!("the destinations in force cannot be read");
        Destinations::default()
    }))
}

/// Shows a version, or the one in force.
pub(super) async fn read(call: &OperatorCall, version: Option<i64>) -> Result<Answer, Fault> {
    let wanted = version.map(u32::try_from).transpose().map_err(|_| Fault::NotFound)?;
    let stored = match wanted {
        Some(0) => None,
        wanted => call.gateway.store.document(KIND, KIND, wanted).await?,
    };
    let shown = match stored {
        Some(stored) => {
            DestinationsVersion { document: Some(document(&stored.content)?.into_inner()), ..shown(stored.meta) }
        }
        None if wanted.is_none_or(|wanted| wanted == 0) => DestinationsVersion {
            version: 0,
            applied_at: None,
            applied_by: None,
            document: Some(Document { destinations: Vec::new(), partners: None, unknown: Unknown::default() }),
            unknown: Unknown::default(),
        },
        None => return Err(Fault::NotFound),
    };
    Ok(call.answer(to_json(&shown)))
}

/// Lists all versions, newest first.
pub(super) async fn versions(call: &OperatorCall) -> Result<Answer, Fault> {
    let mut documents = call.gateway.store.documents().await?;
    documents.retain(|meta| meta.kind == KIND);
    let versions = documents.into_iter().rev().map(shown).collect();
    Ok(call.answer(to_json(&DestinationsHistory { versions, unknown: Unknown::default() })))
}

/// Says whether a version could be applied.
pub(super) async fn check(call: &OperatorCall, body: Parsed<Document>) -> Result<Answer, Fault> {
    checked(call, body).await?;
    Ok(call.answer(to_json(&CheckResult::<String> { warnings: Vec::new(), unknown: Unknown::default() })))
}

/// Puts a version in force, for every message that is claimed or pulled from now on.
pub(super) async fn apply(call: &OperatorCall, previous: i64, body: Parsed<Document>) -> Result<Answer, Fault> {
    let previous = u32::try_from(previous).map_err(|_| Fault::NotFound)?;
    let (document, destinations) = checked(call, body).await?;
    let content = to_json(&*document);
    let (at, by) = (call.now.as_millisecond(), call.known.name.clone());
    let new = NewDocument {
        kind: KIND.to_owned(),
        name: KIND.to_owned(),
        digest: *call.gateway.digests.fingerprint(KIND, &content).as_bytes(),
        content,
        at,
        by: by.clone(),
    };
    let store = &call.gateway.store;
    let before = in_force(store).await?;
    let expected = Some(previous).filter(|previous| *previous > 0);
    let version = store.put_document(new, expected).await?;
    for webhook in &before.webhooks {
        if destinations.is_sent(webhook.environment, &webhook.name) {
            continue;
        }
        let replay = Replay {
            state: Held::Parked,
            environment: super::stored(webhook.environment),
            destination: Some(webhook.name.clone()),
            id: None,
            from: None,
            to: None,
            now: at,
            actor: by.clone(),
        };
        store.replay(replay).await?;
    }
    call.gateway.put_destinations(destinations);
    let shown = DestinationsVersion {
        version: version.into(),
        applied_at: Some(receipt::time(at)),
        applied_by: Some(by),
        document: Some(document.into_inner()),
        unknown: Unknown::default(),
    };
    Ok(call.answer(to_json(&shown)))
}

/// The document if it obeys its schema, leads nowhere it may not, and there is something to sign with.
async fn checked(call: &OperatorCall, body: Parsed<Document>) -> Result<(Checked<Document>, Destinations), Fault> {
    let (document, _) = body.into_result().map_err(Fault::Violated)?;
    let destinations = Destinations::of(&document).map_err(Fault::Violated)?;
    let mut violations = Vec::new();
    for (index, webhook) in destinations.webhooks.iter().enumerate() {
        let at = |member: &str| format!("/destinations/{index}/{member}");
        if let Some(forbidden) = forbidden(&webhook.endpoint, &webhook.guard).await {
            violations.push(violation(at("url"), "address_forbidden", forbidden));
        }
        if !webhook.tls_ca.as_deref().is_none_or(are_certificates) {
            violations.push(violation(at("tlsCa"), "certificate_invalid", "must be certificates in PEM form"));
        }
        let owner = destination_owner(webhook.environment, &webhook.name);
        let live = live_signatures(&call.gateway.store, &owner, call.now.as_millisecond()).await?;
        if !live.iter().any(|signature| signature == webhook.signature.as_str()) {
            let message = format!(
                "there is no secret for it: usher admin destination secret {} --environment {} --signature {}",
                webhook.name,
                webhook.environment.as_str(),
                webhook.signature.as_str()
            );
            violations.push(violation(at("signature"), "secret_missing", message));
        }
    }
    if !destinations.partners.tls_ca.as_deref().is_none_or(are_certificates) {
        violations.push(violation("/partners/tlsCa", "certificate_invalid", "must be certificates in PEM form"));
    }
    if violations.is_empty() {
        return Ok((document, destinations));
    }
    Err(Fault::Violated(Violations { list: violations, truncated: false }))
}

/// Why the addresses that a name has now may not be called. A name that has none now may have some later; they are judged
/// at each call.
pub(super) async fn forbidden(endpoint: &Endpoint, guard: &Guard) -> Option<String> {
    if endpoint.literal().is_some() {
        // Judged when it was read.
        return None;
    }
    let found = tokio::net::lookup_host((endpoint.host(), endpoint.port())).await;
    let addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
    match guard.vet(&addresses) {
        Ok(()) | Err(Forbidden::NoAddress) => None,
        Err(forbidden) => Some(format!("{forbidden}; a private network can be allowed by its name (allow)")),
    }
}

fn are_certificates(pem: &str) -> bool {
    let mut roots = RootCertStore::empty();
    let all_read = CertificateDer::pem_slice_iter(pem.as_bytes())
        .all(|certificate| certificate.is_ok_and(|certificate| roots.add(certificate).is_ok()));
    all_read && !roots.is_empty()
}

pub(super) fn violation(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Violation {
    let message = message.into().into();
    Violation { pointer: pointer.into(), code, message, limit: None, schema: "", keyword: "" }
}

/// A document of ours, as the contract's type.
fn document(content: &[u8]) -> Result<Checked<Document>, Fault> {
    let limits = Limits { body_bytes_max: usize::MAX, ..Limits::GATEWAY };
    let options = Options { mode: Mode::Tolerant, limits, facts: None };
    let parsed = parse::<Document>(content, &options).ok().and_then(|parsed| parsed.into_result().ok());
    parsed.map(|(document, _)| document).ok_or_else(|| {
        tracing::error!("a stored version of the destinations cannot be read");
        Fault::Internal
    })
}

fn shown(meta: DocumentMeta) -> DestinationsVersion {
    DestinationsVersion {
        version: meta.version.into(),
        applied_at: Some(receipt::time(meta.created_at)),
        applied_by: Some(meta.created_by),
        document: None,
        unknown: Unknown::default(),
    }
}

/// The destinations of an environment that are sent their messages, by name.
pub(crate) fn sent(destinations: &Destinations, environment: usher_storage::Environment) -> Vec<String> {
    let environment = match environment {
        usher_storage::Environment::Sandbox => Environment::Sandbox,
        usher_storage::Environment::Production => Environment::Production,
    };
    let own = destinations.webhooks.iter().filter(|webhook| webhook.environment == environment);
    own.map(|webhook| webhook.name.clone()).collect()
}
