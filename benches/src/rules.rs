//! What the rules cost: processor time that fact rules, products and the signature of the receipt add to the way of a
//! contact request from accept to commit, against all of that way in the same run; and what a loaded list costs.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use usher_contract::contact_request::v1::Request;
use usher_contract::shared::Receipt;
use usher_domain::contact_request::Outline;
use usher_domain::environment::Environment;
use usher_domain::facts::{ContractFacts, Terms};
use usher_domain::products::{Asked, Products};
use usher_domain::reference::Reference;
use usher_domain::reference::form::{Given, read};
use usher_domain::signature::{SigningKey, SigningKeys};
use usher_wire::{Limits, Mode, Options, parse};

use crate::accept::load::Load;
use crate::accept::server::Server;
use crate::documents::{CONTACT_REQUEST, Documents};
use crate::table::{Line, Table, median, nanoseconds};

type Fault = Box<dyn Error + Send + Sync>;

/// The most that rules may add to the processor time of the accept path without them, in percent.
pub const SHARE_MAX: f64 = 25.0;
/// The most that a list of [`CODES`] codes may take of memory, in bytes, and of time to load.
pub const LIST_BYTES_MAX: usize = 20 << 20;
/// See [`LIST_BYTES_MAX`].
pub const LIST_TIME_MAX: Duration = Duration::from_millis(200);
/// The codes of the list that is loaded.
pub const CODES: usize = 100_000;

/// How much is measured.
pub struct Plan {
    /// The contact requests in rotation.
    pub documents: usize,
    /// How often each step takes its turn with all of them; the middle one counts.
    pub rounds: usize,
    /// How many requests the gateway takes.
    pub requests: usize,
}

/// Measures the steps here and the whole way at a gateway.
///
/// # Errors
/// The gateway does not start, or answers anything but 201; an example cannot be read.
pub fn measure(plan: &Plan, usher: Option<&Path>, folder: &Path) -> Result<Table, Fault> {
    let documents = Documents::new(&CONTACT_REQUEST, plan.documents)?.mix;
    let (now, products) = (Timestamp::now(), Products::built_in());
    let reference = Arc::new(Reference::default());
    let terms = Terms::of(products.product_of(Asked::Mortgage), Asked::Mortgage);
    let facts = || ContractFacts::with(now, Environment::Sandbox, terms, reference.clone());
    let bare = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: None };
    let shapes = |document: &[u8]| parse::<Request>(document, &bare).is_ok_and(|parsed| parsed.into_result().is_ok());
    let judged = |document: &[u8]| {
        let facts = facts();
        let options = Options { facts: Some(&facts), ..bare };
        parse::<Request>(document, &options).is_ok_and(|parsed| parsed.into_result().is_ok())
    };
    if !documents.iter().all(|document| shapes(document) && judged(document)) {
        return Err("a document of the benchmark is not valid".into());
    }
    let outlines: Vec<Outline> = documents
        .iter()
        .filter_map(|document| parse::<Request>(document, &bare).ok()?.into_result().ok())
        .map(|(request, _)| Outline::of(&request))
        .collect();
    let text = crate::documents::read("schemas/shared/examples/valid/receipt/every_member.json")?;
    let answer = Options { mode: Mode::Answer, ..bare };
    let receipt = parse::<Receipt>(&text, &answer).map_err(|fault| fault.to_string())?;
    let (receipt, _) = receipt.into_result().map_err(|faults| faults.to_string())?;
    let keys = SigningKeys::new(SigningKey::new(&[7; 32]), Vec::new());

    let count = documents.len() as f64;
    let micros = |work: &dyn Fn()| {
        let mut times: Vec<f64> = (0..plan.rounds).map(|_| nanoseconds(work) / count / 1e3).collect();
        median(&mut times).unwrap_or_default()
    };
    let all = |take: &dyn Fn(&[u8]) -> bool| {
        micros(&|| {
            for document in &documents {
                black_box(take(document));
            }
        })
    };
    let (without, with) = (all(&shapes), all(&judged));
    let product = micros(&|| {
        for outline in &outlines {
            black_box((outline.product(&products), outline.refusals(&products, None)));
        }
    });
    let signature = micros(&|| {
        for _ in &documents {
            black_box(keys.sign(&*receipt));
        }
    });
    let facts = (with - without).max(0.0);
    let added = facts + product + signature;
    let whole = usher.map(|usher| whole(usher, folder, &documents, plan.requests)).transpose()?.flatten();
    // What the way would take if it had no rules.
    let share = |micros: f64| whole.map(|whole| 100.0 * micros / (whole - added));
    let line = |name: &str, micros: f64, share| Line { name: name.to_owned(), numbers: vec![Some(micros), share] };
    let mut lines = vec![
        line("parse, shape only", without, None),
        line("fact rules", facts, share(facts)),
        line("products", product, share(product)),
        line("signature of the receipt", signature, share(signature)),
        line("rules together", added, share(added)),
    ];
    lines.extend(whole.map(|whole| line("accept to commit, all of it", whole, None)));
    let title = format!(
        "rules on the accept path: {} contact requests in rotation, middle of {} rounds; share of the way without rules, at most \
         {SHARE_MAX} % together",
        documents.len(),
        plan.rounds
    );
    Ok(Table { title, columns: vec![("CPU us", 2), ("share %", 1)], lines })
}

/// The microseconds of processor time that a gateway takes for a request.
fn whole(usher: &Path, folder: &Path, documents: &[Vec<u8>], requests: usize) -> Result<Option<f64>, Fault> {
    let folder = tempfile::tempdir_in(folder)?;
    let server = Server::usher(usher, folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bodies = documents.to_vec().into();
    let load = |requests_max| Load { connections: 64, time_max: Duration::from_secs(30), requests_max, rate: None };
    // Connections, statements and the tables of numbering plans are warm afterwards.
    runtime.block_on(load(requests / 10).run(server.target(), &bodies))?;
    let before = server.processor_time();
    let outcome = runtime.block_on(load(requests).run(server.target(), &bodies))?;
    let used = server.processor_time().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(used.map(|used| used.as_secs_f64() * 1e6 / outcome.waits.len() as f64))
}

/// Loads a list, and says how many bytes it takes and how long that took.
///
/// # Errors
/// The list cannot be read.
pub fn load_list(codes: usize) -> Result<(usize, Duration), Fault> {
    let mut text = "#name: geo\n#version: 1\n#subject: de_geo_code\ncode,label,parent\n".to_owned();
    for number in 0..codes {
        let state = number % 16 + 1;
        text.push_str(&format!("1276{state:03}{number:06},Ortsteil Nummer {number},1276{state:03}\n"));
    }
    let mut list = Err("nothing was loaded".to_owned());
    let nanoseconds =
        nanoseconds(|| list = read(&text, &Given::default(), &mut |_, _| ()).map_err(|problems| problems.to_string()));
    let list = list?;
    if list.len() != codes {
        return Err(format!("{} codes were loaded, not {codes}", list.len()).into());
    }
    Ok((list.bytes(), Duration::from_nanos(nanoseconds as u64)))
}

/// The same as a table.
///
/// # Errors
/// The list cannot be read.
pub fn lists(codes: usize) -> Result<Table, Fault> {
    let (bytes, time) = load_list(codes)?;
    let title = format!(
        "a list of {codes} codes with labels and parents: at most {} MB and {} ms for {CODES}",
        LIST_BYTES_MAX >> 20,
        LIST_TIME_MAX.as_millis()
    );
    let numbers = vec![Some(bytes as f64 / 1024.0 / 1024.0), Some(time.as_secs_f64() * 1e3)];
    Ok(Table {
        title,
        columns: vec![("MB", 1), ("load ms", 1)],
        lines: vec![Line { name: "loaded list".to_owned(), numbers }],
    })
}
