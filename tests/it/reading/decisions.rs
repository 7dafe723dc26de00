//! A decision is held by tests: every test that `docs/decisions` names exists.

use std::path::{Path, PathBuf};

#[test]
fn every_test_that_a_decision_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut decisions: Vec<PathBuf> = std::fs::read_dir(root.join("docs/decisions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("README.md"))
        .collect();
    decisions.sort();
    assert!(decisions.len() >= 6, "{decisions:?}");
    for decision in decisions {
        let text = std::fs::read_to_string(&decision).unwrap();
        let (_, held) =
            text.split_once("## Held by\n").unwrap_or_else(|| panic!("{} names no tests", decision.display()));
        let mut named = 0;
        // Lines of the form: - `path/of/the/file.rs`: `name_of_a_test`, `name_of_another`
        for line in held.lines().filter(|line| line.starts_with("- ")) {
            let mut quoted = line.split('`').skip(1).step_by(2);
            let file = quoted.next().unwrap_or_else(|| panic!("{}: no file in {line}", decision.display()));
            let source = std::fs::read_to_string(root.join(file))
                .unwrap_or_else(|error| panic!("{}: {file}: {error}", decision.display()));
            for test in quoted {
                assert!(source.contains(&format!("fn {test}()")), "{}: {file} has no test {test}", decision.display());
                named += 1;
            }
        }
        assert!(named > 0, "{} names no tests", decision.display());
    }
}
