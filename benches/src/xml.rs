//! The appointment request in both of its forms: the same documents, from the bytes to a checked value.

use std::hint::black_box;

use usher_contract::appointment_request::v2::Request;
use usher_wire::xml::{XmlMessage, to_json};
use usher_wire::{Limits, Mode, Options, parse};

use crate::documents::{APPOINTMENT_REQUEST, Node};
use crate::table::{Line, Table, median, nanoseconds};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<construction:appointmentRequest \
     xmlns:construction=\"http://rest.immobilienscout24.de/schema/financing/construction/1.0\" \
     xmlns:financing=\"http://rest.immobilienscout24.de/schema/financing/construction/2.0\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">";
const TAIL: &str = "</construction:appointmentRequest>";

const OPTIONS: Options<'static> = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: None };

/// The same documents in both forms, in one spelling.
pub struct Input {
    /// The spelling.
    pub name: &'static str,
    json: Vec<Vec<u8>>,
    xml: Vec<Vec<u8>>,
}

/// `count` documents in the order of the schema, shuffled, and indented.
pub fn inputs(count: usize) -> Vec<Input> {
    let mut random = crate::random::Random::new(7);
    let mut nodes = APPOINTMENT_REQUEST.nodes(&mut random, count);
    let input = |name, nodes: &[Node], is_indented: bool| Input {
        name,
        json: nodes.iter().map(|node| if is_indented { node.indented() } else { node.compact() }).collect(),
        xml: nodes.iter().map(|node| document(node, is_indented)).collect(),
    };
    let mut inputs = vec![input("members in order", &nodes, false), input("indented", &nodes, true)];
    nodes.iter_mut().for_each(|node| node.shuffle(&mut random));
    inputs.push(input("members shuffled", &nodes, false));
    inputs
}

/// Takes every document in each form, `rounds` times, the forms taking turns; the numbers are those of the middle round.
///
/// # Panics
/// A document is not valid in both forms.
pub fn measure(input: &Input, rounds: usize) -> Table {
    let json =
        |bytes: &[u8]| parse::<Request>(bytes, &OPTIONS).is_ok_and(|parsed| black_box(&parsed.into_result()).is_ok());
    let rewritten = |bytes: &[u8]| to_json(bytes, Request::<String>::XML, &Limits::GATEWAY);
    let xml = |bytes: &[u8]| rewritten(bytes).is_ok_and(|bytes| json(&bytes));
    for (of_json, of_xml) in input.json.iter().zip(&input.xml) {
        assert!(json(of_json) && xml(of_xml), "{}", String::from_utf8_lossy(of_xml));
    }
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        times[0].push(nanoseconds(|| input.json.iter().for_each(|document| _ = black_box(json(document)))));
        times[1].push(nanoseconds(|| input.xml.iter().for_each(|document| _ = black_box(xml(document)))));
        times[2].push(nanoseconds(|| input.xml.iter().for_each(|document| _ = black_box(rewritten(document)))));
    }
    let count = input.json.len() as f64;
    let medians = times.each_mut().map(|times| median(times).map(|time| time / count));
    let mean = |documents: &[Vec<u8>]| documents.iter().map(Vec::len).sum::<usize>() as f64 / count;
    let names = [
        ("JSON, every rule", &input.json),
        ("XML, every rule", &input.xml),
        ("XML, rewritten as JSON only", &input.xml),
    ];
    let lines = names.into_iter().zip(medians).map(|((name, documents), time)| Line {
        name: name.to_owned(),
        numbers: vec![time, Some(mean(documents)), time.zip(medians[0]).map(|(time, base)| time / base)],
    });
    Table {
        title: format!(
            "appointment_request in both forms, {}: {count} documents in rotation, {rounds} rounds",
            input.name
        ),
        columns: vec![("ns", 0), ("bytes", 0), ("ratio", 2)],
        lines: lines.collect(),
    }
}

fn document(node: &Node, is_indented: bool) -> Vec<u8> {
    let mut xml = HEAD.to_owned();
    content(node, is_indented.then_some(1), &mut xml);
    xml.push_str(TAIL);
    xml.into_bytes()
}

/// The elements of an object, or the text of a scalar.
fn content(node: &Node, depth: Option<usize>, xml: &mut String) {
    match node {
        Node::Text(text) => xml.push_str(&text.replace('&', "&amp;").replace('<', "&lt;")),
        Node::Bare(bare) => xml.push_str(bare),
        Node::Array(items) => items.iter().for_each(|item| content(item, depth, xml)),
        Node::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != "type") {
                let alone = std::slice::from_ref(value);
                let items = if let Node::Array(items) = value { items } else { alone };
                items.iter().for_each(|item| element(name, item, depth, xml));
            }
            line(depth.map(|depth| depth - 1), xml);
        }
    }
}

fn element(name: &str, value: &Node, depth: Option<usize>, xml: &mut String) {
    line(depth, xml);
    xml.push('<');
    xml.push_str(name);
    if let Node::Object(members) = value
        && let Some((_, Node::Text(tag))) = members.iter().find(|(name, _)| *name == "type")
    {
        xml.push_str(&format!(" xsi:type=\"financing:{tag}\""));
    }
    xml.push('>');
    content(value, depth.map(|depth| depth + 1), xml);
    xml.push_str(&format!("</{name}>"));
}

fn line(depth: Option<usize>, xml: &mut String) {
    if let Some(depth) = depth {
        xml.push('\n');
        xml.push_str(&"  ".repeat(depth));
    }
}

#[cfg(test)]
mod tests {
    use super::{inputs, measure};

    #[test]
    fn every_document_is_valid_in_both_forms() {
        for input in inputs(16) {
            assert_eq!(measure(&input, 1).lines.len(), 3);
        }
    }
}
