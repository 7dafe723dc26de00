//! The benchmark from accept to commit, on small input: it runs, and every server answers 201 to every request.

use std::path::Path;
use std::time::Duration;

use usher_benches::accept::{Plan, measure};

#[test]
fn every_server_commits_every_request() {
    let peer = Path::new(env!("CARGO_BIN_EXE_accept"));
    // The gateway is a program of another package: there when the whole workspace is tested, perhaps not when this
    // package alone is.
    let usher = Some(peer.with_file_name("usher")).filter(|usher| usher.exists());
    let servers = 3 + usize::from(usher.is_some());
    let mut tables = Vec::new();
    let plan = Plan {
        peer: peer.to_owned(),
        usher,
        folder: std::env::temp_dir(),
        connections: vec![1, 4],
        rounds: 1,
        turn: Duration::from_secs(30),
        requests_max: 40,
    };
    measure(&plan, |table| {
        tables.push(table);
        Ok(())
    })
    .unwrap();
    let paced = tables.pop().unwrap();
    assert_eq!(paced.lines.len(), servers + 1, "{paced}");
    assert_eq!(tables.len(), 2);
    for table in &tables {
        assert_eq!(table.lines.len(), servers, "{table}");
        for line in &table.lines {
            assert!(line.numbers[0].is_some_and(|rate| rate > 0.0), "{table}");
        }
    }
}
