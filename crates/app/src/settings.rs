//! The settings of the gateway: defaults, then the configuration file, then the environment, then the command line.
//!
//! Every setting has one name in all of them: `tls_cert` in the file is `USHER_TLS_CERT` in the environment and
//! `--tls-cert` on the command line. Secrets are never settings; settings name the files that hold them.

mod fault;
mod file;
#[cfg(test)]
mod tests;

use std::net::{AddrParseError, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::value::magic::RelativePathBuf;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Deserialize;
use usher_storage::Room;

pub(crate) use self::fault::Fault;
use self::file::File;

/// Read when it is there and no other file is named.
const FILE_NAME: &str = "usher.toml";

/// One setting: its name in the file, and what its value must be.
struct Setting {
    name: &'static str,
    expected: &'static str,
}

/// All there are. The fields of [`Values`] carry the same names; a test compares them.
const SETTINGS: [Setting; 20] = [
    Setting {
        name: "listen",
        expected: "an IP address and a port from 0 to 65535, such as \"127.0.0.1:8080\"; port 0 takes any free one",
    },
    Setting {
        name: "bank_listen",
        expected: "an IP address and a port from 0 to 65535, such as \"127.0.0.1:8081\", or \"off\"",
    },
    Setting {
        name: "ops_listen",
        expected: "an IP address and a port from 0 to 65535, such as \"127.0.0.1:8082\", or \"off\"",
    },
    Setting { name: "data_folder", expected: "the path of a folder, such as \"./usher-data\"" },
    Setting { name: "tls_cert", expected: "the path of a PEM file with the certificate chain" },
    Setting { name: "tls_key", expected: "the path of a PEM file with the private key" },
    Setting { name: "tls_version_min", expected: "\"1.3\", or \"1.2\" for clients that cannot do better" },
    Setting { name: "insecure_http", expected: "true or false" },
    Setting {
        name: "register_url",
        expected: "the address of the identity register, such as \"https://register.example.org\"",
    },
    Setting { name: "register_key_file", expected: "the path of a file with the key of the identity register" },
    Setting { name: "register_ca", expected: "the path of a PEM file with the certificates to trust" },
    Setting { name: "register_timeout", expected: "a number of seconds from 1 to 25, such as 10" },
    Setting { name: "sandbox_step", expected: "a number of milliseconds from 0 to 86400000, such as 2000" },
    Setting { name: "delivery_lease", expected: "a number of seconds from 45 to 600, such as 60" },
    Setting { name: "retention_days", expected: "a number of days from 7 to 3650, such as 30" },
    Setting { name: "retention_parked_days", expected: "a number of days from 7 to 90, such as 90" },
    Setting { name: "disk_reserve", expected: "a number of mebibytes from 0 to 1048576, such as 64" },
    Setting { name: "disk_free_min", expected: "a number of mebibytes from 0 to 1048576, such as 256" },
    Setting { name: "log_format", expected: "\"text\" or \"json\"" },
    Setting { name: "log_level", expected: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"" },
];

/// What the gateway is started with.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where to listen for the bank, if at all.
    pub(crate) bank_listen: Option<SocketAddr>,
    /// Where to listen for those who run it, if at all.
    pub(crate) ops_listen: Option<SocketAddr>,
    /// Where everything is kept.
    pub(crate) data_folder: PathBuf,
    /// The certificate to serve with, if there is one.
    pub(crate) tls: Option<TlsFiles>,
    /// Whether plain HTTP off loopback is wanted all the same.
    pub(crate) insecure_http: bool,
    /// The identity register of production, if there is one.
    pub(crate) register: Option<Register>,
    /// How long the simulated bank and register of the sandbox take for a step.
    pub(crate) sandbox_step: Duration,
    /// How long a worker that sends a message has it for itself.
    pub(crate) delivery_lease: Duration,
    /// How long content is kept after it was acknowledged and closed, and where it could not be delivered.
    pub(crate) retention: Retention,
    /// How much room is kept on the volume of the data folder.
    pub(crate) room: Room,
    /// The form of log lines; none lets the terminal decide.
    pub(crate) log_format: Option<LogFormat>,
    /// The least important log lines to write.
    pub(crate) log_level: LogLevel,
}

/// How long content is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Retention {
    pub(crate) days: u64,
    pub(crate) parked_days: u64,
}

/// A certificate, its key and how they are used.
#[derive(Debug, PartialEq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) version_min: TlsVersion,
}

/// Where the identity register is and how it is called.
#[derive(Debug, PartialEq)]
pub(crate) struct Register {
    pub(crate) url: String,
    pub(crate) key_file: PathBuf,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub(crate) enum TlsVersion {
    #[serde(rename = "1.2")]
    V12,
    #[serde(rename = "1.3")]
    V13,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// An address, or none on purpose.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Place(Option<SocketAddr>);

impl TryFrom<String> for Place {
    type Error = AddrParseError;

    fn try_from(text: String) -> Result<Self, AddrParseError> {
        Ok(Place(if text == "off" { None } else { Some(text.parse()?) }))
    }
}

/// The values as they are written, under their names.
#[derive(Deserialize)]
struct Values {
    listen: SocketAddr,
    bank_listen: Place,
    ops_listen: Place,
    data_folder: RelativePathBuf,
    tls_cert: Option<RelativePathBuf>,
    tls_key: Option<RelativePathBuf>,
    tls_version_min: TlsVersion,
    insecure_http: bool,
    register_url: Option<String>,
    register_key_file: Option<RelativePathBuf>,
    register_ca: Option<RelativePathBuf>,
    register_timeout: Bounded<1, 25>,
    sandbox_step: Bounded<0, 86_400_000>,
    // An attempt takes 30 seconds at most; the rest is for reading before it and marking after it.
    delivery_lease: Bounded<45, 600>,
    retention_days: Bounded<7, 3_650>,
    retention_parked_days: Bounded<7, 90>,
    disk_reserve: Bounded<0, 1_048_576>,
    disk_free_min: Bounded<0, 1_048_576>,
    log_format: Option<LogFormat>,
    log_level: LogLevel,
}

/// A whole number between bounds, written as a number or as its digits: the environment and the command line know texts
/// only.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Whole")]
struct Bounded<const MIN: u64, const MAX: u64>(u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Whole {
    Number(u64),
    Digits(String),
}

impl<const MIN: u64, const MAX: u64> TryFrom<Whole> for Bounded<MIN, MAX> {
    type Error = &'static str;

    fn try_from(whole: Whole) -> Result<Self, Self::Error> {
        let number = match whole {
            Whole::Number(number) => Some(number),
            Whole::Digits(digits) => digits.parse().ok(),
        };
        number.filter(|number| (MIN..=MAX).contains(number)).map(Bounded).ok_or("out of bounds")
    }
}

/// Where settings come from, apart from the defaults.
pub(crate) struct Sources<'s> {
    /// The folder in which a file that was not named is looked for.
    pub(crate) folder: &'s Path,
    /// The configuration file that was named.
    pub(crate) file: Option<&'s Path>,
    /// The environment variables.
    pub(crate) environment: Vec<(String, String)>,
    /// What was said on the command line, by the name of the setting.
    pub(crate) arguments: Vec<(&'static str, Argument)>,
}

/// What the command line says of one setting.
pub(crate) enum Argument {
    /// An option with its value.
    Text(String),
    /// A flag that was given.
    Flag,
}

impl Settings {
    /// Reads all sources.
    ///
    /// # Errors
    ///
    /// What is wrong, where it stands, and what to write instead.
    pub(crate) fn load(sources: Sources<'_>) -> Result<Self, Fault> {
        let named = match sources.file {
            Some(path) => Some(path.to_owned()),
            None => Some(sources.folder.join(FILE_NAME)).filter(|path| path.exists()),
        };
        let file = named.as_deref().map(File::read).transpose()?;

        let mut figment = Figment::from(defaults());
        if let Some(file) = &file {
            figment = figment.merge(file.source()?);
        }
        let values: Values = figment
            .merge(environment(sources.environment))
            .merge(arguments(sources.arguments))
            .extract()
            .map_err(|error| Fault::of_value(error, file.as_ref()))?;
        values.try_into()
    }
}

impl TryFrom<Values> for Settings {
    type Error = Fault;

    fn try_from(values: Values) -> Result<Self, Fault> {
        let tls = match (values.tls_cert, values.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate: certificate.relative(),
                key: key.relative(),
                version_min: values.tls_version_min,
            }),
            (None, None) => None,
            (Some(_), None) => return Err(Fault::TlsHalf { given: "tls_cert", missing: "tls_key" }),
            (None, Some(_)) => return Err(Fault::TlsHalf { given: "tls_key", missing: "tls_cert" }),
        };
        let timeout = Duration::from_secs(values.register_timeout.0);
        let register = match (values.register_url, values.register_key_file) {
            (Some(url), Some(key_file)) => Some(Register {
                url,
                key_file: key_file.relative(),
                ca: values.register_ca.map(|path| path.relative()),
                timeout,
            }),
            (None, None) => None,
            (Some(_), None) => return Err(Fault::RegisterHalf { given: "register_url", missing: "register_key_file" }),
            (None, Some(_)) => return Err(Fault::RegisterHalf { given: "register_key_file", missing: "register_url" }),
        };
        Ok(Settings {
            listen: values.listen,
            bank_listen: values.bank_listen.0,
            ops_listen: values.ops_listen.0,
            data_folder: values.data_folder.relative(),
            tls,
            insecure_http: values.insecure_http,
            register,
            sandbox_step: Duration::from_millis(values.sandbox_step.0),
            delivery_lease: Duration::from_secs(values.delivery_lease.0),
            retention: Retention { days: values.retention_days.0, parked_days: values.retention_parked_days.0 },
            room: Room { reserve_bytes: values.disk_reserve.0 << 20, free_bytes_min: values.disk_free_min.0 << 20 },
            log_format: values.log_format,
            log_level: values.log_level,
        })
    }
}

/// Variables of the environment that are read elsewhere: by the command line, by the commands of the walkthroughs, which the
/// first start prints them for, and by the tests.
const OTHER_VARIABLES: [&str; 9] = [
    "USHER_CONFIG",
    "USHER_SERVER",
    "USHER_KEY",
    "USHER_KEY_FILE",
    "USHER_TLS_CA",
    "USHER_BANK",
    "USHER_APP_KEY",
    "USHER_DATA",
    "USHER_PROGRAM",
];

/// What to say of variables that begin like ours and that nobody reads: most are misspelt, and would do nothing.
pub(crate) fn unread(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let known: Vec<String> =
        SETTINGS.iter().map(|it| variable(it.name)).chain(OTHER_VARIABLES.map(str::to_owned)).collect();
    let is_unread = |name: &String| name.starts_with("USHER_") && !known.contains(name);
    let mut unread: Vec<String> = names.into_iter().filter(is_unread).collect();
    unread.sort();
    // What all of them begin with is no likeness.
    let endings = || known.iter().filter_map(|name| name.strip_prefix("USHER_"));
    let said = |name: String| match file::most_like(&name["USHER_".len()..], endings()) {
        Some(meant) => format!("the variable {name} is not read; did you mean USHER_{meant}?"),
        None => format!("the variable {name} is not read; there is no such setting"),
    };
    unread.into_iter().map(said).collect()
}

/// Values from one place, which is remembered with each of them.
struct Source {
    metadata: Metadata,
    values: Dict,
}

impl Provider for Source {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

fn defaults() -> Source {
    let values = [
        ("listen", Value::from("127.0.0.1:8080")),
        ("bank_listen", Value::from("127.0.0.1:8081")),
        ("ops_listen", Value::from("127.0.0.1:8082")),
        ("data_folder", Value::from("./usher-data")),
        ("tls_version_min", Value::from("1.3")),
        ("insecure_http", Value::from(false)),
        ("register_timeout", Value::from(10)),
        ("sandbox_step", Value::from(2_000)),
        ("delivery_lease", Value::from(60)),
        ("retention_days", Value::from(30)),
        ("retention_parked_days", Value::from(90)),
        ("disk_reserve", Value::from(64)),
        ("disk_free_min", Value::from(256)),
        ("log_level", Value::from("info")),
    ];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Source { metadata: Metadata::named("the defaults"), values }
}

/// Variables that are set to nothing count as not set: that is how most tools unset one.
fn environment(variables: Vec<(String, String)>) -> Source {
    let metadata = Metadata::named("the environment").interpolater(|_, path| variable(&path.join(".")));
    let named = |name: &str| SETTINGS.iter().find(|setting| variable(setting.name) == name);
    let values = variables
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .filter_map(|(name, text)| Some((named(&name)?.name.to_owned(), of_text(text))))
        .collect();
    Source { metadata, values }
}

fn arguments(arguments: Vec<(&'static str, Argument)>) -> Source {
    let metadata = Metadata::named("the command line").interpolater(|_, path| option(&path.join(".")));
    let value = |argument| match argument {
        Argument::Text(text) => Value::from(text),
        Argument::Flag => Value::from(true),
    };
    let values = arguments.into_iter().map(|(name, argument)| (name.to_owned(), value(argument))).collect();
    Source { metadata, values }
}

/// Text that says a truth value is one; all else stays text, whatever it looks like.
fn of_text(text: String) -> Value {
    text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from)
}

/// The name of a setting in the environment.
fn variable(name: &str) -> String {
    format!("USHER_{}", name.to_ascii_uppercase())
}

/// The name of a setting on the command line.
fn option(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}
