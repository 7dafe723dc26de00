//! One call over HTTP: the request as the tables of the contract describe it, the answer read to its end.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Url};
use usher_wire::{ANSWER_BYTES_MAX, Call, Operation, OperationKind, Parameter, ParameterPlace, Violation, Violations};

use crate::error::NetworkFault;
use crate::retry::{RetryPolicy, TimeLimits, repeat};

/// The way to the gateway.
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) time_limits: TimeLimits,
    pub(crate) retry_policy: RetryPolicy,
}

/// An answer, whatever it says.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) location: Option<String>,
    pub(crate) is_replayed: bool,
    pub(crate) body: Vec<u8>,
}

/// Why one attempt brought no answer.
pub(crate) struct Fault {
    pub(crate) kind: NetworkFault,
    pub(crate) cause: Option<String>,
    pub(crate) source: Option<reqwest::Error>,
}

impl Http {
    /// Sends a call, as often as it takes and may. Returns the last outcome and the number of attempts.
    ///
    /// # Errors
    /// A header parameter that HTTP cannot carry; nothing was sent.
    pub(crate) async fn send(&self, call: Call) -> Result<(Result<Response, Fault>, u32), Violations> {
        let is_repeatable = match call.operation.kind {
            OperationKind::Read | OperationKind::List | OperationKind::Check | OperationKind::Change => true,
            OperationKind::Submit | OperationKind::Withdraw => {
                call.parameters.iter().any(|(parameter, _)| parameter.name.eq_ignore_ascii_case("idempotency-key"))
            }
        };
        let method = Method::from_bytes(call.operation.method.as_bytes()).expect("the tables hold methods of HTTP");
        let url = url(&self.base, call.operation, &call.parameters);
        let headers = headers(&call)?;
        let attempt = || {
            let mut request = reqwest::Request::new(method.clone(), url.clone());
            request.headers_mut().clone_from(&headers);
            *request.body_mut() = call.body.clone().map(Into::into);
            self.attempt(request)
        };
        Ok(repeat(&self.time_limits, &self.retry_policy, is_repeatable, attempt).await)
    }

    async fn attempt(&self, request: reqwest::Request) -> Result<Response, Fault> {
        let mut answer = self.client.execute(request).await?;
        let mut body = Vec::new();
        // What is longer than an answer may be is not read on: the reader refuses what is there by its size.
        while body.len() <= ANSWER_BYTES_MAX {
            let Some(chunk) = answer.chunk().await? else { break };
            body.extend_from_slice(&chunk);
        }
        let text = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        Ok(Response {
            status: answer.status().as_u16(),
            retry_after: text(RETRY_AFTER).and_then(seconds),
            location: text(LOCATION).map(str::to_owned),
            is_replayed: text(HeaderName::from_static("idempotency-replayed")) == Some("true"),
            body,
        })
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        let tls = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        let kind = if tls.is_some() {
            // Which the other end will not be able to mend a moment later either.
            NetworkFault::Tls
        } else if error.is_connect() {
            NetworkFault::Connect
        } else if error.is_timeout() {
            NetworkFault::Timeout
        } else {
            NetworkFault::Interrupted
        };
        let cause = match tls {
            Some(rustls::Error::InvalidMessage(_)) => Some("the other end does not speak TLS".to_owned()),
            Some(tls) => Some(tls.to_string()),
            None => causes(&error).last().map(ToString::to_string),
        };
        // An address holds ids and references, which are nobody's business in a log.
        Fault { kind, cause, source: Some(error.without_url()) }
    }
}

/// What is behind an error, the nearest first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // The source of such an error is what caused the error in it, not that error.
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

/// `Retry-After` as seconds. Its other form, a date, is of no use to a client whose clock is wrong, and is not read.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

/// The address of a call: the path of its operation below `base`, with the parameters in their places.
fn url(base: &Url, operation: &Operation, parameters: &[(&Parameter, String)]) -> Url {
    let placed = |place| parameters.iter().filter(move |(parameter, _)| parameter.place == place);
    let mut url = base.clone();
    url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(
        operation.path.split('/').skip(1).map(|segment| {
            placed(ParameterPlace::Path)
                .fold(segment.to_owned(), |text, (at, value)| text.replace(&format!("{{{}}}", at.name), value))
        }),
    );
    for (parameter, value) in placed(ParameterPlace::Query) {
        url.query_pairs_mut().append_pair(parameter.name, value);
    }
    // A plus is a blank to some readers only; %20 is one to all.
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    url
}

/// The headers of a call, if all of its parameters can be sent where they stand.
fn headers(call: &Call) -> Result<HeaderMap, Violations> {
    let mut headers = HeaderMap::new();
    let mut violations = Violations::default();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/problem+json"));
    if call.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (parameter, value) in &call.parameters {
        let fault = match parameter.place {
            // Such segments are taken out of a path, on the way at the latest.
            ParameterPlace::Path => matches!(value.as_str(), "" | "." | "..").then_some("cannot stand in a path"),
            ParameterPlace::Query => None,
            ParameterPlace::Header => match HeaderValue::from_str(value) {
                // Blanks around a value are lost on the way, and with them a difference.
                Ok(header) if value.is_ascii() && value.trim() == value => {
                    let name = HeaderName::from_bytes(parameter.name.as_bytes());
                    headers.insert(name.expect("the tables hold names of headers"), header);
                    None
                }
                _ => {
                    Some("must be ASCII without control characters and without blanks around it, to stand in a header")
                }
            },
        };
        violations.list.extend(fault.map(|message| Violation {
            pointer: format!("/{}", parameter.name),
            code: "pattern",
            message: message.into(),
            limit: None,
            schema: "",
            keyword: "",
        }));
    }
    if violations.list.is_empty() { Ok(headers) } else { Err(violations) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::Url;
    use usher_wire::{Call, Operation, OperationKind, Parameter, ParameterPlace};

    use super::{headers, seconds, url};

    static PARAMETERS: [Parameter; 4] = [
        Parameter { name: "id", place: ParameterPlace::Path, bare: false },
        Parameter { name: "reference", place: ParameterPlace::Query, bare: false },
        Parameter { name: "limit", place: ParameterPlace::Query, bare: true },
        Parameter { name: "x-source", place: ParameterPlace::Header, bare: false },
    ];

    static OPERATION: Operation = Operation {
        id: "readThing",
        method: "GET",
        path: "/things/v1/{id}/parts",
        kind: OperationKind::Read,
        success: 200,
        body: false,
        parameters: &PARAMETERS,
        xml: None,
    };

    #[test]
    fn parameters_stand_in_their_places_and_cannot_leave_them() {
        for (base, values, expected) in [
            ("https://a.example", ["1", "r", "5"], "https://a.example/things/v1/1/parts?reference=r&limit=5"),
            (
                "https://a.example/usher/",
                ["1", "r", "5"],
                "https://a.example/usher/things/v1/1/parts?reference=r&limit=5",
            ),
            (
                "https://a.example",
                ["../a?b#c%2f", "a b+c&d=é", "5"],
                "https://a.example/things/v1/..%2Fa%3Fb%23c%252f/parts?reference=a%20b%2Bc%26d%3D%C3%A9&limit=5",
            ),
        ] {
            let parameters: Vec<_> = PARAMETERS.iter().zip(values.map(str::to_owned)).collect();
            let base = Url::parse(base).expect("an address");
            assert_eq!(url(&base, &OPERATION, &parameters).as_str(), expected);
        }
        let base = Url::parse("https://a.example").expect("an address");
        let path_only = [(&PARAMETERS[0], "1".to_owned())];
        assert_eq!(url(&base, &OPERATION, &path_only).as_str(), "https://a.example/things/v1/1/parts");
    }

    #[test]
    fn a_parameter_that_cannot_be_sent_is_named_and_not_shown() {
        for (index, value, is_sendable) in [
            (0, "1", true),
            (0, "...", true),
            (0, "..", false),
            (0, ".", false),
            (0, "", false),
            (1, "", true),
            (1, "..\n", true),
            (3, "a b", true),
            (3, "", true),
            (3, " a", false),
            (3, "a\r\nx-api-key: b", false),
            (3, "é", false),
        ] {
            let mut call = Call::new(&OPERATION);
            call.parameters.push((&PARAMETERS[index], value.to_owned()));
            let violations = headers(&call).err().map(|violations| violations.list).unwrap_or_default();
            let places: Vec<_> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
            let expected = [format!("/{}", PARAMETERS[index].name)];
            assert_eq!(places, if is_sendable { &[][..] } else { &expected[..] }, "{value:?}");
        }
    }

    #[test]
    fn a_time_to_wait_is_a_number_of_seconds() {
        for (text, told) in [
            ("0", Some(Duration::ZERO)),
            ("120", Some(Duration::from_secs(120))),
            ("99999999999999999999999", Some(Duration::from_secs(u64::MAX))),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("Fri, 31 Dec 2099 23:59:59 GMT", None),
        ] {
            assert_eq!(seconds(text), told, "{text}");
        }
    }
}
