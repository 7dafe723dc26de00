//! The program: reads the command line and the settings, and runs the gateway or one call to it.
//!
//! Data goes to stdout, all else to stderr. The exit code is 0 when all is well, 1 when a request was refused or the
//! gateway cannot run, 2 for a wrong command line or setting, 3 when no gateway answered, 4 when the key was not accepted.

#![allow(clippy::result_large_err, reason = "an error ends the program, so its size costs nothing")]

mod admin;
mod backup;
mod call;
mod cli;
mod data;
mod doctor;
mod failure;
mod key;
mod log;
mod receipt;
mod register;
mod request;
mod samples;
mod sandbox;
mod secrets;
mod serve;
mod settings;
mod systemd;
mod version;
mod welcome;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use miette::Report;

use crate::cli::{Cli, Command, PlaceArgs, ReceiptCommand, SigningKeyCommand};
use crate::failure::Failure;
use crate::settings::{Argument, Settings, Sources};

fn main() -> ExitCode {
    let cli = Cli::parse();
    for said in settings::unread(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        let _ = writeln!(io::stderr(), "warning: {said}");
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            // With stderr closed, the code is all that can be said.
            let _ = writeln!(io::stderr(), "{:?}", Report::new(failure));
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => Ok(serve::run(&settings(&args.place, args.arguments())?)?),
        Command::Admin(args) => {
            let place = args.place();
            Ok(admin::run(&args.command, args.json, &settings(&place, place.arguments())?)?)
        }
        Command::Reference(args) => {
            let place = args.place();
            Ok(admin::reference(&args.command, args.json, &settings(&place, place.arguments())?)?)
        }
        Command::Doctor(args) => Ok(doctor::run(&settings(&args.serve.place, args.serve.arguments())?, args.ready)?),
        Command::Backup(args) => Ok(backup::backup(&args, &settings(&args.place, args.place.arguments())?)?),
        Command::Restore(args) => Ok(backup::restore(&args, &settings(&args.place, args.place.arguments())?)?),
        Command::Send(args) => Ok(call::send(&args)?),
        Command::Check(args) => Ok(call::check(&args)?),
        Command::Status(args) => Ok(call::status(&args)?),
        Command::Receipt(ReceiptCommand::Verify(args)) => Ok(receipt::verify(&args)?),
        Command::SigningKey(SigningKeyCommand::Rotate(place)) => {
            Ok(key::rotate_signing_key(&settings(&place, place.arguments())?)?)
        }
        Command::Withdraw(args) => Ok(call::withdraw(&args)?),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "usher", &mut script);
            Ok(io::stdout().write_all(&script).map_err(Failure::Stdout)?)
        }
    }
}

fn settings(place: &PlaceArgs, arguments: Vec<(&'static str, Argument)>) -> Result<Settings, settings::Fault> {
    let environment = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.to_string_lossy().into_owned())))
        .collect();
    Settings::load(Sources { folder: Path::new("."), file: place.config.as_deref(), environment, arguments })
}
