//! The parameters of a call, collected from path, query and headers for the contract to read.

use std::borrow::Cow;

use axum::extract::Query;
use usher_wire::{Mode, ParameterPlace, Violation, Violations};

use crate::caller::Kind;
use crate::exchange::Call;
use crate::fault::Fault;
use crate::{correlation, head};

/// The parameters as one JSON object.
pub(crate) fn of<K: Kind>(call: &Call<K>) -> Result<Vec<u8>, Fault> {
    let query = query(call)?;
    let mut given: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for parameter in call.operation.parameters {
        let name = parameter.name;
        let value = match parameter.place {
            ParameterPlace::Path => path_segment(call.operation.path, call.head.uri.path(), name).map(Cow::Borrowed),
            ParameterPlace::Query => {
                query.iter().find(|(sent, _)| sent == name).map(|(_, value)| Cow::Borrowed(value.as_str()))
            }
            // These two have forms of their own, and were read before.
            ParameterPlace::Header if correlation::HEADER == *name || head::IDEMPOTENCY_KEY == *name => None,
            ParameterPlace::Header => match call.head.headers.get(name) {
                None => None,
                Some(value) => match std::str::from_utf8(value.as_bytes()) {
                    Ok(text) => Some(Cow::Borrowed(text)),
                    Err(_) => return Err(Fault::Malformed("a header value is not text")),
                },
            },
        };
        given.extend(value.map(|value| (name, value)));
    }
    let find = |name: &str| given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_ref());
    // What a strict application calls by a name nobody knows would be ignored unseen: the contract names it with the rest.
    let is_unknown = |name: &str| !call.operation.parameters.iter().any(|known| is_query(known, name));
    let others = query.iter().filter(|(name, _)| matches!(call.known.mode(), Mode::Strict) && is_unknown(name));
    let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(call.operation.parameters_json(|parameter| find(parameter.name), others))
}

fn is_query(parameter: &usher_wire::Parameter, name: &str) -> bool {
    parameter.place == ParameterPlace::Query && parameter.name == name
}

/// The query, decoded. A name that comes twice has two meanings.
fn query<K: Kind>(call: &Call<K>) -> Result<Vec<(String, String)>, Fault> {
    let sent = call.head.uri.query().unwrap_or_default();
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(&call.head.uri) else {
        return Err(Fault::Malformed("the query cannot be decoded"));
    };
    let is_second = |index: usize| query[..index].iter().filter(|(name, _)| *name == query[index].0).count() == 1;
    let repeated: Vec<_> =
        (0..query.len()).filter(|&index| is_second(index)).map(|at| repeated(&query[at].0)).collect();
    if !repeated.is_empty() {
        return Err(Fault::ParameterInvalid(Violations { list: repeated, truncated: false }));
    }
    Ok(query)
}

fn repeated(name: &str) -> Violation {
    Violation {
        pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        code: "duplicate_key",
        message: "stands in the query more than once".into(),
        limit: None,
        schema: "",
        keyword: "",
    }
}

/// The segment of `path` that stands where `template` has `{name}`.
fn path_segment<'p>(template: &str, path: &'p str, name: &str) -> Option<&'p str> {
    let is_place = |place: &str| place.strip_prefix('{').and_then(|place| place.strip_suffix('}')) == Some(name);
    template.split('/').zip(path.split('/')).find(|(place, _)| is_place(place)).map(|(_, segment)| segment)
}
