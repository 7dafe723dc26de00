//! What is committed under `generated/` is what the schemas say.

use std::path::{Path, PathBuf};

use usher_codegen::generate::generate;
use usher_codegen::load::{LoadOptions, load};
use usher_codegen::output::{Ours, compare};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn generated_files_are_up_to_date() {
    let options = LoadOptions { own_tree: true, ..LoadOptions::default() };
    let generated = generate(&load(&root().join("schemas"), &options).unwrap(), true).unwrap();
    let code = compare(&root().join("generated/contract/src"), &generated.code, Ours::Marked).unwrap();
    let documents = compare(&root().join("generated/publish"), &generated.documents, Ours::All).unwrap();
    assert!(
        code.is_empty() && documents.is_empty(),
        "run `cargo xtask codegen`\n{}{}",
        code.to_text(),
        documents.to_text()
    );
    let names = std::fs::read_to_string(root().join("generated/names.lock")).unwrap();
    assert_eq!(names, generated.names.to_text(), "run `cargo xtask codegen`");
}

#[test]
fn the_shapes_for_tests_are_up_to_date() {
    let folder = root().join("tests/shapes");
    let generated = generate(&load(&folder.join("schemas"), &LoadOptions::default()).unwrap(), false).unwrap();
    let code = compare(&folder.join("src"), &generated.code, Ours::Marked).unwrap();
    assert!(code.is_empty(), "run `cargo xtask codegen`\n{}", code.to_text());
}
