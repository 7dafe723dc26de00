//! The servers that are measured, each a child process with a folder of its own, ended when it is dropped.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::accept::load::Target;
use crate::accept::peer::{Commits, KEY};

/// Names in the tables.
pub const FLOOR: &str = "hello in hyper, nothing checked or kept";
/// See [`FLOOR`].
pub const GROUPED: &str = "axum + jsonschema + rusqlite, group commit";
/// See [`FLOOR`].
pub const USHER: &str = "usher";

/// Ticks of processor time per second in `/proc`: the same on every Linux.
const TICKS_PER_SECOND: u64 = 100;

type Fault = Box<dyn Error + Send + Sync>;

/// A server that runs.
pub struct Server {
    name: &'static str,
    child: Child,
    target: Target,
}

impl Server {
    /// Starts the peer: `program` is `accept`, which can be the peer too.
    ///
    /// # Errors
    /// It does not start.
    pub fn peer(program: &Path, commits: Commits, folder: &Path) -> Result<Server, Fault> {
        let (name, word) = match commits {
            Commits::Single => ("axum + jsonschema + rusqlite, one commit each", "single"),
            Commits::Grouped => (GROUPED, "grouped"),
        };
        let folder = folder.join(word);
        std::fs::create_dir(&folder)?;
        let mut command = Command::new(program);
        command.arg("--serve").arg(word).arg("--folder").arg(folder);
        let (child, said) = start(command, "listens on ")?;
        let address = address(&said)?;
        Ok(Server { name, child, target: Target { address, key: KEY.to_owned() } })
    }

    /// Starts the floor: `program` is `accept`, which can be the floor too.
    ///
    /// # Errors
    /// It does not start.
    pub fn floor(program: &Path) -> Result<Server, Fault> {
        let mut command = Command::new(program);
        command.arg("--serve").arg("floor");
        let (child, said) = start(command, "listens on ")?;
        let address = address(&said)?;
        Ok(Server { name: FLOOR, child, target: Target { address, key: KEY.to_owned() } })
    }

    /// Starts the gateway as a new user does, with its log going nowhere.
    ///
    /// # Errors
    /// It does not start.
    pub fn usher(program: &Path, folder: &Path) -> Result<Server, Fault> {
        let mut command = Command::new(program);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ops-listen",
            "127.0.0.1:0",
            "--bank-listen",
            "off",
            "--log-format",
            "json",
            "--data-folder",
        ]);
        // Run where no configuration file can be found by accident.
        command.arg(folder.join("usher")).current_dir(folder).env_remove("USHER_CONFIG");
        let (child, said) = start(command, "export USHER_KEY=")?;
        let address = address(&said)?;
        let key = said.lines().find_map(|line| line.strip_prefix("export USHER_KEY=")).unwrap_or_default().to_owned();
        Ok(Server { name: USHER, child, target: Target { address, key } })
    }

    /// Its name in the tables.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The processor time it has used so far; none where the system does not tell.
    pub fn processor_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name of the program may hold anything but ends with the last parenthesis; user and system time are the
        // twelfth and thirteenth field after it.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end and nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `command` and reads what it says, up to the first line with `last` in it.
fn start(mut command: Command, last: &str) -> Result<(Child, String), Fault> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output to read")?);
    while lines.read_line(&mut said)? > 0 {
        if said.lines().next_back().is_some_and(|line| line.contains(last)) {
            return Ok((child, said));
        }
    }
    child.wait()?;
    Err(format!("{program} ended without having started; it said: {said}").into())
}

/// The address in the line `... listens on http://ADDRESS`.
fn address(said: &str) -> Result<SocketAddr, Fault> {
    let address = said.lines().find_map(|line| line.split_once("listens on http://"));
    Ok(address.ok_or_else(|| format!("no address in: {said}"))?.1.trim().parse()?)
}
