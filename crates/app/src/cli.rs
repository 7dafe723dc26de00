//! The command line: which commands there are and what they take. What they do is elsewhere.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use usher_domain::reference::source::Form;
use usher_domain::reference::subject::Subject;

use crate::settings::Argument;
use crate::version;

/// The gateway through which partners bring people to a bank, and the command line of those partners.
///
/// Without a command it starts the gateway, like `usher serve`.
#[derive(Debug, Parser)]
#[command(name = "usher", version = version::TEXT, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the gateway; the first start makes a sandbox partner with a key.
    Serve(ServeArgs),
    /// Set up partners, keys, products and users of the bank; whoever may use the data folder may.
    Admin(AdminArgs),
    /// Code lists: import them, see what there is; whoever may use the data folder may.
    Reference(ReferenceArgs),
    /// Look at everything a gateway needs, running or not, and say what to do about what is wrong; takes what serve takes.
    Doctor(DoctorArgs),
    /// Copy the data folder of a gateway, running or not: everything acknowledged before is in the copy.
    Backup(BackupArgs),
    /// Make a data folder of a backup, for a gateway to be started on.
    Restore(RestoreArgs),
    /// Send a request to a gateway; the same file under the same --idempotency-key is stored once.
    Send(SendArgs),
    /// Check a request, here and at the gateway, without storing anything.
    Check(CheckArgs),
    /// Show what became of a request.
    Status(StatusArgs),
    /// Use receipts as proof.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Manage the key that receipts are signed with, of a gateway that is not running.
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Take a contact request back.
    Withdraw(WithdrawArgs),
    /// Write a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What is set up, where, and how it is shown.
#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
    /// The configuration file; without the option usher.toml, if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "USHER_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The data folder of the gateway, running or not. [default: ./usher-data] [env: USHER_DATA_FOLDER]
    #[arg(long, global = true, value_name = "FOLDER")]
    data_folder: Option<String>,
    /// Write results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is done with code lists, where, and how it is shown.
#[derive(Debug, Args)]
pub(crate) struct ReferenceArgs {
    #[command(subcommand)]
    pub(crate) command: ReferenceCommand,
    /// The configuration file; without the option usher.toml, if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "USHER_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The data folder of the gateway, running or not. [default: ./usher-data] [env: USHER_DATA_FOLDER]
    #[arg(long, global = true, value_name = "FOLDER")]
    data_folder: Option<String>,
    /// Write results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What can be done with code lists.
#[derive(Debug, Subcommand)]
pub(crate) enum ReferenceCommand {
    /// Put the lists of a file in force; nothing changes when anything in it is wrong.
    Import(Box<ReferenceImportArgs>),
    /// Show the lists in the store.
    List,
    /// Show every version of a list.
    Show {
        /// Its name.
        name: String,
    },
}

/// A file, and what is said of its lists; it counts more than what the file says.
#[derive(Debug, Args)]
pub(crate) struct ReferenceImportArgs {
    /// The file; - is stdin.
    pub(crate) file: PathBuf,
    /// The form of the file; seen by its first line when absent.
    #[arg(long, value_name = "FORM", value_parser = reference_forms())]
    pub(crate) form: Option<String>,
    /// The name of the list; with several lists in a file, how their names begin.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its version; without one, a digest of the content.
    #[arg(long)]
    pub(crate) version: Option<String>,
    /// A title to show.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// What the codes stand for.
    #[arg(long, value_parser = reference_subjects())]
    pub(crate) subject: Option<String>,
    /// For a list of terms: the kind of field they are looked for in; may be repeated.
    #[arg(long, value_name = "CLASS", value_parser = ["name", "company", "text"])]
    pub(crate) field: Vec<String>,
    /// The first day it is in force, YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    pub(crate) valid_from: Option<jiff::civil::Date>,
    /// The last day it is in force, YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    pub(crate) valid_to: Option<jiff::civil::Date>,
    /// Where it comes from.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Its licence.
    #[arg(long)]
    pub(crate) licence: Option<String>,
    /// Whom to name where it is used.
    #[arg(long)]
    pub(crate) credit: Option<String>,
}

fn reference_forms() -> PossibleValuesParser {
    Form::ALL.map(Form::as_str).into()
}

fn reference_subjects() -> PossibleValuesParser {
    Subject::ALL.map(Subject::as_str).into()
}

/// What can be set up.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Organisations that send requests.
    #[command(subcommand)]
    Partner(PartnerCommand),
    /// Their programs.
    #[command(subcommand)]
    Application(ApplicationCommand),
    /// What an application may call.
    #[command(subcommand)]
    Subscription(SubscriptionCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// What the bank takes, and on which terms.
    #[command(subcommand)]
    Product(ProductCommand),
    /// Which destinations are sent their messages instead of pulling them.
    #[command(subcommand)]
    Destination(DestinationCommand),
    /// Messages on their way: what waits, what was given up, and sending it once more.
    #[command(subcommand)]
    Delivery(DeliveryCommand),
    /// People and programs of the bank.
    #[command(subcommand)]
    BankUser(BankUserCommand),
    /// Show what operators changed.
    Audit {
        /// Only what came after this entry.
        #[arg(long, value_name = "NUMBER")]
        after: Option<i64>,
        /// How many entries at most, 1 to 500.
        #[arg(long, value_name = "COUNT")]
        limit: Option<i64>,
    },
}

/// What can be done with partners.
#[derive(Debug, Subcommand)]
pub(crate) enum PartnerCommand {
    /// Add a partner.
    Add {
        /// Its name.
        name: String,
    },
    /// List all partners.
    List,
    /// Give a partner another name.
    Rename {
        /// Its id or its name.
        partner: String,
        /// The new name.
        name: String,
    },
}

/// What can be done with applications.
#[derive(Debug, Subcommand)]
pub(crate) enum ApplicationCommand {
    /// Add an application of a partner.
    Add {
        /// Id or name of the partner.
        #[arg(long)]
        partner: String,
        /// Its name.
        name: String,
        /// How unknown members of its requests are treated.
        #[arg(long, default_value = "strict", value_parser = PossibleValuesParser::new(MODES))]
        mode: String,
    },
    /// List applications with what they may call.
    List {
        /// Only those of this partner, by id or name.
        #[arg(long)]
        partner: Option<String>,
    },
    /// Change the name or the mode of an application.
    Change {
        /// Its public id (AppKey).
        application: String,
        /// The new name.
        #[arg(long)]
        name: Option<String>,
        /// How unknown members of its requests are treated.
        #[arg(long, value_parser = PossibleValuesParser::new(MODES))]
        mode: Option<String>,
    },
    /// Make a secret that the webhook of an application is signed with, and show it once.
    Secret {
        /// Its public id (AppKey).
        application: String,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// List the secrets of an application's webhook, without the secrets themselves.
    Secrets {
        /// Its public id (AppKey).
        application: String,
        /// Where.
        #[arg(long, default_value = "production", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
        environment: String,
    },
    /// Send the events of an application to an address, or end that.
    Webhook {
        /// Its public id (AppKey).
        application: String,
        /// The address, https.
        #[arg(required_unless_present = "end", conflicts_with = "end")]
        url: Option<String>,
        /// How it is signed.
        #[arg(long, default_value = "ed25519", value_parser = PossibleValuesParser::new(SIGNATURES))]
        signature: String,
        /// Where.
        #[arg(long, default_value = "production", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
        environment: String,
        /// Send nothing any more; the events stay to be read.
        #[arg(long)]
        end: bool,
    },
    /// List the webhooks of all applications.
    Webhooks,
}

/// What can be done with the destinations file.
#[derive(Debug, Subcommand)]
pub(crate) enum DestinationCommand {
    /// Print the version in force as a TOML file to edit.
    Show {
        /// Another version instead; 0 is the empty one.
        #[arg(long)]
        version: Option<i64>,
    },
    /// List all versions.
    List,
    /// Check a file without a gateway.
    Check {
        /// The TOML file; `-` reads it from stdin.
        file: PathBuf,
    },
    /// Put a file in force; a destination that is no longer in it is pulled from then on.
    Apply {
        /// The TOML file; `-` reads it from stdin.
        file: PathBuf,
    },
    /// Make a secret that messages to a destination are signed with, and show it once.
    Secret {
        /// The destination: bank, or provider/ and its id.
        destination: String,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// List the secrets of a destination, without the secrets themselves.
    Secrets {
        /// The destination: bank, or provider/ and its id.
        destination: String,
        /// Where.
        #[arg(long, default_value = "production", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
        environment: String,
    },
}

/// A new secret to sign with.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// Where.
    #[arg(long, default_value = "production", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
    pub(crate) environment: String,
    /// hmac: both ends have the secret. ed25519: the receiver has the public half only.
    #[arg(long, default_value = "ed25519", value_parser = PossibleValuesParser::new(SIGNATURES))]
    pub(crate) signature: String,
    /// For how many hours those before it sign too, 0 to 720. [default: 24]
    #[arg(long, value_name = "HOURS")]
    pub(crate) overlap: Option<i64>,
}

/// What can be done with messages on their way.
#[derive(Debug, Subcommand)]
pub(crate) enum DeliveryCommand {
    /// List messages: those that were given up, unless others are asked for.
    List {
        /// Those that were given up.
        #[arg(long)]
        parked: bool,
        /// Those that wait for their turn or their next attempt.
        #[arg(long, conflicts_with = "parked")]
        pending: bool,
        /// Those that have arrived.
        #[arg(long, conflicts_with_all = ["parked", "pending"])]
        delivered: bool,
        /// Where.
        #[arg(long, default_value = "production", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
        environment: String,
        /// Only those for this destination; partner for the webhooks of applications.
        #[arg(long)]
        destination: Option<String>,
        /// Only what comes after this message.
        #[arg(long, value_name = "NUMBER")]
        after: Option<i64>,
        /// How many at most, 1 to 500.
        #[arg(long, value_name = "COUNT")]
        limit: Option<i64>,
    },
    /// Send messages once more, under the ids they have; what has arrived only with --delivered.
    #[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
    Replay {
        /// Only this message, by the number that the list shows.
        #[arg(group = "which")]
        message: Option<i64>,
        /// All of them.
        #[arg(long, group = "which")]
        all: bool,
        /// Only those for this destination; partner for the webhooks of applications.
        #[arg(long, group = "which")]
        destination: Option<String>,
        /// Only what was given up or has arrived then or later, RFC 3339.
        #[arg(long, value_name = "TIME", group = "which")]
        from: Option<String>,
        /// Only what was given up or has arrived before, RFC 3339.
        #[arg(long, value_name = "TIME", group = "which")]
        to: Option<String>,
        /// Those that have arrived instead of those that were given up.
        #[arg(long)]
        delivered: bool,
        /// Where.
        #[arg(long, default_value = "production", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
        environment: String,
    },
}

/// What can be done with subscriptions.
#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionCommand {
    /// Let an application call an API.
    Add(SubscriptionArgs),
    /// Let it call an API no longer.
    End(SubscriptionArgs),
}

/// Which subscription.
#[derive(Debug, Args)]
pub(crate) struct SubscriptionArgs {
    /// The public id (AppKey) of the application; can be left out while there is only one.
    #[arg(long, value_name = "APP_KEY")]
    pub(crate) application: Option<String>,
    /// The API; can be given several times.
    #[arg(long, required = true, value_parser = PossibleValuesParser::new(APIS))]
    pub(crate) api: Vec<String>,
    /// Where.
    #[arg(long, default_value = "sandbox", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
    pub(crate) environment: String,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and show it once.
    Add {
        /// The public id (AppKey) of the application; can be left out while there is only one.
        #[arg(long, value_name = "APP_KEY")]
        application: Option<String>,
        /// Where it is valid.
        #[arg(long, default_value = "sandbox", value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
        environment: String,
        /// For how many days, 1 to 730. [default: 365]
        #[arg(long)]
        days: Option<i64>,
    },
    /// List the keys of an application, without their secrets.
    List {
        /// The public id (AppKey) of the application; can be left out while there is only one.
        #[arg(long, value_name = "APP_KEY")]
        application: Option<String>,
    },
    /// Revoke a key; in force within 2 seconds.
    Revoke {
        /// The prefix of the key, as the list shows it.
        prefix: String,
        /// The public id (AppKey) of the application; can be left out while there is only one.
        #[arg(long, value_name = "APP_KEY")]
        application: Option<String>,
    },
}

/// What can be done with the products file.
#[derive(Debug, Subcommand)]
pub(crate) enum ProductCommand {
    /// Print the version in force as a TOML file to edit.
    Show {
        /// Another version instead; 0 is the built-in one.
        #[arg(long)]
        version: Option<i64>,
    },
    /// List all versions.
    List,
    /// Check a file without a gateway.
    Check {
        /// The TOML file; `-` reads it from stdin.
        file: PathBuf,
    },
    /// Put a file in force, for every request from then on; the version before is kept.
    Apply {
        /// The TOML file; `-` reads it from stdin.
        file: PathBuf,
    },
}

/// What can be done with users of the bank.
#[derive(Debug, Subcommand)]
pub(crate) enum BankUserCommand {
    /// Add a user and show the key once.
    Add {
        /// The name.
        name: String,
        /// What the user may do.
        #[arg(long, value_parser = PossibleValuesParser::new(["reader", "agent", "operator"]))]
        role: String,
        /// Where; can be given twice.
        #[arg(long, required = true, value_parser = PossibleValuesParser::new(ENVIRONMENTS))]
        environment: Vec<String>,
        /// The one destination the user sees, such as provider/branch-7; without it, all.
        #[arg(long)]
        destination: Option<String>,
        /// For how many days the key is valid, 1 to 730. [default: 365]
        #[arg(long)]
        days: Option<i64>,
    },
    /// List all users.
    List,
    /// Let a user call no longer.
    Revoke {
        /// The id of the user.
        user: String,
    },
}

const MODES: [&str; 2] = ["strict", "tolerant"];
const SIGNATURES: [&str; 2] = ["hmac", "ed25519"];
const ENVIRONMENTS: [&str; 2] = ["sandbox", "production"];
const APIS: [&str; 3] = ["contact_request", "appointment_request", "digital_customer"];

/// What can be done with receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Check the signature of a receipt, and that it is for a body; the exit code is 0, 1 when it proves nothing, 2 when a
    /// file is not what it should be.
    Verify(ReceiptVerifyArgs),
}

/// What can be done with the signing key.
#[derive(Debug, Subcommand)]
pub(crate) enum SigningKeyCommand {
    /// Make a new one and show its id; the old one no longer signs, but is still published.
    Rotate(PlaceArgs),
}

/// What is verified, and with which keys.
#[derive(Debug, Args)]
pub(crate) struct ReceiptVerifyArgs {
    /// The receipt, JSON.
    pub(crate) file: PathBuf,
    /// The body it was given for, as it was sent, JSON or XML.
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// The keys of the gateway, kept from /.well-known/jwks.json: nothing is called then.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// The gateway that is asked for its keys; no API key is needed.
    #[arg(long, value_name = "URL", env = "USHER_SERVER", default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// A PEM file with certificates to trust instead of the system's, such as a self-signed one.
    #[arg(long, value_name = "FILE", env = "USHER_TLS_CA")]
    pub(crate) tls_ca: Option<PathBuf>,
}

/// Where the configuration and the data are.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The configuration file; without the option usher.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Where everything is kept; made at first start. [default: ./usher-data] [env: USHER_DATA_FOLDER]
    #[arg(long, value_name = "FOLDER")]
    data_folder: Option<String>,
}

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Only ask the gateway that runs here whether it is ready; for health checks.
    #[arg(long)]
    pub(crate) ready: bool,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// Where the copy goes.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The folder of the copy; made, or empty. Whoever can read it can read every request, unless the keys are left out.
    #[arg(value_name = "TO")]
    pub(crate) target: PathBuf,
    /// Leave the key files out, to be kept elsewhere; they change only when a key is made anew.
    #[arg(long)]
    pub(crate) without_keys: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Which backup becomes a data folder.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The folder of the backup.
    #[arg(value_name = "FROM")]
    pub(crate) source: PathBuf,
    /// The folder with the key files, where the backup was made without them.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Settings of the gateway. All but --config can also stand in the configuration file, under the same name with
/// underscores.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Where to listen; port 0 takes any free one. [default: 127.0.0.1:8080] [env: USHER_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Where to listen for the bank, or off. [default: 127.0.0.1:8081] [env: USHER_BANK_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    bank_listen: Option<String>,
    /// Where to listen for /livez, /readyz and /metrics, or off. [default: 127.0.0.1:8082] [env: USHER_OPS_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    ops_listen: Option<String>,
    /// The certificate chain, PEM; needed off loopback. [env: USHER_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// The private key of the certificate, PEM. [env: USHER_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// The oldest version of TLS a client may speak. [default: 1.3] [env: USHER_TLS_VERSION_MIN]
    #[arg(long, value_name = "VERSION", value_parser = PossibleValuesParser::new(["1.2", "1.3"]))]
    tls_version_min: Option<String>,
    /// Serve plain HTTP even off loopback: keys and personal data travel readable. [env: USHER_INSECURE_HTTP]
    #[arg(long)]
    insecure_http: bool,
    /// The identity register that is asked before a customer is created in production. [env: USHER_REGISTER_URL]
    #[arg(long, value_name = "URL")]
    register_url: Option<String>,
    /// A file with the key the register gave to the gateway. [env: USHER_REGISTER_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    register_key_file: Option<String>,
    /// Certificates to trust for the register instead of the system's, PEM. [env: USHER_REGISTER_CA]
    #[arg(long, value_name = "FILE")]
    register_ca: Option<String>,
    /// Seconds the register is waited for, repeats included. [default: 10] [env: USHER_REGISTER_TIMEOUT]
    #[arg(long, value_name = "SECONDS")]
    register_timeout: Option<String>,
    /// Milliseconds the simulated bank of the sandbox takes for each step. [default: 2000] [env: USHER_SANDBOX_STEP]
    #[arg(long, value_name = "MILLISECONDS")]
    sandbox_step: Option<String>,
    /// For how long a worker that sends a message has it for itself, 45 to 600 seconds. [default: 60]
    /// [env: USHER_DELIVERY_LEASE]
    #[arg(long, value_name = "SECONDS")]
    delivery_lease: Option<String>,
    /// Days that the content of a request is kept once it was acknowledged and closed. [default: 30] [env: USHER_RETENTION_DAYS]
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<String>,
    /// Days that content is kept which could not be delivered. [default: 90] [env: USHER_RETENTION_PARKED_DAYS]
    #[arg(long, value_name = "DAYS")]
    retention_parked_days: Option<String>,
    /// Mebibytes set aside on the volume of the data folder, for when it is full. [default: 64] [env: USHER_DISK_RESERVE]
    #[arg(long, value_name = "MEBIBYTES")]
    disk_reserve: Option<String>,
    /// Mebibytes that must be free there beside them, else requests get 503. [default: 256] [env: USHER_DISK_FREE_MIN]
    #[arg(long, value_name = "MEBIBYTES")]
    disk_free_min: Option<String>,
    /// The form of log lines on stderr; text on a terminal, else json. [env: USHER_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(["text", "json"]))]
    log_format: Option<String>,
    /// The least important log lines to write. [default: info] [env: USHER_LOG_LEVEL]
    #[arg(long, value_name = "LEVEL", value_parser = PossibleValuesParser::new(["error", "warn", "info", "debug", "trace"]))]
    log_level: Option<String>,
}

/// Which gateway is called, and how.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// The address of the gateway.
    #[arg(long, value_name = "URL", env = "USHER_SERVER", default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// A file with the API key; `-` reads it from stdin. Without it the key is taken from USHER_KEY.
    #[arg(long, value_name = "FILE", env = "USHER_KEY_FILE", hide_env_values = true)]
    pub(crate) key_file: Option<PathBuf>,
    /// A PEM file with certificates to trust instead of the system's, such as a self-signed one.
    #[arg(long, value_name = "FILE", env = "USHER_TLS_CA")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Send the key over plain HTTP even off loopback, where others can read it.
    #[arg(long)]
    pub(crate) insecure_http: bool,
}

/// Which request is meant.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// The JSON body; `-` reads it from stdin.
    pub(crate) file: PathBuf,
    /// What the body is a request of; without the option its members tell.
    #[arg(long, value_parser = PossibleValuesParser::new(crate::request::NAMES))]
    pub(crate) api: Option<String>,
    /// Accept members the contract does not name, as the gateway does for a tolerant application.
    #[arg(long)]
    pub(crate) tolerant: bool,
    /// Write the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is sent.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Under which key a repeat gets the first answer again; a random one without the option.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// What is checked.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Check here only, without a gateway or a key.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Which request is followed.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The id in the receipt.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Write the receipt as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which request is taken back, and why.
#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// The id in the receipt.
    pub(crate) id: String,
    /// A file with the reason, for the bank to read; `-` reads it from stdin. A reason on the command line could be read by
    /// others.
    #[arg(long, value_name = "FILE")]
    pub(crate) reason_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Under which key a repeat gets the first answer again; a random one without the option.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Write the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ReferenceArgs {
    /// Where the configuration and the data are.
    pub(crate) fn place(&self) -> PlaceArgs {
        PlaceArgs { config: self.config.clone(), data_folder: self.data_folder.clone() }
    }
}

impl AdminArgs {
    /// Where the configuration and the data are.
    pub(crate) fn place(&self) -> PlaceArgs {
        PlaceArgs { config: self.config.clone(), data_folder: self.data_folder.clone() }
    }
}

impl PlaceArgs {
    /// What was said, by the names of the settings.
    pub(crate) fn arguments(&self) -> Vec<(&'static str, Argument)> {
        texts([("data_folder", &self.data_folder)])
    }
}

impl ServeArgs {
    /// What was said, by the names of the settings.
    pub(crate) fn arguments(&self) -> Vec<(&'static str, Argument)> {
        let mut arguments = self.place.arguments();
        arguments.extend(texts([
            ("listen", &self.listen),
            ("bank_listen", &self.bank_listen),
            ("ops_listen", &self.ops_listen),
            ("tls_cert", &self.tls_cert),
            ("tls_key", &self.tls_key),
            ("tls_version_min", &self.tls_version_min),
            ("register_url", &self.register_url),
            ("register_key_file", &self.register_key_file),
            ("register_ca", &self.register_ca),
            ("register_timeout", &self.register_timeout),
            ("sandbox_step", &self.sandbox_step),
            ("delivery_lease", &self.delivery_lease),
            ("retention_days", &self.retention_days),
            ("retention_parked_days", &self.retention_parked_days),
            ("disk_reserve", &self.disk_reserve),
            ("disk_free_min", &self.disk_free_min),
            ("log_format", &self.log_format),
            ("log_level", &self.log_level),
        ]));
        let flags = [("insecure_http", self.insecure_http)];
        arguments.extend(flags.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| (name, Argument::Flag)));
        arguments
    }
}

fn texts<const N: usize>(options: [(&'static str, &Option<String>); N]) -> Vec<(&'static str, Argument)> {
    options.into_iter().filter_map(|(name, text)| Some((name, Argument::Text(text.clone()?)))).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
