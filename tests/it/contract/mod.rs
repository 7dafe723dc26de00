//! The contracts: every example of every schema is read as it says, and every rule has an example that breaks it.

mod coverage;
pub(crate) mod examples;

use crate::oracle::{Subject, agree, documents};

#[test]
fn readers_and_an_interpreter_of_the_schemas_agree_on_examples_and_mutations() {
    let subjects = examples::READERS.iter().map(|(folder, stem, read)| {
        let valid = examples::examples(folder, "valid", stem).into_iter().map(|example| example.text);
        let invalid = examples::examples(folder, "invalid", stem).iter().map(examples::body_of).collect::<Vec<_>>();
        Subject {
            id: format!("https://schemas.usher.example/{folder}/{stem}.schema.json"),
            read: *read,
            bodies: valid.chain(invalid).map(|text| serde_json::from_str(&text).unwrap()).collect(),
        }
    });
    agree(&documents(examples::schemas()), &subjects.collect::<Vec<_>>(), 100_000);
}
