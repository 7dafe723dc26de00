//! The documents that are measured: for each API 256 valid ones that all differ, the same in other spellings, one full
//! example, and one with nine faults.
//!
//! A single document in a loop lets the processor learn its branches by heart and flatters every parser; the rotating mix
//! is therefore the number to quote.

use std::path::Path;

use crate::random::Random;

mod appointment_request;
mod contact_request;
mod digital_customer;
mod node;

pub use node::Node;

/// How many documents are in rotation.
pub const MIX: usize = 256;

/// The documents of one API.
pub struct Documents {
    /// Valid documents, members in the order of the schema.
    pub mix: Vec<Vec<u8>>,
    /// The same documents with the members of every object in another order.
    pub shuffled: Vec<Vec<u8>>,
    /// The same documents with line breaks and two blanks of indentation.
    pub indented: Vec<Vec<u8>>,
    /// One full valid document, an example of the schema.
    pub single: Vec<u8>,
    /// A document with nine faults.
    pub nine_faults: Vec<u8>,
}

/// What tells the documents of one API from those of another.
pub struct Source {
    make: fn(&mut Random) -> Node,
    example: &'static str,
    nine_faults: &'static str,
}

/// The body of a contact request.
pub const CONTACT_REQUEST: Source = Source {
    make: contact_request::request,
    example: "schemas/contact_request/v1/examples/valid/request/every_member.json",
    nine_faults: "benches/nine_faults/contact_request.json",
};

/// The body of an appointment request.
pub const APPOINTMENT_REQUEST: Source = Source {
    make: appointment_request::request,
    example: "schemas/appointment_request/v2/examples/valid/request/full.json",
    nine_faults: "benches/nine_faults/appointment_request.json",
};

/// The body of `UpdateDigitalCustomerInformations`.
pub const DIGITAL_CUSTOMER: Source = Source {
    make: digital_customer::update,
    example: "schemas/digital_customer/v1/examples/valid/update/contact_selected.json",
    nine_faults: "benches/nine_faults/digital_customer.json",
};

impl Source {
    /// `count` valid documents.
    pub fn nodes(&self, random: &mut Random, count: usize) -> Vec<Node> {
        (0..count).map(|_| (self.make)(random)).collect()
    }
}

impl Documents {
    /// Makes the documents of `source`, always the same ones; `count` of them in the mix.
    ///
    /// # Errors
    /// A file of the repository cannot be read.
    pub fn new(source: &Source, count: usize) -> std::io::Result<Documents> {
        let mut random = Random::new(7);
        let mut nodes = source.nodes(&mut random, count);
        let mix = nodes.iter().map(Node::compact).collect();
        let indented = nodes.iter().map(Node::indented).collect();
        nodes.iter_mut().for_each(|node| node.shuffle(&mut random));
        let shuffled = nodes.iter().map(Node::compact).collect();
        let single = node::without_space(&read(source.example)?);
        let nine_faults = node::without_space(&read(source.nine_faults)?);
        Ok(Documents { mix, shuffled, indented, single, nine_faults })
    }
}

pub(crate) fn read(path: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
}

/// Text of `low` to `high` characters, some of them two bytes long, beginning and ending with a letter.
fn text(random: &mut Random, low: u64, high: u64) -> Node {
    const LETTERS: &[char] = &[
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'k', 'l', 'm', 'n', 'o', 'p', 'r', 's', 't', 'u', 'v', 'w', 'z',
        'A', 'D', 'K', 'M', 'ä', 'ö', 'ß', 'ü',
    ];
    let length = random.between(low, high);
    let mut text = String::new();
    for at in 0..length {
        let inside = at > 0 && at + 1 < length;
        text.push(if inside && random.chance(12) { ' ' } else { *random.pick(LETTERS) });
    }
    Node::Text(text)
}

/// Words of a person: longer, and in one of four cases with a line break, which JSON escapes.
fn message(random: &mut Random) -> Node {
    let Node::Text(mut words) = text(random, 20, 300) else { unreachable!("text makes a text") };
    if random.chance(25) {
        words.push_str("\nThank you");
    }
    Node::Text(words)
}

fn email(random: &mut Random) -> Node {
    let mut name = |low, high| -> String {
        let length = random.between(low, high);
        (0..length).map(|_| char::from(b'a' + random.between(0, 25) as u8)).collect()
    };
    Node::Text(format!("{}.{}@{}.example.org", name(2, 12), name(3, 14), name(2, 10)))
}

fn digits(random: &mut Random, count: u64) -> String {
    (0..count).map(|_| char::from(b'0' + random.between(0, 9) as u8)).collect()
}

fn choice(random: &mut Random, names: &[&str]) -> Node {
    Node::Text((*random.pick(names)).to_owned())
}

fn boolean(random: &mut Random) -> Node {
    Node::Bare(if random.chance(50) { "true" } else { "false" }.to_owned())
}

/// A number up to `whole_max` with no, one or two places.
fn amount(random: &mut Random, whole_max: u64) -> String {
    let whole = random.between(1, whole_max);
    match random.between(0, 2) {
        0 => whole.to_string(),
        1 => format!("{whole}.{}", random.between(1, 9)),
        _ => format!("{whole}.{:02}", random.between(1, 99)),
    }
}
