//! Log lines: on stderr, in UTC, of our own crates only. Other crates may write what they were sent, and that may be a
//! secret or a person.

use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogFormat, LogLevel};

/// The start of the names of all our crates.
const OURS: &str = "usher";

/// Starts logging for the process.
pub(crate) fn start(format: Option<LogFormat>, level: LogLevel) {
    let is_terminal = io::stderr().is_terminal();
    let format = format.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Json });
    let filter = Targets::new().with_target(OURS, Level::from(level));
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let layer = match format {
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => {
            let is_colour_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            layer.with_ansi(is_terminal && is_colour_wanted).with_filter(filter).boxed()
        }
    };
    tracing_subscriber::registry().with(layer).init();
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Level::ERROR,
            LogLevel::Warn => Level::WARN,
            LogLevel::Info => Level::INFO,
            LogLevel::Debug => Level::DEBUG,
            LogLevel::Trace => Level::TRACE,
        }
    }
}
