//! The real binary, in a folder of its own, with nothing of our environment.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START_TIME_MAX: Duration = Duration::from_secs(20);
const STOP_TIME_MAX: Duration = Duration::from_secs(40);

/// A folder to work in, which is gone with the value, and the program that is run there.
pub struct Place {
    folder: TempDir,
    /// What is run, word by word; the arguments follow.
    program: Vec<OsString>,
}

/// A gateway that serves.
pub struct Gateway {
    child: Child,
    stderr: PathBuf,
    /// What it said on stdout.
    pub said: String,
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

impl Place {
    /// A new one for the program under test.
    pub fn new() -> Self {
        Place::running([binary()])
    }

    /// A new one for another program, or for this one under a tracer: its path, and what stands before the arguments.
    pub fn running(program: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Place::running_in(&std::env::temp_dir(), program)
    }

    /// The same, below a folder that is there.
    pub fn running_in(folder: &Path, program: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let folder = TempDir::new_in(folder).unwrap();
        Place { folder, program: program.into_iter().map(Into::into).collect() }
    }

    /// From now on another program is run here.
    pub fn run_instead(&mut self, program: impl IntoIterator<Item = impl Into<OsString>>) {
        self.program = program.into_iter().map(Into::into).collect();
    }

    /// The path of something in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file there.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The program, about to be run here.
    pub fn usher(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("USHER_") {
                command.env_remove(name);
            }
        }
        // The default ports would be the same for all gateways that run at once.
        command.env("USHER_BANK_LISTEN", "127.0.0.1:0");
        command.env("USHER_OPS_LISTEN", "127.0.0.1:0");
        // Where tests run, room may be short, and nothing of it is theirs.
        command.env("USHER_DISK_RESERVE", "1").env("USHER_DISK_FREE_MIN", "1");
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.usher(arguments).output().unwrap()
    }

    /// Starts a gateway on a free port.
    pub fn start(&self) -> Gateway {
        self.start_with(&["--listen", "127.0.0.1:0"])
    }

    /// Starts a gateway that is told more on its command line.
    pub fn start_with(&self, arguments: &[&str]) -> Gateway {
        self.try_start_with(arguments).unwrap_or_else(|said| panic!("the gateway did not start: {said}"))
    }

    /// Starts a gateway that may not come up.
    ///
    /// # Errors
    /// What it said, when it ended before it served.
    pub fn try_start_with(&self, arguments: &[&str]) -> Result<Gateway, String> {
        let stderr = self.path(&format!("stderr-{}", fs::read_dir(&self.folder).unwrap().count()));
        let mut command = self.usher(arguments);
        command.stdout(Stdio::piped()).stderr(fs::File::create(&stderr).unwrap());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut gateway = Gateway { child, stderr, said: String::new() };
        // Read elsewhere, so that a program that says nothing ends the test all the same.
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let end = Instant::now() + START_TIME_MAX;
        while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            gateway.said.push_str(&line);
            gateway.said.push('\n');
            if line.starts_with("export USHER_KEY=") || line.starts_with("Keys are as before") {
                return Ok(gateway);
            }
        }
        Err(format!("{}\n{}", gateway.said, gateway.log()))
    }
}

impl Gateway {
    /// What stands after `label` in what it said.
    pub fn told(&self, label: &str) -> &str {
        let line = self.said.lines().find_map(|line| line.split_once(label));
        line.unwrap_or_else(|| panic!("{label} is not in\n{}", self.said)).1
    }

    /// Where partners reach it.
    pub fn address(&self) -> &str {
        self.told("listens on ")
    }

    /// Where the bank reaches it.
    pub fn bank_address(&self) -> &str {
        self.told("For the bank: ")
    }

    /// Where the operator reaches it.
    pub fn ops_address(&self) -> &str {
        self.told("For monitoring: ").split_once("/readyz").unwrap().0
    }

    /// The key of the first start.
    pub fn key(&self) -> &str {
        self.told("Sandbox key: ")
    }

    /// The id of the application of the first start.
    pub fn app_key(&self) -> &str {
        self.told("Application id (AppKey): ")
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stderr.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Asks it to stop with a signal, and waits for its end.
    pub fn stop(self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        self.end()
    }

    /// Waits for its end: the exit code, and what it wrote to stderr.
    pub fn end(mut self) -> (Option<i32>, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), self.log());
            }
            assert!(begun.elapsed() < STOP_TIME_MAX, "{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program under test: the one the environment names, else built from the sources as they are.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(program) = std::env::var_os("USHER_PROGRAM") {
            return program.into();
        }
        // This program is target/<profile>/deps/it-<hash>, or target/<profile>/<name>.
        let this = std::env::current_exe().unwrap();
        let folder = this.parent().unwrap();
        let profile = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "usher", "--bin", "usher", "--target-dir"]);
        build.arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the program does not build");
        profile.join("usher")
    })
}

/// What a run wrote, as text.
pub fn texts(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}
