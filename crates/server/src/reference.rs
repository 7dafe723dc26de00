//! The routes of the reference API: the code lists that requests are checked against, for partners to fill their forms from.

use std::borrow::Cow;

use axum::http::HeaderValue;
use axum::http::header::IF_NONE_MATCH;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use usher_contract::reference::v1::operations::{ListReferenceListsParameters, ReadReferenceListParameters, Server};
use usher_contract::reference::v1::{Entry, List, ListPage, Lists};
use usher_domain::hex;
use usher_domain::reference::InForce;
use usher_domain::reference::list::{self, CodeList, Search};
use usher_domain::reference::subject::Subject;
use usher_wire::{Unknown, to_json};

use crate::exchange::{Answer, Call};
use crate::fault::Fault;

const LIMIT_DEFAULT: usize = 100;

/// The caller may keep an answer, but asks each time whether it is still the one.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The API as the contract's server sees it.
pub(crate) struct Reference;

impl Server for Reference {
    type Call = Call;
    type Answer = Result<Answer, Fault>;

    async fn list_reference_lists(
        &self,
        call: &Call,
        _parameters: ListReferenceListsParameters,
    ) -> Result<Answer, Fault> {
        let reference = call.gateway.reference();
        let lists = in_force(call, &reference).lists().filter(|list| is_shown(list)).map(describe).collect();
        Ok(conditional(call, to_json(&Lists::<Cow<'_, str>> { lists, unknown: Unknown::default() })))
    }

    async fn read_reference_list(&self, call: &Call, parameters: ReadReferenceListParameters) -> Result<Answer, Fault> {
        let ReadReferenceListParameters { name, search, after, parent, limit, .. } = parameters;
        let reference = call.gateway.reference();
        let in_force = in_force(call, &reference);
        let list = in_force.list(&name).filter(|list| is_shown(list)).ok_or(Fault::NotFound)?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIMIT_DEFAULT);
        let wish = Search { after: after.as_deref(), parent: parent.as_deref(), text: search.as_deref() };
        let mut found = list.search(&wish, in_force.day());
        let entries: Vec<_> = found.by_ref().take(limit).map(entry).collect();
        let next = found.next().and(entries.last()).map(|last| last.code.clone());
        let page = ListPage::<Cow<'_, str>> { list: describe(list), entries, next, unknown: Unknown::default() };
        Ok(conditional(call, to_json(&page)))
    }
}

/// The lists that count for this caller, today.
fn in_force<'r>(call: &Call, reference: &'r usher_domain::reference::Reference) -> InForce<'r> {
    reference.in_force(TimeZone::UTC.to_datetime(call.now).date(), call.known.caller.environment)
}

/// Terms are not shown: who knows them writes around them.
pub(crate) fn is_shown(list: &CodeList) -> bool {
    !list.about().subject.is_some_and(Subject::is_words)
}

fn describe(list: &CodeList) -> List<Cow<'_, str>> {
    let about = list.about();
    let told = |text: &'_ str| (!text.is_empty()).then(|| Cow::Owned(text.to_owned()));
    List {
        name: about.name.as_str().into(),
        version: about.version.as_str().into(),
        title: told(&about.title),
        subject: about.subject.map(|subject| subject.as_str().into()),
        valid_from: day(about.valid.from),
        valid_to: day(about.valid.to),
        codes: i64::try_from(list.len()).unwrap_or(i64::MAX),
        source: told(&about.source),
        licence: told(&about.licence),
        credit: told(&about.credit),
        unknown: Unknown::default(),
    }
}

fn entry<'l>(entry: list::Entry<'l>) -> Entry<Cow<'l, str>> {
    let further: Vec<Cow<'l, str>> = entry.labels().skip(1).map(Cow::Borrowed).collect();
    Entry {
        code: entry.code.into(),
        label: entry.label().map(Cow::Borrowed),
        further_labels: (!further.is_empty()).then_some(further),
        parent: (!entry.parent.is_empty()).then_some(entry.parent.into()),
        valid_from: day(entry.valid.from),
        valid_to: day(entry.valid.to),
        unknown: Unknown::default(),
    }
}

fn day<'a>(day: Option<Date>) -> Option<Cow<'a, str>> {
    day.map(|day| day.to_string().into())
}

/// The answer with a strong tag made of its bytes; or, to who has just these bytes, that nothing changed.
fn conditional(call: &Call, body: Vec<u8>) -> Answer {
    let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&body)[..16]));
    let kept = call.head.headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // Weak comparison, as the header asks for (RFC 9110, 13.1.2).
    let is_same = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
    let is_kept = kept.flat_map(|value| value.split(',')).any(|tag| is_same(tag.trim()));
    let answer = call.answer(if is_kept { Vec::new() } else { body });
    let status = if is_kept { 304 } else { answer.status };
    Answer { status, cache_control: CACHE_CONTROL, etag: HeaderValue::try_from(etag).ok(), ..answer }
}
