//! Code lists: taken in whole or not at all, each version kept.

use usher_contract::platform::v1::{ListImport, StoredList, StoredLists};
use usher_domain::reference::form::{self, BUILTIN_PREFIX, Given};
use usher_domain::reference::problem::Problems;
use usher_storage::{DocumentMeta, NewDocument};
use usher_wire::{Parsed, Unknown, Violation, Violations, to_json};

use super::OperatorCall;
use crate::documents::{self, LIST};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::receipt;

/// Puts a list in force, for every request that is judged from now on.
pub(super) async fn import(call: &OperatorCall, body: Parsed<ListImport>) -> Result<Answer, Fault> {
    let (import, _) = body.into_result().map_err(Fault::Violated)?;
    let text = import.into_inner().content;
    // A large file keeps a processor busy for a while.
    let read = tokio::task::spawn_blocking(move || form::read(&text, &Given::default(), &mut |_, _| ()));
    let list = read.await.map_err(|_| Fault::Internal)?.map_err(|problems| Fault::Violated(told(&problems)))?;
    let about = list.about();
    if about.name.starts_with(BUILTIN_PREFIX) {
        return Err(violated("list_invalid", "names that begin with sandbox_ are those of lists that ship".to_owned()));
    }
    let content = form::write(&list).into_bytes();
    let store = &call.gateway.store;
    let digest = *call.gateway.digests.fingerprint(LIST, &content).as_bytes();
    let mut previous = None;
    for meta in versions(call, Some(&about.name)).await? {
        previous = previous.max(Some(meta.version));
        if meta.digest == digest && previous == Some(meta.version) {
            return Ok(call.answer(to_json(&shown(call, &meta).await?)));
        }
        if head(call, &meta).await?.version == about.version {
            let message =
                format!("there is another content of version {}: give this one a version of its own", about.version);
            return Err(violated("list_version_taken", message));
        }
    }
    let (name, by) = (about.name.clone(), call.known.name.clone());
    let new = NewDocument { kind: LIST.to_owned(), name, content, digest, at: call.now.as_millisecond(), by };
    let number = store.put_document(new, previous).await?;
    documents::load(&call.gateway).await?;
    let stored = versions(call, Some(&about.name)).await?.into_iter().find(|meta| meta.version == number);
    Ok(call.answer(to_json(&shown(call, &stored.ok_or(Fault::Internal)?).await?)))
}

/// Lists what is in the store.
pub(super) async fn list(call: &OperatorCall, name: Option<&str>) -> Result<Answer, Fault> {
    let mut lists = Vec::new();
    for meta in versions(call, name).await? {
        lists.push(shown(call, &meta).await?);
    }
    Ok(call.answer(to_json(&StoredLists { lists, unknown: Unknown::default() })))
}

/// The versions of one list or of all, by name, the newest first.
async fn versions(call: &OperatorCall, name: Option<&str>) -> Result<Vec<DocumentMeta>, Fault> {
    let mut metas = call.gateway.store.documents().await?;
    metas.retain(|meta| meta.kind == LIST && name.is_none_or(|name| meta.name == name));
    metas.sort_by(|a, b| (&a.name, b.version).cmp(&(&b.name, a.version)));
    Ok(metas)
}

/// What a stored version says of itself.
async fn head(call: &OperatorCall, meta: &DocumentMeta) -> Result<usher_domain::reference::list::About, Fault> {
    let document = call.gateway.store.document(LIST, &meta.name, Some(meta.version)).await?.ok_or(Fault::Internal)?;
    Ok(form::about(&String::from_utf8_lossy(&document.content)))
}

async fn shown(call: &OperatorCall, meta: &DocumentMeta) -> Result<StoredList, Fault> {
    let about = head(call, meta).await?;
    let told = |text: String| (!text.is_empty()).then_some(text);
    Ok(StoredList {
        name: meta.name.clone(),
        number: meta.version.into(),
        version: about.version,
        title: told(about.title),
        subject: about.subject.map(|subject| subject.as_str().to_owned()),
        valid_from: about.valid.from.map(|day| day.to_string()),
        valid_to: about.valid.to.map(|day| day.to_string()),
        source: told(about.source),
        licence: told(about.licence),
        credit: told(about.credit),
        bytes: meta.bytes.into(),
        imported_at: receipt::time(meta.created_at),
        imported_by: meta.created_by.clone(),
        unknown: Unknown::default(),
    })
}

/// Every mistake of the text as a violation of its own.
fn told(problems: &Problems) -> Violations {
    let list = problems.list.iter().map(|problem| violation("list_invalid", problem.to_string())).collect();
    Violations { list, truncated: problems.more > 0 }
}

fn violated(code: &'static str, message: String) -> Fault {
    Fault::Violated(Violations { list: vec![violation(code, message)], truncated: false })
}

fn violation(code: &'static str, message: String) -> Violation {
    Violation { pointer: "/content".to_owned(), code, message: message.into(), limit: None, schema: "", keyword: "" }
}
