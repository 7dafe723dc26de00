//! Every shape and every rule the generator knows, in small schemas: the emitted readers agree with an interpreter.

use std::path::Path;

use usher_shapes as shapes;

use crate::contract::examples::{Read, read};
use crate::oracle::{Subject, agree, documents};

const READERS: &[(&str, Read)] = &[
    ("by_type", read::<shapes::ByType>),
    ("closed", read::<shapes::Closed>),
    ("closed_parts", read::<shapes::ClosedParts>),
    ("combined", read::<shapes::Combined>),
    ("conditional", read::<shapes::Conditional>),
    ("constants", read::<shapes::Constants>),
    ("contains", read::<shapes::Contains>),
    ("dependent", read::<shapes::Dependent>),
    ("described", read::<shapes::Described>),
    ("formats", read::<shapes::Formats>),
    ("map", read::<shapes::Map>),
    ("merged", read::<shapes::Merged>),
    ("nested", read::<shapes::Nested>),
    ("mixed", read::<shapes::Mixed>),
    ("nullable", read::<shapes::Nullable>),
    ("nullable_root", read::<shapes::NullableRoot>),
    ("record", read::<shapes::Record>),
    ("tagged", read::<shapes::Tagged>),
    ("tree", read::<shapes::Tree>),
    ("tuple", read::<shapes::Tuple>),
    ("types", read::<shapes::Types>),
    ("untyped", read::<shapes::Untyped>),
    ("wide", read::<shapes::Wide>),
];

#[test]
fn readers_of_every_shape_agree_with_an_interpreter() {
    let documents = documents(Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/schemas"));
    assert_eq!(documents.len(), READERS.len(), "every schema of shapes/schemas has a reader here");
    let subjects = READERS.iter().map(|(stem, read)| {
        let id = format!("https://shapes.usher.example/{stem}.schema.json");
        let schema = &documents.iter().find(|(known, _)| *known == id).unwrap().1;
        Subject { id, read: *read, bodies: schema["examples"].as_array().unwrap().clone() }
    });
    agree(&documents, &subjects.collect::<Vec<_>>(), 50_000);
}
