//! Reads the schema files and their examples, for tests that hold the domain against the contract.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use usher_wire::{Limits, Message, Mode, Options, Personal};

use crate::accept::{Accept, Attribution, Caller};
use crate::environment::Environment;
use crate::facts::ContractFacts;
use crate::ids::{ApplicationId, PartnerId, PublicId};
use crate::products::Products;
use crate::receipt::Salt;

/// The folder of the schema files.
pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

/// One file of that folder.
pub(crate) fn schema(path: &str) -> Value {
    let text = std::fs::read_to_string(schemas().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether the table of codes has this code, of this kind.
pub(crate) fn is_in_table(code: &str, kind: &str) -> bool {
    schema("errors.json").as_array().unwrap().iter().any(|row| row["code"] == code && row["kind"] == kind)
}

/// The strings of a JSON array.
pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The time at which all tests of decisions play.
pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// Attribution headers of a call.
pub(crate) fn headers() -> Attribution {
    Attribution {
        partner_reference: Some("header-1".to_owned()),
        campaign: Some("header-2".to_owned()),
        source: Some("header-3".to_owned()),
        sub_partner: Some("header-4".to_owned()),
    }
}

/// Reads a body as the gateway does in the sandbox and hands it to `decide`, as sent by the application of the examples.
#[track_caller]
pub(crate) fn decided<T: for<'t> Message<'t>, R>(body: &Value, decide: impl FnOnce(Accept<'_, T>) -> R) -> R {
    decided_with(&Products::built_in(), body, decide)
}

/// The built-in products, with a member of one of them changed.
pub(crate) fn products(index: usize, member: &str, value: Value) -> Products {
    let mut document: Value = serde_json::from_str(crate::products::BUILT_IN).unwrap();
    document["products"][index][member] = value;
    Products::read(document.to_string().as_bytes(), 7).unwrap_or_else(|violations| panic!("{violations}"))
}

/// The same under these products.
#[track_caller]
pub(crate) fn decided_with<T: for<'t> Message<'t>, R>(
    products: &Products,
    body: &Value,
    decide: impl FnOnce(Accept<'_, T>) -> R,
) -> R {
    let body = body.to_string();
    let facts = ContractFacts::new(now(), Environment::Sandbox);
    let options = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: Some(&facts) };
    let parsed = usher_wire::parse::<T>(body.as_bytes(), &options).expect("the body can be read");
    let (request, warnings) = parsed.into_result().expect("the body obeys the contract");
    let caller = Caller {
        partner: PartnerId::from_bytes([1; 16]),
        application: ApplicationId::from_bytes([2; 16]),
        environment: Environment::Sandbox,
        app_key: "00000000-0000-4000-8000-000000000001".to_owned(),
    };
    decide(Accept {
        caller: &caller,
        canonical: Personal::new(usher_wire::canonical(&*request)),
        request: &request,
        warnings,
        attribution: headers(),
        products,
        person: None,
        id: PublicId::from_bytes([3; 16]),
        salt: Salt::from_bytes([4; 32]),
        now: now(),
    })
}

/// A copy of a body with the member at `pointer` set to another value.
pub(crate) fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (object, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(object).unwrap()[name] = value;
    body
}

/// Every `x-rule` of the schema files in a folder and those below it.
pub(crate) fn x_rules(folder: &Path) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rules.append(&mut x_rules(&path));
        } else if path.to_string_lossy().ends_with(".schema.json") {
            collect_rules(&serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap(), &mut rules);
        }
    }
    rules
}

fn collect_rules(schema: &Value, rules: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            rules.extend(members.get("x-rule").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_rules(member, rules));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_rules(item, rules)),
        _ => {}
    }
}
