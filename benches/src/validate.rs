//! From bytes to a checked value: ours against `serde_json` into plain structs without any check (the line that all ratios
//! refer to), against `sonic-rs`, and against parse, validate with `jsonschema`, convert.
//!
//! Rules that need facts (phone, postal region, past time) are left out everywhere: no other path knows them.

use std::borrow::Cow;
use std::hint::black_box;

use serde_json::Value;
use usher_wire::{Limits, Mode, Options};

use crate::documents::{self, Documents};
use crate::jsonschema_peer as peer;
use crate::plain::{self, Lent};
use crate::table::{Line, Table, median, nanoseconds};

/// Takes a document and tells whether it was accepted.
type Run = Box<dyn Fn(&[u8]) -> bool>;

/// One way to take a document; true if it was accepted.
pub struct Case {
    /// What it does.
    pub name: &'static str,
    run: Run,
}

impl Case {
    fn new(name: &'static str, run: impl Fn(&[u8]) -> bool + 'static) -> Case {
        Case { name, run: Box::new(run) }
    }

    /// Takes one document.
    pub fn accepts(&self, document: &[u8]) -> bool {
        (self.run)(document)
    }
}

/// Everything that is measured for one API.
pub struct Subject {
    /// The API and what of it.
    pub name: &'static str,
    /// Its documents.
    pub documents: Documents,
    /// The ways to take a valid document; the first is what the others are compared with.
    pub valid: Vec<Case>,
    /// The ways to list all faults of an invalid one.
    pub faulty: Vec<Case>,
}

/// A set of documents that are taken in rotation.
pub struct Input<'s> {
    /// Which documents.
    pub name: &'static str,
    /// The documents.
    pub documents: Vec<&'s [u8]>,
    /// The ways to take them.
    pub cases: &'s [Case],
}

impl Input<'_> {
    /// The mean length of a document, in bytes.
    pub fn bytes(&self) -> f64 {
        self.documents.iter().map(|document| document.len()).sum::<usize>() as f64 / self.documents.len() as f64
    }
}

impl Subject {
    /// The sets of documents.
    pub fn inputs<'s>(&'s self) -> Vec<Input<'s>> {
        let documents = &self.documents;
        let all = |of: &'s [Vec<u8>]| -> Vec<&'s [u8]> { of.iter().map(Vec::as_slice).collect() };
        let repeated = |one: &'s Vec<u8>| vec![one.as_slice(); documents.mix.len()];
        vec![
            Input { name: "mix, members in order", documents: all(&documents.mix), cases: &self.valid },
            Input { name: "mix, members shuffled", documents: all(&documents.shuffled), cases: &self.valid },
            Input { name: "mix, indented", documents: all(&documents.indented), cases: &self.valid },
            Input { name: "one example repeated", documents: repeated(&documents.single), cases: &self.valid },
            Input { name: "nine faults repeated", documents: repeated(&documents.nine_faults), cases: &self.faulty },
        ]
    }
}

/// The three APIs, with `count` documents each in rotation.
///
/// # Errors
/// A file of the repository cannot be read, or the peer does not take a schema.
pub fn subjects(count: usize) -> Result<Vec<Subject>, Box<dyn std::error::Error + Send + Sync>> {
    let options = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: None };

    /// The ways of one API differ in their types only.
    macro_rules! subject {
        ($name:literal, $source:ident, $plain:ident, $peer:ident, $schema:literal, $ours:path) => {{
            use plain::$plain::Request as Plain;
            use $ours as Ours;
            type Owned = Plain<String>;
            type OursOwned = Ours<String>;
            let run_time = peer::build($schema)?;
            let run_time_faulty = peer::build($schema)?;
            Subject {
                name: $name,
                documents: Documents::new(&documents::$source, count)?,
                valid: vec![
                    Case::new("serde_json, owned, unchecked", |bytes| taken(&serde_json::from_slice::<Owned>(bytes))),
                    Case::new("serde_json, borrowed, unchecked", |bytes| {
                        taken(&serde_json::from_slice::<Plain<Lent<'_>>>(bytes))
                    }),
                    Case::new("sonic-rs, owned, unchecked", |bytes| taken(&sonic_rs::from_slice::<Owned>(bytes))),
                    Case::new("sonic-rs, borrowed, unchecked", |bytes| {
                        taken(&sonic_rs::from_slice::<Plain<Lent<'_>>>(bytes))
                    }),
                    Case::new("Value + compile-time jsonschema + from_value", |bytes| {
                        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return false };
                        peer::$peer::is_valid(&value) && taken(&serde_json::from_value::<Owned>(value))
                    }),
                    Case::new("Value + run-time jsonschema + from_value", move |bytes| {
                        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return false };
                        run_time.is_valid(&value) && taken(&serde_json::from_value::<Owned>(value))
                    }),
                    Case::new("usher, owned, every rule", move |bytes| {
                        match usher_wire::parse::<OursOwned>(bytes, &options) {
                            Ok(parsed) => taken(&parsed.into_result()),
                            Err(_) => false,
                        }
                    }),
                    Case::new("usher, borrowed, every rule", move |bytes| {
                        match usher_wire::parse::<Ours<Cow<'_, str>>>(bytes, &options) {
                            Ok(parsed) => taken(&parsed.into_result()),
                            Err(_) => false,
                        }
                    }),
                ],
                faulty: vec![
                    Case::new("Value + compile-time jsonschema, all errors", |bytes| {
                        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return false };
                        list(peer::$peer::iter_errors(&value))
                    }),
                    Case::new("Value + run-time jsonschema, all errors", move |bytes| {
                        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return false };
                        list(run_time_faulty.iter_errors(&value))
                    }),
                    Case::new("usher, owned, all violations", move |bytes| {
                        match usher_wire::parse::<OursOwned>(bytes, &options) {
                            Ok(parsed) => taken(&parsed.into_result()),
                            Err(_) => false,
                        }
                    }),
                    Case::new("usher, borrowed, all violations", move |bytes| {
                        match usher_wire::parse::<Ours<Cow<'_, str>>>(bytes, &options) {
                            Ok(parsed) => taken(&parsed.into_result()),
                            Err(_) => false,
                        }
                    }),
                ],
            }
        }};
    }
    Ok(vec![
        subject!(
            "contact_request",
            CONTACT_REQUEST,
            contact_request,
            ContactRequest,
            "contact_request/v1/request.schema.json",
            usher_contract::contact_request::v1::Request
        ),
        subject!(
            "appointment_request",
            APPOINTMENT_REQUEST,
            appointment_request,
            AppointmentRequest,
            "appointment_request/v2/request.schema.json",
            usher_contract::appointment_request::v2::Request
        ),
        subject!(
            "digital_customer update",
            DIGITAL_CUSTOMER,
            digital_customer,
            DigitalCustomer,
            "digital_customer/v1/update.schema.json",
            usher_contract::digital_customer::v1::UpdateDigitalCustomerInformations
        ),
    ])
}

/// Whether a value was made. It is looked at where it stands: handing it on would measure a copy of it, too.
#[inline(always)]
fn taken<T, E>(result: &Result<T, E>) -> bool {
    black_box(result).is_ok()
}

/// Lists errors as an answer needs them: the place and the text. True if there is none.
fn list<'e>(errors: impl Iterator<Item = jsonschema::ValidationError<'e>>) -> bool {
    let listed: Vec<(String, String)> =
        errors.map(|error| (error.instance_path().to_string(), error.to_string())).collect();
    black_box(listed).is_empty()
}

/// Takes every document of `input` in every way, `rounds` times, the ways taking turns so that whatever disturbs the
/// machine disturbs all of them; the numbers are those of the middle round.
pub fn measure(subject: &str, input: &Input<'_>, rounds: usize) -> Table {
    let count = input.documents.len() as f64;
    let mut times: Vec<Vec<f64>> = vec![Vec::with_capacity(rounds); input.cases.len()];
    for _ in 0..rounds {
        for (case, times) in input.cases.iter().zip(&mut times) {
            let elapsed = nanoseconds(|| input.documents.iter().for_each(|document| _ = case.accepts(document)));
            times.push(elapsed / count);
        }
    }
    let medians: Vec<Option<f64>> = times.iter_mut().map(|times| median(times)).collect();
    let base = medians.first().copied().flatten();
    let lines = input.cases.iter().zip(medians).map(|(case, time)| {
        let speed = time.map(|time| input.bytes() * 1e3 / time);
        let ratio = time.zip(base).map(|(time, base)| time / base);
        Line { name: case.name.to_owned(), numbers: vec![time, speed, ratio] }
    });
    Table {
        title: format!(
            "{subject}, {}: {count} documents in rotation, {:.0} bytes on average, {rounds} rounds",
            input.name,
            input.bytes()
        ),
        columns: vec![("ns", 0), ("MB/s", 0), ("ratio", 2)],
        lines: lines.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Options, measure, subjects};
    use usher_wire::{Limits, Violations};

    #[test]
    fn every_way_takes_every_valid_document_and_no_faulty_one() {
        for subject in subjects(64).unwrap() {
            for input in subject.inputs() {
                let valid = !input.name.starts_with("nine faults");
                for case in input.cases {
                    for document in &input.documents {
                        let shown = String::from_utf8_lossy(document);
                        assert_eq!(case.accepts(document), valid, "{}, {}: {shown}", subject.name, case.name);
                    }
                }
                let table = measure(subject.name, &input, 1);
                assert_eq!(table.lines.len(), input.cases.len());
            }
        }
    }

    #[test]
    fn nine_faults_are_nine() {
        fn faults<T: for<'t> usher_wire::Message<'t>>(document: &[u8]) -> Violations {
            let options = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: None };
            usher_wire::parse::<T>(document, &options).unwrap().into_result().map(|_| ()).unwrap_err()
        }
        let [contact, appointment, customer] = &subjects(1).unwrap()[..] else { panic!("three APIs") };
        for violations in [
            faults::<usher_contract::contact_request::v1::Request>(&contact.documents.nine_faults),
            faults::<usher_contract::appointment_request::v2::Request>(&appointment.documents.nine_faults),
            faults::<usher_contract::digital_customer::v1::UpdateDigitalCustomerInformations>(
                &customer.documents.nine_faults,
            ),
        ] {
            assert_eq!(violations.list.len(), 9, "{violations}");
        }
    }

    #[test]
    fn all_documents_of_the_mix_differ() {
        for subject in subjects(crate::documents::MIX).unwrap() {
            let mut mix = subject.documents.mix;
            mix.sort();
            mix.dedup();
            assert_eq!(mix.len(), crate::documents::MIX, "{}", subject.name);
        }
    }
}
