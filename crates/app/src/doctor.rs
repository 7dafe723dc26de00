//! `usher doctor`: looks at everything a gateway needs before it is started, or while it runs, and says what to do about what
//! is wrong. It changes nothing.

use std::fmt;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use miette::Diagnostic;
use serde_json::Value;
use thiserror::Error;
use usher_server::tls::{self, Tls, TlsVersionMin};
use usher_storage::{Folder, OpenError, backup, volume_free_bytes};

use crate::settings::Settings;
use crate::{register, secrets};

/// A certificate is renewed by now.
const CERTIFICATE_DAYS_MIN: i64 = 14;
/// A clock before this was never set.
const CLOCK_MIN: i64 = 1_793_491_200; // 2026-11-01
/// How far the time of a file may be ahead, for file systems that round.
const AHEAD_MAX: Duration = Duration::from_secs(60);
/// Connections, and what the store and the log need beside them.
const OPEN_FILES_MIN: u64 = 10_500;
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// Why the gateway could not be called healthy.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// Something is wrong, and was said.
    #[error("{count} of {all} checks failed")]
    #[diagnostic(code(usher::doctor::failed), help("Each is named above, with what to do about it."))]
    Failed { count: usize, all: usize },
    /// Nobody takes the result.
    #[error("cannot write to stdout")]
    #[diagnostic(code(usher::stdout), help("Connect stdout to a terminal, a file or another program."))]
    Stdout(#[source] io::Error),
}

/// What was found.
struct Finding {
    about: &'static str,
    verdict: Verdict,
    told: String,
    remedy: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failure => "FAILED",
        })
    }
}

impl Finding {
    fn ok(about: &'static str, told: impl Into<String>) -> Self {
        Finding { about, verdict: Verdict::Ok, told: told.into(), remedy: String::new() }
    }

    fn warning(about: &'static str, told: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { about, verdict: Verdict::Warning, told: told.into(), remedy: remedy.into() }
    }

    fn failure(about: &'static str, told: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { about, verdict: Verdict::Failure, told: told.into(), remedy: remedy.into() }
    }
}

/// Looks at everything and writes a table. Fails when one of the checks does; a warning is none.
pub(crate) fn run(settings: &Settings, only_readiness: bool) -> Result<(), Fault> {
    let findings = if only_readiness { vec![asked(settings)] } else { examine(settings) };
    write(&findings, &mut io::stdout().lock()).map_err(Fault::Stdout)?;
    let count = findings.iter().filter(|finding| finding.verdict == Verdict::Failure).count();
    if count == 0 { Ok(()) } else { Err(Fault::Failed { count, all: findings.len() }) }
}

fn write(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    for Finding { about, verdict, told, remedy } in findings {
        writeln!(out, "{verdict:<8} {about:<16} {told}")?;
        if !remedy.is_empty() {
            writeln!(out, "{:<25} {remedy}", "")?;
        }
    }
    out.flush()
}

fn examine(settings: &Settings) -> Vec<Finding> {
    let data = &settings.data_folder;
    // That they are valid is why this is reached at all.
    let mut findings = vec![Finding::ok("settings", "valid")];
    let (folder, is_running) = folder(data);
    findings.push(folder);
    if data.join(backup::FILE_NAME).exists() {
        findings.extend(keys(data));
    }
    findings.push(space(settings));
    findings.push(clock(data));
    findings.push(open_files());
    findings.extend(certificate(settings));
    findings.push(match register::registers(settings) {
        Err(error) => Finding::failure("register", error.to_string(), remedy_of(&error)),
        Ok(_) if settings.register.is_some() => Finding::ok("register", "its address and key can be used"),
        Ok(_) => Finding::warning(
            "register",
            "none is set up: no customer can be created in production",
            "Set register_url and register_key_file if digital onboarding is offered.",
        ),
    });
    let listeners =
        [("listen", Some(settings.listen)), ("bank_listen", settings.bank_listen), ("ops_listen", settings.ops_listen)];
    for (name, address) in listeners {
        findings.extend(address.map(|address| listener(name, address, is_running)));
    }
    if is_running {
        findings.extend(settings.ops_listen.map(readiness));
    }
    findings
}

fn remedy_of(error: &dyn Diagnostic) -> String {
    error.help().map(|help| help.to_string()).unwrap_or_default()
}

/// The data folder, and whether a gateway runs on it.
fn folder(data: &Path) -> (Finding, bool) {
    const ABOUT: &str = "data folder";
    let shown = data.display();
    if !data.exists() {
        let remedy = "The first start makes it. If there should be one, name it with --data-folder.";
        return (Finding::warning(ABOUT, format!("{shown} is not there"), remedy), false);
    }
    match Folder::open(data) {
        Ok(_) => (Finding::ok(ABOUT, format!("{shown}; no gateway runs on it")), false),
        Err(OpenError::InUse { process, .. }) => {
            let process = process.map(|id| format!(" (process {id})")).unwrap_or_default();
            (Finding::ok(ABOUT, format!("{shown}; a gateway runs on it{process}")), true)
        }
        Err(error) => (Finding::failure(ABOUT, error.to_string(), error.remedy()), false),
    }
}

fn keys(data: &Path) -> Vec<Finding> {
    let look = |name: &str| {
        let path = data.join(name);
        match fs::metadata(&path) {
            Err(_) => Finding::failure(
                "key file",
                format!("{} is missing or cannot be read", path.display()),
                "Put it back from its backup: without it the gateway does not start.",
            ),
            Ok(file) if file.permissions().mode() & 0o077 != 0 => Finding::failure(
                "key file",
                format!("{} is open to other users", path.display()),
                format!("Run: chmod 600 '{}'", path.display()),
            ),
            Ok(_) => Finding::ok("key file", name),
        }
    };
    [backup::KEY_FILE_NAME].into_iter().chain(secrets::FILE_NAMES).map(look).collect()
}

fn space(settings: &Settings) -> Finding {
    const ABOUT: &str = "free space";
    // Where the folder is not there yet, it will be on the volume of what is.
    let data = settings.data_folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let data = if data.as_os_str().is_empty() { Path::new(".") } else { data };
    let wanted = settings.room.free_bytes_min.saturating_add(settings.room.reserve_bytes);
    match volume_free_bytes(data) {
        Err(error) => Finding::warning(ABOUT, format!("cannot be told: {error}"), "Look at it with df."),
        Ok(free) if free < settings.room.free_bytes_min => Finding::failure(
            ABOUT,
            format!("{} MiB: requests are turned away", free >> 20),
            format!("Make room, {} MiB at least, or set disk_free_min lower.", wanted >> 20),
        ),
        Ok(free) if free < wanted.saturating_mul(2) => Finding::warning(
            ABOUT,
            format!("{} MiB; below {} MiB requests are turned away", free >> 20, settings.room.free_bytes_min >> 20),
            "Make room in time.",
        ),
        Ok(free) => Finding::ok(ABOUT, format!("{} MiB", free >> 20)),
    }
}

fn clock(data: &Path) -> Finding {
    const ABOUT: &str = "clock";
    let now = Timestamp::now();
    let remedy = "Set the clock, and let a time service such as chrony or systemd-timesyncd keep it.";
    if now.as_second() < CLOCK_MIN {
        return Finding::failure(ABOUT, format!("{now} is before this program was made"), remedy);
    }
    let written = fs::metadata(data.join(backup::FILE_NAME)).and_then(|file| file.modified());
    if written.is_ok_and(|at| at > SystemTime::now() + AHEAD_MAX) {
        return Finding::failure(ABOUT, format!("{now} is before the database was last written"), remedy);
    }
    Finding::ok(ABOUT, now.to_string())
}

fn open_files() -> Finding {
    const ABOUT: &str = "open files";
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    match line.and_then(|line| line.split_whitespace().next()) {
        None => Finding::warning(ABOUT, "the limit cannot be told", "Look at it with: ulimit -n"),
        Some("unlimited") => Finding::ok(ABOUT, "no limit"),
        Some(limit) if limit.parse::<u64>().is_ok_and(|limit| limit >= OPEN_FILES_MIN) => {
            Finding::ok(ABOUT, format!("up to {limit}"))
        }
        Some(limit) => Finding::warning(
            ABOUT,
            format!("up to {limit}, fewer than the connections that are let in"),
            format!("Raise it to {OPEN_FILES_MIN} or more: LimitNOFILE in the systemd unit, or ulimit -n."),
        ),
    }
}

fn certificate(settings: &Settings) -> Option<Finding> {
    const ABOUT: &str = "certificate";
    let files = settings.tls.as_ref()?;
    if let Err(error) = Tls::from_files(&files.certificate, &files.key, TlsVersionMin::default()) {
        let remedy =
            "tls_cert must name a PEM file with the chain, the server's own first, and tls_key its private key.";
        return Some(Finding::failure(ABOUT, error.to_string(), remedy));
    }
    let now = Timestamp::now();
    let remedy = "Renew it and start again: the files are read at the start.";
    Some(match tls::validity(&files.certificate) {
        Err(error) => {
            Finding::warning(ABOUT, format!("its time cannot be told: {error}"), "Look at it with openssl x509.")
        }
        Ok((from, _)) if now.as_second() < from => {
            Finding::failure(ABOUT, format!("valid only from {} on", shown(from)), "Set the clock, or wait.")
        }
        Ok((_, until)) if now.as_second() > until => {
            Finding::failure(ABOUT, format!("expired on {}", shown(until)), remedy)
        }
        Ok((_, until)) if until - now.as_second() < CERTIFICATE_DAYS_MIN * 24 * 60 * 60 => {
            Finding::warning(ABOUT, format!("expires on {}", shown(until)), remedy)
        }
        Ok((_, until)) => Finding::ok(ABOUT, format!("valid until {}", shown(until))),
    })
}

fn shown(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// A gateway that runs can be reached there; before one runs, nobody else has the address.
fn listener(name: &'static str, address: SocketAddr, is_running: bool) -> Finding {
    // Any free port is not known before the start.
    if address.port() == 0 {
        return Finding::ok(name, format!("{address}, any free port"));
    }
    if is_running {
        return match connect(address) {
            Ok(_) => Finding::ok(name, format!("{address} answers")),
            Err(error) => Finding::failure(
                name,
                format!("{address} cannot be reached: {error}"),
                "Look whether the gateway was started with these settings, and at the firewall.",
            ),
        };
    }
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(name, format!("{address} is free")),
        Err(error) => Finding::failure(
            name,
            format!("{address} cannot be had: {error}"),
            format!(
                "Another program may have it (ss -ltnp 'sport = :{}'): stop it, or set another {name}.",
                address.port()
            ),
        ),
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    // What listens on all addresses is reached on this machine's own.
    let address = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, v6.port()).into(),
        address => address,
    };
    TcpStream::connect_timeout(&address, ANSWER_TIME_MAX)
}

/// Whether the gateway says that it is ready, and nothing else.
fn asked(settings: &Settings) -> Finding {
    match settings.ops_listen {
        Some(address) => readiness(address),
        None => Finding::failure("readiness", "ops_listen is off", "Set ops_listen to an address on loopback."),
    }
}

/// What the gateway says of itself. Off loopback it speaks TLS, and is asked by those who monitor it.
fn readiness(address: SocketAddr) -> Finding {
    const ABOUT: &str = "readiness";
    if !address.ip().is_loopback() || address.port() == 0 {
        let remedy = "Ask /readyz of ops_listen from where it is monitored.";
        return Finding::warning(ABOUT, "not asked: ops_listen is off loopback or on any free port", remedy);
    }
    match ask_readiness(address) {
        Ok((true, _)) => Finding::ok(ABOUT, "ready"),
        Ok((false, failing)) => Finding::failure(
            ABOUT,
            format!("not ready: {}", failing.join(", ")),
            "docs/operations.md says what each check means.",
        ),
        Err(error) => Finding::failure(ABOUT, format!("cannot be asked: {error}"), "Look at the log of the gateway."),
    }
}

/// Whether it is ready, and the names of the checks that do not hold.
fn ask_readiness(address: SocketAddr) -> io::Result<(bool, Vec<String>)> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line)? > 0 && line != "\r\n" {
        line.clear();
    }
    let mut body = String::new();
    stream.take(1 << 20).read_to_string(&mut body)?;
    let body: Value = serde_json::from_str(&body).map_err(|_| io::Error::other("the answer is not JSON"))?;
    let checks = body["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failing = checks.iter().filter(|check| check["ok"] == false).filter_map(|check| check["name"].as_str());
    Ok((body["ready"] == true, failing.map(str::to_owned).collect()))
}
