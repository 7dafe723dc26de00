//! The real binary, in a folder of its own, with nothing of our environment.

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

/// A folder to work in, which is gone with the value.
pub(crate) struct Place {
    folder: TempDir,
}

/// A gateway that serves.
pub(crate) struct Gateway {
    child: Child,
    stderr: PathBuf,
    /// What it said on stdout.
    pub(crate) said: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place { folder: TempDir::new().unwrap() }
    }

    /// The path of something in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The program, about to be run here.
    pub(crate) fn usher(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("USHER_") {
                command.env_remove(name);
            }
        }
        // The default ports would be the same for all gateways that run at once.
        command.env("USHER_BANK_LISTEN", "127.0.0.1:0");
        command.env("USHER_OPS_LISTEN", "127.0.0.1:0");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.usher(arguments).output().unwrap()
    }

    /// Starts a gateway on a free port.
    pub(crate) fn start(&self) -> Gateway {
        self.start_with(&["--listen", "127.0.0.1:0"])
    }

    pub(crate) fn start_with(&self, arguments: &[&str]) -> Gateway {
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
                return gateway;
            }
        }
        panic!("the gateway did not start: {}\n{}", gateway.said, gateway.log());
    }
}

impl Gateway {
    /// What stands after `label` in what it said.
    pub(crate) fn told(&self, label: &str) -> &str {
        let line = self.said.lines().find_map(|line| line.split_once(label));
        line.unwrap_or_else(|| panic!("{label} is not in\n{}", self.said)).1
    }

    pub(crate) fn address(&self) -> &str {
        self.told("listens on ")
    }

    pub(crate) fn bank_address(&self) -> &str {
        self.told("For the bank: ")
    }

    pub(crate) fn ops_address(&self) -> &str {
        self.told("For monitoring: ").split_once("/readyz").unwrap().0
    }

    pub(crate) fn key(&self) -> &str {
        self.told("Sandbox key: ")
    }

    pub(crate) fn app_key(&self) -> &str {
        self.told("Application id (AppKey): ")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// Asks it to stop with a signal, and waits for its end.
    pub(crate) fn stop(self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
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
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(program) = std::env::var_os("USHER_PROGRAM") {
            return program.into();
        }
        // This program is target/<profile>/deps/it-<hash>.
        let this = std::env::current_exe().unwrap();
        let profile = this.parent().and_then(Path::parent).unwrap();
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
pub(crate) fn texts(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}
