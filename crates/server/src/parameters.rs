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
    Ok(call.operation.parameters_json(|parameter| find(parameter.name)))
}

/// The query, decoded. A name that comes twice has two meanings; one that the operation does not know is refused where
/// unknown members of a body would be.
fn query<K: Kind>(call: &Call<K>) -> Result<Vec<(String, String)>, Fault> {
    let sent = call.head.uri.query().unwrap_or_default();
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(&call.head.uri) else {
        return Err(Fault::Malformed("the query cannot be decoded"));
    };
    for (index, (name, _)) in query.iter().enumerate() {
        if query[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(Fault::Malformed("a query parameter stands there twice"));
        }
        let known =
            |parameter: &usher_wire::Parameter| parameter.place == ParameterPlace::Query && parameter.name == name;
        if matches!(call.known.mode(), Mode::Strict) && !call.operation.parameters.iter().any(known) {
            return Err(unknown_parameter());
        }
    }
    Ok(query)
}

fn unknown_parameter() -> Fault {
    let violation = Violation {
        pointer: String::new(),
        code: "unknown_member",
        message: "the query has a parameter that this operation does not know".into(),
        limit: None,
        schema: "",
        keyword: "",
    };
    Fault::ParameterInvalid(Violations { list: vec![violation], truncated: false })
}

/// The segment of `path` that stands where `template` has `{name}`.
fn path_segment<'p>(template: &str, path: &'p str, name: &str) -> Option<&'p str> {
    let is_place = |place: &str| place.strip_prefix('{').and_then(|place| place.strip_suffix('}')) == Some(name);
    template.split('/').zip(path.split('/')).find(|(place, _)| is_place(place)).map(|(_, segment)| segment)
}
