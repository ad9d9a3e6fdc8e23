//! Structured logs on standard error: one line per transition, as text for people or JSON for machines.
//!
//! Some libraries log what passes through them: SQL with its values, the server's notices, bodies of answers of the
//! Kubernetes API (Secrets among them). Those never come out, whatever filter is asked for.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

/// What is in force under the user's own directives. Failed requests are logged by whoever made them, with more sense than
/// the client's own lines.
const DEFAULTS: &str = "warn,sqlx=warn,kube=warn,kube_client::client::builder=off";

/// Targets that may carry values of rows, statements or Secrets. `kube_client::client` is meant without its submodules.
const NEVER: &[&str] = &["sqlx::query", "sqlx::postgres::notice", "kube_client::client"];

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("`{other}` is not a log format: write text or json")),
        }
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "`{filter}` is not a log filter: {source}; write a level (error, warn, info, debug, trace), or directives as in \
         info,sluice::controller=debug"
    )]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else logs already.
    #[error("logging is set up already: {0}")]
    Again(#[from] TryInitError),
}

/// Starts logging to standard error for the whole process.
///
/// `filter` is a level, or directives in the form of `RUST_LOG`. A plain level is meant for Sluice itself; libraries stay at
/// warnings, until a directive names them.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let layer = layer(format, filter, std::io::stderr, std::io::stderr().is_terminal())?;
    tracing_subscriber::registry().with(layer).try_init()?;
    Ok(())
}

fn layer<S, W>(format: LogFormat, filter: &str, writer: W, colours: bool) -> Result<impl Layer<S>, LogError>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> fmt::MakeWriter<'writer> + Send + Sync + 'static,
{
    let allowed = env_filter(filter)?.and(filter_fn(|event| !NEVER.contains(&event.target())));
    let base = fmt::layer().with_writer(writer).with_ansi(colours);
    let formatted = match format {
        LogFormat::Text => base.boxed(),
        LogFormat::Json => base.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    Ok(formatted.with_filter(allowed))
}

fn env_filter(filter: &str) -> Result<EnvFilter, LogError> {
    let own = match filter.trim() {
        "" => "sluice=info".to_owned(),
        level if !level.contains([',', '=', '[']) && level.parse::<tracing::level_filters::LevelFilter>().is_ok() => {
            format!("sluice={level}")
        }
        directives => directives.to_owned(),
    };
    EnvFilter::builder()
        .parse(format!("{DEFAULTS},{own}"))
        .map_err(|source| LogError::Filter { filter: filter.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::with_default;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, work: impl FnOnce()) -> String {
        let paper = Paper::default();
        let pen = paper.clone();
        let layer = layer(format, filter, move || pen.clone(), false).unwrap();
        with_default(tracing_subscriber::registry().with(layer), work);
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_plain_level_is_meant_for_sluice_alone() {
        let work = || {
            tracing::debug!(target: "sluice::controller", "ours");
            tracing::debug!(target: "hyper::client", "theirs");
            tracing::warn!(target: "kube_runtime::watcher", "warning");
            tracing::error!(target: "kube_client::client::builder", "failed with error");
        };
        let text = logged(LogFormat::Text, "debug", work);
        assert!(text.contains("ours") && text.contains("warning"), "{text}");
        assert!(!text.contains("theirs") && !text.contains("failed with"), "{text}");
        assert!(!logged(LogFormat::Text, "", work).contains("ours"));
    }

    #[test]
    fn a_directive_opens_a_library_that_carries_no_data() {
        let work = || tracing::debug!(target: "hyper::client", "theirs");
        assert!(logged(LogFormat::Text, "info,hyper=debug", work).contains("theirs"));
    }

    #[test]
    fn what_may_carry_data_never_comes_out() {
        for filter in ["trace", "trace,sqlx=trace", "sqlx::query=trace,sqlx::postgres::notice=trace,kube_client=trace"]
        {
            let text = logged(LogFormat::Text, filter, || {
                tracing::error!(target: "sqlx::query", "insert into t values ('s3cret')");
                tracing::error!(target: "sqlx::postgres::notice", "s3cret");
                tracing::error!(target: "kube_client::client", "s3cret");
            });
            assert_eq!(text, "", "{filter}");
        }
    }

    #[test]
    fn json_is_one_flat_object_per_line() {
        let text = logged(LogFormat::Json, "info", || {
            tracing::info!(target: "sluice::controller", object = "shop/orders", "applied");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["object"], "shop/orders");
        assert_eq!(line["message"], "applied");
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_examples() {
        let error = init(LogFormat::Text, "sluice=loud").unwrap_err().to_string();
        assert!(error.contains("`sluice=loud` is not a log filter") && error.contains("debug"), "{error}");
        assert!("xml".parse::<LogFormat>().unwrap_err().contains("text or json"));
    }
}
