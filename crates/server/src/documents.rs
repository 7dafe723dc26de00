//! Code lists and destinations as the store keeps them, and the gateway's copy in memory: read at start, and again when
//! one was imported.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use usher_domain::reference::Reference;
use usher_domain::reference::form::{self, Given};
use usher_domain::reference::list::CodeList;
use usher_storage::{Document, DocumentMeta, Store, StoreError};

use crate::gateway::Gateway;
use crate::platform;

/// Kind of the documents that hold code lists.
pub(crate) const LIST: &str = "list";

/// How often it is looked whether there is something new.
const PERIOD: Duration = Duration::from_secs(1);

/// What is in memory of one stored version.
struct Held {
    name: String,
    version: u32,
    list: Arc<CodeList>,
}

/// Reads the code lists and destinations that are there, then again whenever a document was stored, for as long as the gateway runs.
pub async fn follow(gateway: Arc<Gateway>) {
    let mut held = Vec::new();
    let mut seen = None;
    let mut timer = interval(PERIOD);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        match gateway.store.documents_generation().await {
            Ok(generation) if seen != Some(generation) => match refresh(&gateway, &mut held).await {
                Ok(()) => seen = Some(generation),
                Err(error) => tracing::error!(%error, "code lists and destinations cannot be read"),
            },
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "it is not known whether code lists or destinations changed"),
        }
    }
}

/// Reads the code lists and destinations that are there. Done before the first request is taken.
///
/// # Errors
/// The store cannot be read.
pub async fn load(gateway: &Gateway) -> Result<(), StoreError> {
    refresh(gateway, &mut Vec::new()).await
}

async fn refresh(gateway: &Gateway, held: &mut Vec<Held>) -> Result<(), StoreError> {
    let mut metas = gateway.store.documents().await?;
    metas.retain(|meta| meta.kind == LIST);
    let mut lists: Vec<Held> = Vec::new();
    // Newest first. An older version counts only until a newer one comes into force, so without such a one it is not held.
    for meta in metas.iter().rev() {
        let newer = lists.iter().filter(|newer| newer.name == meta.name).map(|newer| newer.list.about().valid);
        let is_replaced = newer.into_iter().any(|valid| valid.from.is_none() && valid.to.is_none());
        if is_replaced {
            continue;
        }
        let known = held.iter().find(|known| known.name == meta.name && known.version == meta.version);
        let list = match known {
            Some(known) => Some(known.list.clone()),
            None => read(&gateway.store, meta).await?,
        };
        if let Some(list) = list {
            lists.push(Held { name: meta.name.clone(), version: meta.version, list });
        }
    }
    gateway.put_destinations(platform::destinations::in_force(&gateway.store).await?);
    gateway.put_reference(Reference::new(lists.iter().map(|held| held.list.clone()).collect()));
    *held = lists;
    Ok(())
}

/// The list of a stored version. One that this program cannot read was stored by another; it is told of and left out.
async fn read(store: &Store, meta: &DocumentMeta) -> Result<Option<Arc<CodeList>>, StoreError> {
    let Some(document) = store.document(LIST, &meta.name, Some(meta.version)).await? else { return Ok(None) };
    let parsed = tokio::task::spawn_blocking(move || parse(&document)).await.ok().flatten();
    if parsed.is_none() {
        tracing::error!(name = meta.name, version = meta.version, "a stored code list cannot be read");
    }
    Ok(parsed)
}

fn parse(document: &Document) -> Option<Arc<CodeList>> {
    let text = std::str::from_utf8(&document.content).ok()?;
    form::read(text, &Given::default(), &mut |_, _| ()).ok().map(Arc::new)
}
