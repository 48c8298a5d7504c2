//! The log: lines on standard error, as text or JSON.

use std::io::IsTerminal;

use super::config::Log;

/// Starts the log. Libraries log warnings and errors only: they do not know which values are
/// secret.
pub(crate) fn start(log: Log) {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::prelude::*;
    let filter = Targets::new().with_default(tracing::Level::WARN.min(log.level)).with_target("authority", log.level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    if log.json {
        tracing_subscriber::registry().with(lines.json().flatten_event(true).with_filter(filter)).init();
    } else {
        tracing_subscriber::registry()
            .with(lines.with_ansi(std::io::stderr().is_terminal()).with_filter(filter))
            .init();
    }
}
