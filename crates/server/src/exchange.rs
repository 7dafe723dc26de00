//! The way of every request, whatever the API: head, key, body in; one answer and one log line out.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Body as _;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use usher_domain::facts::ContractFacts;
use usher_wire::xml::Document;
use usher_wire::{Operation, OperationKind};

use crate::caller::{Kind, Known, Name};
use crate::contain::{Cut, contain};
use crate::correlation::{self, Correlation};
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::form::Form;
use crate::gateway::Gateway;
use crate::meter::Meter;
use crate::{body, head, random};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What was called.
#[derive(Clone)]
pub(crate) struct Route<D> {
    pub(crate) operation: &'static Operation,
    /// What is asked of callers.
    pub(crate) demand: D,
    pub(crate) dialect: Dialect,
    /// Where its calls are counted.
    pub(crate) meter: Arc<Meter>,
}

/// A call that may be answered: its caller is known, its body is there.
pub(crate) struct Call<K = Known> {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) operation: &'static Operation,
    pub(crate) known: Arc<K>,
    pub(crate) correlation: Correlation,
    pub(crate) head: Parts,
    pub(crate) body: Bytes,
    pub(crate) now: Timestamp,
    /// What its body is judged by, as soon as it is. The lists it was checked with stand there.
    pub(crate) facts: OnceLock<ContractFacts>,
}

/// What a call is answered with when all is well.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media_type: Cow<'static, str>,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
    /// Whether it is the stored answer of an earlier call.
    pub(crate) is_replayed: bool,
    /// Who may keep it, and how long.
    pub(crate) cache_control: HeaderValue,
    /// By what a kept answer is recognised as the one that would be given now.
    pub(crate) etag: Option<HeaderValue>,
}

/// How a request is told of that reaches no operation.
const NO_OPERATION: &str = "none";

/// Nobody keeps an answer, unless it says otherwise.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl<K> Call<K> {
    /// An answer that stores nothing.
    pub(crate) fn answer(&self, body: Vec<u8>) -> Answer {
        let media_type = Cow::Borrowed("application/json");
        let status = self.operation.success;
        Answer { status, media_type, location: None, body, is_replayed: false, cache_control: NO_STORE, etag: None }
    }
}

/// What the log tells of a request beside its outcome.
struct Line {
    operation: &'static str,
    correlation: Correlation,
    caller: Option<Name>,
    /// The receipt of what was stored.
    receipt_id: Option<String>,
    begun: Instant,
    meter: Arc<Meter>,
    /// Turned away unread: it is counted, and told of together with others.
    is_turned_away: bool,
}

/// Takes one request of an operation to its answer.
pub(crate) async fn exchange<K, F>(
    gateway: Arc<Gateway>,
    route: Route<K::Demand>,
    request: Request,
    handle: impl FnOnce(Call<K>) -> F,
) -> Response
where
    K: Kind,
    F: Future<Output = Result<Answer, Fault>>,
{
    let (mut line, head, mut body) = open(route.operation.id, route.meter, request);
    let _under_way = gateway.pressure.begin();
    let turned_away =
        gateway.pressure.refusal(route.operation.kind, K::TAKES_ROOM, &gateway.store.health(), &gateway.limits);
    line.is_turned_away = turned_away.is_some();
    let deadline = line.begun + gateway.limits.request_time_max;
    let form = Form::wanted(&head.headers);
    let mut is_arriving = true;

    let worked = {
        let work = pin!(async {
            let admitted = match turned_away {
                Some(fault) => Err(fault),
                None => admit::<K>(&gateway, route.demand, &head, &mut line).await,
            };
            let admitted = match admitted {
                Ok(known) => receive(route.operation, &head, &mut body, &gateway).await.map(|bytes| (known, bytes)),
                Err(fault) => Err(fault),
            };
            let (known, bytes) = match admitted {
                Ok(admitted) => admitted,
                Err(fault) => {
                    body::discard(&mut body, &head.headers).await;
                    return Err(fault);
                }
            };
            is_arriving = false;
            let (operation, correlation, now) = (route.operation, line.correlation, gateway.now());
            let (gateway, facts) = (gateway.clone(), OnceLock::new());
            handle(Call { gateway, operation, known, correlation, head, body: bytes, now, facts }).await
        });
        contain(work, deadline).await
    };
    let outcome = match worked {
        Ok(outcome) => outcome,
        Err(Cut::Late) if is_arriving => Err(Fault::RequestTimeout),
        // Whether anything was stored is not known here: the writer goes on without us.
        Err(Cut::Late) => Err(Fault::StoreUnavailable),
        Err(Cut::Panicked) => Err(Fault::Internal),
    };
    line.receipt_id = outcome.as_ref().ok().and_then(Answer::receipt_id);
    let document = route.operation.xml.and_then(|forms| forms.answer);
    let outcome = outcome.map(|answer| answer.in_form(form, document));
    close(outcome, route.dialect, form, &line)
}

/// Answers a request that reaches no operation.
pub(crate) async fn refuse(gateway: Arc<Gateway>, fault: Fault, request: Request) -> Response {
    let meter = gateway.meters.of(NO_OPERATION);
    let (line, head, mut body) = open(NO_OPERATION, meter, request);
    let dialect = Dialect::of_path(head.uri.path());
    let fault = head::check(&head, &gateway.limits).err().unwrap_or(fault);
    // A body that takes longer than this is not worth waiting for.
    let _ = timeout_at(line.begun + gateway.limits.request_time_max, body::discard(&mut body, &head.headers)).await;
    close(Err(fault), dialect, Form::wanted(&head.headers), &line)
}

fn open(operation: &'static str, meter: Arc<Meter>, request: Request) -> (Line, Parts, Body) {
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    let correlation = Correlation::of(&head.headers, &mut random::fill);
    (Line { operation, correlation, caller: None, receipt_id: None, begun, meter, is_turned_away: false }, head, body)
}

/// Finds out who calls. A head that can be read in two ways is not asked for a key.
async fn admit<K: Kind>(gateway: &Gateway, demand: K::Demand, head: &Parts, line: &mut Line) -> Result<Arc<K>, Fault> {
    head::check(head, &gateway.limits)?;
    let known = K::admit(gateway, head, demand).await?;
    line.caller = Some(known.name());
    Ok(known)
}

async fn receive(operation: &Operation, head: &Parts, body: &mut Body, gateway: &Gateway) -> Result<Bytes, Fault> {
    if !operation.body {
        return Ok(Bytes::new());
    }
    // To take a request back nothing has to be said: no body is the empty one.
    if operation.kind == OperationKind::Withdraw && body.is_end_stream() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let takes_xml = operation.xml.is_some_and(|forms| forms.request.is_some());
    let form = body::check_media_type(&head.headers, takes_xml)?;
    let bytes = body::read(body, &head.headers, body::bytes_max(operation, gateway.limits.body_bytes_max)).await?;
    body::to_json(bytes, form, operation)
}

/// Writes the answer and its line in the log.
fn close(outcome: Result<Answer, Fault>, dialect: Dialect, form: Form, line: &Line) -> Response {
    if matches!(outcome, Err(Fault::Overloaded)) {
        line.meter.count_shed();
    }
    let (status, code, mut response) = match outcome {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, "ok", answer.into_response())
        }
        Err(fault) => {
            let body = dialect.write(&fault, &line.correlation);
            let (body, media_type) = form.write(body, dialect.media_type(), dialect.document());
            let mut response = Response::new(Body::from(body));
            fault.write_headers(response.headers_mut());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
            (fault.status(dialect), fault.code(), response)
        }
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(correlation::HEADER, line.correlation.header_value());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    line.end(status, code);
    response
}

impl Answer {
    /// What `Location` ends in.
    fn receipt_id(&self) -> Option<String> {
        self.location.as_ref()?.rsplit('/').next().map(str::to_owned)
    }

    /// Answers are made and stored as JSON; another form is written when they leave.
    fn in_form(self, form: Form, document: Option<&'static Document>) -> Answer {
        if document.is_none() || !form.is_xml() || self.media_type != "application/json" {
            return self;
        }
        let (body, media_type) = form.write(self.body, "application/json", document);
        Answer { body, media_type: Cow::Borrowed(media_type), ..self }
    }

    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, self.cache_control);
        if let Some(etag) = self.etag {
            headers.insert(ETAG, etag);
        }
        let media_type = match self.media_type {
            Cow::Borrowed(media_type) => Ok(HeaderValue::from_static(media_type)),
            Cow::Owned(media_type) => HeaderValue::try_from(media_type),
        };
        // Both come from our own answers, stored ones included, and are plain ASCII.
        if let Ok(media_type) = media_type {
            headers.insert(CONTENT_TYPE, media_type);
        }
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            headers.insert(LOCATION, location);
        }
        if self.is_replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl Line {
    /// Counts the request and writes its line.
    fn end(&self, status: StatusCode, code: &'static str) {
        let (mut partner_id, mut application_id, mut bank_user_id) = (None, None, None);
        match &self.caller {
            Some(Name::Application { partner, application }) => {
                partner_id = Some(tracing::field::display(partner));
                application_id = Some(tracing::field::display(application));
            }
            Some(Name::BankUser(user)) => bank_user_id = Some(tracing::field::display(user)),
            Some(Name::Folder | Name::Anyone) | None => {}
        }
        let receipt_id = self.receipt_id.as_deref();
        let latency = self.begun.elapsed();
        self.meter.count(status, latency);
        if self.is_turned_away {
            return;
        }
        let latency_micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let (operation, correlation_id, status) = (self.operation, self.correlation.id, status.as_u16());
        macro_rules! write_line {
            ($level:ident) => {
                tracing::$level!(
                    operation,
                    status,
                    code,
                    %correlation_id,
                    partner_id,
                    application_id,
                    bank_user_id,
                    receipt_id,
                    latency_micros,
                    "request"
                )
            };
        }
        if status < 500 {
            write_line!(info);
        } else {
            write_line!(error);
        }
    }
}
