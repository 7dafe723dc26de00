//! Calls to a gateway: send a request, check one, see what became of it. Results go to stdout, what is said about them to
//! stderr.

mod answer;
mod fault;
mod gateway;

use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use usher_client::contract::contact_request::v1::Withdrawal;
use usher_client::{Client, Error, IdempotencyKey};
use usher_domain::environment::Environment;
use usher_wire::{Mode, Warning, to_json};

use self::answer::{Answered, Notice};
pub(crate) use self::fault::Fault;
use self::gateway::Key;
use crate::cli::{CheckArgs, RequestArgs, SendArgs, StatusArgs, WithdrawArgs};
use crate::request::{Document, Kind, Measure, Request};

/// A file that holds a request which keeps the rules, as far as they can be checked here.
struct Checked {
    document: Document,
    kind: Kind,
    request: Request,
    warnings: Vec<Warning>,
}

/// Sends the request in a file.
pub(crate) fn send(args: &SendArgs) -> Result<(), Fault> {
    let key = Key::find(&args.gateway)?.ok_or(Fault::KeyMissing)?;
    let environment = key.environment();
    let idempotency_key = idempotency_key(args.idempotency_key.as_deref())?;
    let client = gateway::client(&args.gateway, &key)?;
    let Checked { document, kind, request, .. } = check_here(&args.request, environment)?;
    let answered = run(submit(&client, &request, idempotency_key))?
        .map_err(|error| refuse(Fault::of_request(error, &args.gateway.server, &document, kind), args.request.json))?;

    for notice in &answered.warnings {
        say(&notice.to_string());
    }
    for line in &answered.facts {
        say(line);
    }
    let id = answered.receipt_id.as_deref();
    if answered.is_replayed {
        say("This was sent before under the same idempotency key; nothing new was stored.");
    } else {
        say(&format!("Stored: {} is safely on disk at the gateway.", kind.name()));
    }
    if let Some(id) = id {
        say(&format!("See what becomes of it: usher status {id}"));
    }
    match id {
        Some(id) if !args.request.json => print(id),
        _ => print_json(&answered),
    }
}

/// Checks the request in a file: here first, then at the gateway.
pub(crate) fn check(args: &CheckArgs) -> Result<(), Fault> {
    let key = Key::find(&args.gateway)?;
    // Which national ids are allowed depends on the environment; without a key it is the one to begin with.
    let environment = key.as_ref().map_or(Environment::Sandbox, Key::environment);
    if args.offline {
        let Checked { document, kind, warnings, .. } = check_here(&args.request, environment)?;
        let warnings = warnings.into_iter().map(Notice::from).collect();
        return valid(&document, kind, warnings, "here", args.request.json);
    }
    let key = key.ok_or(Fault::KeyMissing)?;
    let client = gateway::client(&args.gateway, &key)?;
    let Checked { document, kind, request, .. } = check_here(&args.request, environment)?;
    let answered = run(ask(&client, &request))?
        .map_err(|error| refuse(Fault::of_request(error, &args.gateway.server, &document, kind), args.request.json))?;
    valid(&document, kind, answered.warnings, "at the gateway", args.request.json)
}

/// Shows the receipt of a request, and what became of it.
pub(crate) fn status(args: &StatusArgs) -> Result<(), Fault> {
    let key = Key::find(&args.gateway)?.ok_or(Fault::KeyMissing)?;
    let client = gateway::client(&args.gateway, &key)?;
    let failed = |error| refuse(Fault::of_call(error, &args.gateway.server), args.json);
    let answer = run(client.receipts().read(&args.id))?.map_err(failed)?;
    if args.json {
        return print(&String::from_utf8_lossy(&to_json(&*answer)));
    }
    let timeline = run(client.receipts().timeline(&args.id))?.map_err(failed)?;
    print(&answer::table(&answer))?;
    print(&answer::timeline(&timeline))
}

/// Takes a contact request back.
pub(crate) fn withdraw(args: &WithdrawArgs) -> Result<(), Fault> {
    let key = Key::find(&args.gateway)?.ok_or(Fault::KeyMissing)?;
    let idempotency_key = idempotency_key(args.idempotency_key.as_deref())?;
    let client = gateway::client(&args.gateway, &key)?;
    let reason = args.reason_file.as_deref().map(reason).transpose()?;
    let withdrawal = Withdrawal { reason: reason.map(Into::into), unknown: Default::default() };
    let withdrawal = usher_client::check(withdrawal).map_err(Fault::Reason)?;
    let call = client.contact_request().idempotency_key(idempotency_key).withdraw(&args.id, &withdrawal);
    let answer = run(call)?.map_err(|error| refuse(Fault::of_call(error, &args.gateway.server), args.json))?;
    say("Withdrawn: the bank is told.");
    if args.json {
        return print(&String::from_utf8_lossy(&to_json(&*answer)));
    }
    print(answer.status.as_str())
}

/// The text of a file without the blanks around it.
fn reason(path: &Path) -> Result<String, Fault> {
    let read = if path == Path::new("-") { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
    let failed = |source| Fault::ReasonFile { name: path.display().to_string(), source };
    Ok(read.map_err(failed)?.trim().to_owned())
}

fn idempotency_key(said: Option<&str>) -> Result<IdempotencyKey, Fault> {
    said.map_or_else(|| Ok(IdempotencyKey::random()), |text| IdempotencyKey::new(text).map_err(Fault::IdempotencyKey))
}

fn check_here(args: &RequestArgs, environment: Environment) -> Result<Checked, Fault> {
    let document = Document::read(&args.file)?.into_json()?;
    let kind = document.kind(args.api.as_deref())?;
    let mode = if args.tolerant { Mode::Tolerant } else { Mode::Strict };
    let measure = Measure { environment, now: Timestamp::now(), mode };
    match document.check(kind, &measure) {
        Ok((request, warnings)) => Ok(Checked { document, kind, request, warnings }),
        Err(fault) => Err(refuse(fault.into(), args.json)),
    }
}

async fn submit(client: &Client, request: &Request, key: IdempotencyKey) -> Result<Answered, Error> {
    Ok(match request {
        Request::Contact(request) => client.contact_request().idempotency_key(key).submit(request).await?.into(),
        Request::Appointment(request) => {
            client.appointment_request().idempotency_key(key).submit(request).await?.into()
        }
        Request::CreateDigitalCustomer(request) => {
            client.digital_customer().idempotency_key(key).create(request).await?.into()
        }
        Request::UpdateDigitalCustomer(request) => {
            client.digital_customer().idempotency_key(key).update(request).await?.into()
        }
        Request::CompleteDigitalCustomer(request) => {
            client.digital_customer().idempotency_key(key).complete(request).await?.into()
        }
    })
}

async fn ask(client: &Client, request: &Request) -> Result<Answered, Error> {
    Ok(match request {
        Request::Contact(request) => client.contact_request().check(request).await?.into(),
        Request::Appointment(request) => client.appointment_request().check(request).await?.into(),
        Request::CreateDigitalCustomer(request) => client.digital_customer().check_create(request).await?.into(),
        Request::UpdateDigitalCustomer(request) => client.digital_customer().check_update(request).await?.into(),
        Request::CompleteDigitalCustomer(request) => client.digital_customer().check_complete(request).await?.into(),
    })
}

fn valid(
    document: &Document,
    kind: Kind,
    warnings: Vec<Notice>,
    checked: &'static str,
    is_json: bool,
) -> Result<(), Fault> {
    #[derive(Serialize)]
    struct Valid {
        valid: bool,
        warnings: Vec<Notice>,
    }

    for notice in &warnings {
        say(&notice.to_string());
    }
    say(&format!("{} is a valid {}; checked {checked}, nothing was stored.", document.name(), kind.name()));
    if is_json { print_json(&Valid { valid: true, warnings }) } else { print("valid") }
}

/// Waits for a call to end.
fn run<T>(call: impl Future<Output = T>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::System)?;
    Ok(runtime.block_on(call))
}

/// A refusal is a result too: where results are wanted as JSON, it is written like one.
fn refuse(fault: Fault, is_json: bool) -> Fault {
    if is_json && let Some(json) = fault.to_json() {
        // The refusal itself is told on stderr and by the exit code; a closed stdout does not change it.
        let _ = print(&json);
    }
    fault
}

fn print(text: &str) -> Result<(), Fault> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(Fault::Stdout)
}

fn print_json(value: &impl Serialize) -> Result<(), Fault> {
    print(&serde_json::to_string(value).map_err(|error| Fault::Stdout(error.into()))?)
}

/// Says something about a result. With stderr closed nobody wants to hear it.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
