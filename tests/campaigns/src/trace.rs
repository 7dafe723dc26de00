//! The program under a tracer: what it asks the system for, in order, and a word said to it at a chosen call.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest end of a process that was killed.
const END_TIME_MAX: Duration = Duration::from_secs(20);

/// Whether processes can be traced here.
pub(crate) fn strace() -> Result<(), String> {
    let run =
        Command::new("strace").args(["-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match run {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("strace may not trace here (ptrace is not allowed)".to_owned()),
        Err(_) => Err("there is no strace (on Debian: apt-get install strace)".to_owned()),
    }
}

/// Sends a signal to the gateway behind a tracer, which takes none itself: to the process that has the data folder, if it still
/// runs in its place.
pub(crate) fn signal(place: &Path, signal: &str) {
    let lock = fs::read_to_string(place.join("usher-data/usher.lock")).unwrap_or_default();
    let id = lock.trim();
    let is_there = fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|folder| folder == place);
    if is_there {
        // Where it has ended meanwhile, there is nothing to say to it.
        let _ = Command::new("kill").args(["-s", signal, id]).status();
    }
}

/// Kills whatever runs in a place, and waits until it has ended: only then the data folder is free.
pub(crate) fn end_all(place: &Path) {
    let begun = Instant::now();
    loop {
        let mut ids = Vec::new();
        for entry in fs::read_dir("/proc").expect("there is /proc").flatten() {
            // What has ended has no folder any more.
            if fs::read_link(entry.path().join("cwd")).is_ok_and(|folder| folder == place) {
                ids.push(entry.file_name());
            }
        }
        if ids.is_empty() {
            return;
        }
        assert!(begun.elapsed() < END_TIME_MAX, "{ids:?} do not end");
        // Where one has ended meanwhile, there is nothing to say to it.
        let _ = Command::new("kill").args(["-s", "KILL"]).args(&ids).stderr(Stdio::null()).status();
        thread::sleep(Duration::from_millis(5));
    }
}

/// A call: who made it, its text, and whether this is its begin, its end or both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'t> {
    /// The thread.
    pub(crate) thread: &'t str,
    /// The name of the call.
    pub(crate) name: &'t str,
    /// What stands behind the name.
    pub(crate) text: &'t str,
    /// Whether it begins here.
    pub(crate) begins: bool,
    /// Whether it ends here.
    pub(crate) ends: bool,
}

/// The calls of a trace that `strace -f` has written.
pub(crate) fn calls(trace: &str) -> impl Iterator<Item = Call<'_>> {
    trace.lines().filter_map(|line| {
        let (thread, rest) = line.split_once(' ')?;
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix("<... ") {
            let (name, text) = rest.split_once(" resumed>")?;
            return Some(Call { thread, name, text, begins: false, ends: true });
        }
        let (name, text) = rest.split_once('(')?;
        Some(Call { thread, name, text, begins: true, ends: !text.ends_with("<unfinished ...>") })
    })
}

#[cfg(test)]
mod tests {
    use super::calls;

    #[test]
    fn calls_are_told_from_their_halves() {
        let trace = "12 fdatasync(7</d/usher.db-wal> <unfinished ...>\n\
            13    sendto(9<socket:[1]>, \"HTTP/1.1 201\", 12, 0, NULL, 0) = 12\n\
            12 <... fdatasync resumed>) = 0\n12 +++ exited with 0 +++\n";
        let told: Vec<_> = calls(trace).map(|call| (call.thread, call.name, call.begins, call.ends)).collect();
        assert_eq!(
            told,
            [("12", "fdatasync", true, false), ("13", "sendto", true, true), ("12", "fdatasync", false, true)]
        );
    }
}
