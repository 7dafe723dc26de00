use super::*;

fn memory(files: &[(&str, &str)], options: &LoadOptions) -> Result<Sources, Vec<Diagnostic>> {
    from_memory(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(), options)
}

#[test]
fn schemas_are_told_from_other_files() {
    let files = [
        ("b/plain.json", r#"{"type": "object", "properties": {}}"#),
        ("b/only_properties.json", r#"{"properties": {"a": {}}}"#),
        ("b/reference.json", r##"{"$ref": "plain.json"}"##),
        ("a/named.schema.json", "{}"),
        ("a/openapi.json", r#"{"openapi": "3.1.0"}"#),
        ("a/examples/valid/x/y.json", "{"),
        ("errors.json", "[]"),
        ("package.json", r#"{"name": "x", "type": "module"}"#),
        ("feature.json", r#"{"type": "Feature", "properties": {"a": {}}}"#),
        ("config.json", r#"{"$schema": "https://example.org/config.json", "a": 1}"#),
        (".hidden/x.schema.json", "{"),
        ("names.lock", "x"),
        ("README.md", "x"),
    ];
    let sources = memory(&files, &LoadOptions::default()).expect("the files are JSON");
    let paths = |documents: &[Document]| documents.iter().map(|document| document.path.clone()).collect::<Vec<_>>();
    assert_eq!(
        paths(&sources.schemas),
        ["a/named.schema.json", "b/only_properties.json", "b/plain.json", "b/reference.json"]
    );
    assert_eq!(paths(&sources.openapi), ["a/openapi.json"]);
    insta::assert_snapshot!(sources.notes.iter().map(|note| note.to_text() + "\n").collect::<String>());
    let own = LoadOptions { own_tree: true, ..LoadOptions::default() };
    assert_eq!(memory(&files, &own).expect_err("our own tree holds nothing else").len(), 3);
}

#[test]
fn identifiers_are_absolute() {
    let files = [
        ("a/x y.json", r#"{"type": "string"}"#),
        ("a/relative.json", r#"{"$id": "../b/other.json"}"#),
        ("a/absolute.json", r##"{"$id": "https://example.com/z.json#"}"##),
    ];
    let options = LoadOptions { base: "https://schemas.example.org/".to_owned(), ..LoadOptions::default() };
    let sources = memory(&files, &options).expect("the files are JSON");
    let ids: Vec<&str> = sources.schemas.iter().map(|document| document.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "https://example.com/z.json",
            "https://schemas.example.org/b/other.json",
            "https://schemas.example.org/a/x%20y.json"
        ]
    );
}

#[test]
fn every_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("it can be written");
    write("a.json", b"{\"a\": [1,\n  2 3]}");
    write("b.json", b"{\"a\": \"\xff\"}");
    write("c.json", b"\xef\xbb\xbf{}");
    write("d.json", &[b' '; 2000]);
    write("e.schema.json", b"{\"a\": 1, \"a\": 2}");
    let options = LoadOptions { file_bytes_max: 1000, ..LoadOptions::default() };
    let faults = load(folder.path(), &options).expect_err("none of them is read");
    let text: String = faults.iter().map(|fault| fault.to_text() + "\n").collect();
    insta::assert_snapshot!(text.replace(&*folder.path().to_string_lossy(), "schemas"));
    assert!(load(&folder.path().join("nowhere"), &options).is_err());
}

#[test]
fn a_folder_reads_like_the_same_files_from_memory() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let files = [("v1/x.schema.json", "{}"), ("v1/examples/x.json", "{"), ("y.json", "{\"type\": \"null\"}")];
    for (path, text) in files {
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().expect("it has a folder")).expect("it can be made");
        std::fs::write(file, text).expect("it can be written");
    }
    let from_folder = load(folder.path(), &LoadOptions::default()).expect("it can be read");
    let from_memory = memory(&files, &LoadOptions::default()).expect("it can be read");
    let describe = |sources: &Sources| {
        sources.documents().map(|document| (document.path.clone(), document.id.clone())).collect::<Vec<_>>()
    };
    assert_eq!(describe(&from_folder), describe(&from_memory));
}
