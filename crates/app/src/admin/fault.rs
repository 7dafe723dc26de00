//! Why a command of the operator was not done, and what to do about it.

use std::io;

use miette::{Diagnostic, LabeledSpan, NamedSource};
use thiserror::Error;
use usher_client::{SetupError, TransportError};
use usher_contract::shared::Problem;
use usher_wire::{Failure, Violations};

use crate::data;
use crate::failure::{NETWORK, REFUSED, USAGE};

/// Why it was not done.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The data folder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Data(#[from] data::Fault),

    /// There is nothing to set up.
    #[error("there is no gateway in {folder}")]
    #[diagnostic(
        code(usher::admin::no_gateway),
        help("Name its data folder with --data-folder, or start a gateway: the first start makes it.")
    )]
    NoGateway { folder: String },

    /// It is not clear what is meant.
    #[error("{told}")]
    #[diagnostic(code(usher::admin::unclear), help("{help}"))]
    Unclear { told: &'static str, help: String },

    /// What the command line says breaks the contract.
    #[error("this cannot be asked for: {0}")]
    #[diagnostic(code(usher::admin::not_valid), help("Correct what is named and try again."))]
    NotValid(Violations),

    /// The gateway said no.
    #[error("{title} ({code}){detail}")]
    #[diagnostic(code(usher::admin::refused), help("{}", remedy(code)))]
    Refused { code: String, title: String, detail: String, problem: Box<Problem> },

    /// A file cannot be read.
    #[error("cannot read {name}")]
    #[diagnostic(code(usher::admin::file), help("Name a text file that exists, or - for stdin."))]
    File { name: String, source: io::Error },

    /// A file is not TOML.
    #[error("{name} is not valid TOML")]
    #[diagnostic(
        code(usher::admin::syntax),
        help("Correct the marked place. The show command beside it prints a file to start from; see https://toml.io.")
    )]
    Syntax {
        name: String,
        #[label(collection)]
        places: Vec<LabeledSpan>,
        #[source_code]
        text: NamedSource<String>,
    },

    /// A file of products or destinations cannot be applied.
    #[error("{name} cannot be applied: {count}\n{list}")]
    #[diagnostic(
        code(usher::admin::products),
        help(
            "Correct the marked places; nothing was applied. docs/setting-up.md and docs/delivery.md list every member, \
             and the show command beside it prints the file in force."
        )
    )]
    Products {
        name: String,
        count: String,
        list: String,
        #[label(collection)]
        places: Vec<LabeledSpan>,
        #[source_code]
        text: NamedSource<String>,
    },

    /// A file of codes cannot be imported.
    #[error("{name} cannot be imported\n{list}")]
    #[diagnostic(
        code(usher::admin::list),
        help("Correct the marked places; nothing was imported. docs/reference-data.md describes the forms of files.")
    )]
    List {
        name: String,
        list: String,
        #[label(collection)]
        places: Vec<LabeledSpan>,
        #[source_code]
        text: NamedSource<String>,
    },

    /// No answer came.
    #[error("the gateway does not answer: {0}")]
    #[diagnostic(
        code(usher::admin::no_answer),
        help("Look at the log of the gateway. When it has ended meanwhile, run the command again.")
    )]
    NoAnswer(#[source] TransportError),

    /// The answer is none of ours.
    #[error("the gateway answered with status {0} in a form that is not known")]
    #[diagnostic(code(usher::admin::unexpected), help("Use the usher program of the version that is running."))]
    Unexpected(u16),

    /// No client can be made.
    #[error("no call can be made")]
    #[diagnostic(code(usher::admin::setup), help("Raise the limits of open files for this process."))]
    Setup(#[source] SetupError),

    /// The process lacks something from the system.
    #[error("the system refuses threads")]
    #[diagnostic(code(usher::admin::system), help("Raise the limit of threads for this process."))]
    System(#[source] io::Error),

    /// The result cannot be shown.
    #[error("cannot write to stdout")]
    #[diagnostic(
        code(usher::stdout),
        help(
            "Connect stdout to a terminal, a file or another program. If a new key was lost: revoke it, make another."
        )
    )]
    Stdout(#[source] io::Error),
}

impl Fault {
    /// It is not clear what is meant; `known` says what could be.
    pub(super) fn unclear(told: &'static str, what: &str, known: &[String]) -> Fault {
        let help =
            if known.is_empty() { format!("Name {what}.") } else { format!("Name {what}:\n{}", known.join("\n")) };
        Fault::Unclear { told, help }
    }

    /// Why a call has no good answer.
    pub(super) fn of_call(failure: Failure<TransportError, Problem>) -> Fault {
        match failure {
            Failure::Transport(TransportError::NotSent(violations)) => Fault::NotValid(violations),
            Failure::Transport(error) => Fault::NoAnswer(error),
            Failure::Unexpected { status, .. } => Fault::Unexpected(status),
            Failure::Refused { answer, .. } => {
                let problem = Box::new(answer.into_inner());
                let mut detail = problem.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
                for violation in &problem.violations {
                    detail.push_str(&format!("\n  {} {}", violation.pointer, violation.message));
                }
                Fault::Refused { code: problem.code.clone(), title: problem.title.clone(), detail, problem }
            }
        }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Fault::NoGateway { .. } | Fault::Unclear { .. } | Fault::NotValid(_) | Fault::File { .. } => USAGE,
            Fault::Syntax { .. } | Fault::Products { .. } | Fault::List { .. } => USAGE,
            Fault::NoAnswer(_) | Fault::Unexpected(_) => NETWORK,
            _ => REFUSED,
        }
    }
}

fn remedy(code: &str) -> &'static str {
    match code {
        "not_found" => "Look what there is with the list command beside it.",
        "version_conflict" => "Somebody applied another version: the show command beside it prints it. Apply again.",
        "store_unavailable" | "overloaded" => "Try again in a moment.",
        _ => "schemas/errors.json tells what the code means.",
    }
}
