//! `sluice operator`: from flags to a running operator, and from signals to its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args};
use kube::Client;
use kube::client::ClientBuilder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::checks::Endpoints;
use crate::controller::leader::Timings;
use crate::controller::{self, Options};
use crate::telemetry::{self, ApiLayer, Health, LogFormat, Metrics, Server};

use super::duration_value::DurationValue;
use super::endpoint::Endpoint;
use super::{cluster, output};

/// Run the operator: bring databases to the versions that DatabaseMigrations ask for
///
/// Runs until SIGTERM or SIGINT, in a cluster or, with a kubeconfig, anywhere that reaches the cluster's API and the
/// databases. On SIGTERM it takes no more work, lets running SQL end until the grace period is nearly over, then cancels it
/// on the server, and gives the Lease back.
///
/// Exit codes: 0 stopped on request; 1 could not start, or leadership was lost (start it again); 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice operator                                          with ~/.kube/config, for all namespaces\n  \
    sluice operator --namespace shop --leader-elect=false    for one namespace, alone\n  \
    SLUICE_LOG=debug sluice operator --log-format json       with more to read")]
pub struct Arguments {
    /// Address for /metrics, /healthz and /readyz
    #[arg(long, env = "SLUICE_HTTP_ADDR", value_name = "HOST:PORT", default_value = "0.0.0.0:8080")]
    http_addr: SocketAddr,

    /// Look after one namespace only [default: all]
    #[arg(long, env = "SLUICE_NAMESPACE", value_name = "NAMESPACE", value_parser = non_empty())]
    namespace: Option<String>,

    /// Migrate so many databases at once
    #[arg(long, env = "SLUICE_CONCURRENCY", value_name = "N", default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,

    /// Look again at objects that are ready after this time, spread out
    #[arg(long, env = "SLUICE_RESYNC", value_name = "DURATION", default_value_t = DurationValue::seconds(600))]
    resync: DurationValue,

    /// End within this time after SIGTERM; keep it below the Pod's terminationGracePeriodSeconds
    #[arg(long, env = "SLUICE_SHUTDOWN_GRACE", value_name = "DURATION", default_value_t = DurationValue::seconds(25))]
    shutdown_grace: DurationValue,

    /// A Prometheus server that checks may name; repeat it, or separate several by commas
    #[arg(long, env = "SLUICE_PROMETHEUS_ENDPOINT", value_name = "NAME=URL", value_delimiter = ',')]
    prometheus_endpoint: Vec<Endpoint>,

    /// A web service that checks may name; repeat it, or separate several by commas
    #[arg(long, env = "SLUICE_HTTP_ENDPOINT", value_name = "NAME=URL", value_delimiter = ',')]
    http_endpoint: Vec<Endpoint>,

    /// The pg_dump that rehearsals copy schemas with: as new as the newest server
    #[arg(long, env = "SLUICE_PG_DUMP", value_name = "PATH", default_value = "pg_dump")]
    pg_dump: PathBuf,

    /// How a Service is reached that a check names, for operators outside of the cluster [default: by its name in the cluster's DNS]
    #[arg(long, env = "SLUICE_SERVICE_URL", value_name = "TEMPLATE", value_parser = non_empty(),
        long_help = "How a Service is reached that a check names, with {name}, {namespace} and {port} in it, for operators outside of \
            the cluster [default: http://{name}.{namespace}.svc:{port}]")]
    service_url: Option<String>,

    /// Work only while holding a Lease, so that several operators can stand by
    #[arg(long, env = "SLUICE_LEADER_ELECT", value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
        num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    leader_elect: bool,

    /// Name of the Lease
    #[arg(long, env = "SLUICE_LEASE_NAME", value_name = "NAME", default_value = "sluice")]
    lease_name: String,

    /// Namespace of the Lease [default: the Pod's own, else the kubeconfig's]
    #[arg(long, env = "SLUICE_LEASE_NAMESPACE", value_name = "NAMESPACE", value_parser = non_empty())]
    lease_namespace: Option<String>,

    /// Others may take the Lease after it stood still for this long
    #[arg(long, env = "SLUICE_LEASE_DURATION", value_name = "DURATION", default_value_t = DurationValue::seconds(15))]
    lease_duration: DurationValue,

    /// Stop to lead when the Lease could not be renewed for this long
    #[arg(long, env = "SLUICE_LEASE_RENEW_DEADLINE", value_name = "DURATION",
        default_value_t = DurationValue::seconds(10))]
    lease_renew_deadline: DurationValue,

    /// Try to get or renew the Lease this often
    #[arg(long, env = "SLUICE_LEASE_RETRY_PERIOD", value_name = "DURATION",
        default_value_t = DurationValue::seconds(2))]
    lease_retry_period: DurationValue,

    /// What this process is called in the Lease, in events and in ledgers [default: POD_NAME, else the host's name]
    #[arg(long, env = "SLUICE_IDENTITY", value_name = "NAME", value_parser = non_empty())]
    identity: Option<String>,

    /// How log lines look: text or json
    #[arg(long, env = "SLUICE_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace, or directives as in info,sluice::controller=debug
    #[arg(long, env = "SLUICE_LOG", value_name = "FILTER", default_value = "info")]
    log_level: String,
}

/// An empty variable, as charts and unit files leave behind, is an error rather than a namespace without a name.
fn non_empty() -> clap::builder::NonEmptyStringValueParser {
    clap::builder::NonEmptyStringValueParser::new()
}

impl Arguments {
    /// The controller's options; `own_namespace` is the one of the Pod or the kubeconfig.
    fn options(&self, own_namespace: &str) -> Result<Options, String> {
        let lease_timings = Timings {
            lease_duration: self.lease_duration.0,
            renew_deadline: self.lease_renew_deadline.0,
            retry_period: self.lease_retry_period.0,
        };
        lease_timings.check().map_err(|error| {
            format!("--lease-duration, --lease-renew-deadline and --lease-retry-period do not fit together: {error}")
        })?;
        if self.resync.0.is_zero() {
            return Err("--resync must be longer than nothing; write for instance 10m".to_owned());
        }
        Ok(Options {
            namespace: self.namespace.clone(),
            concurrency: usize::from(self.concurrency),
            resync: self.resync.0,
            shutdown_grace: self.shutdown_grace.0,
            identity: self.identity.clone().unwrap_or_else(identity),
            dump_program: self.pg_dump.clone(),
            endpoints: Arc::new(Endpoints {
                prometheus: named("--prometheus-endpoint", &self.prometheus_endpoint)?,
                http: named("--http-endpoint", &self.http_endpoint)?,
                service: self.service_url.clone(),
            }),
            leader_elect: self.leader_elect,
            lease_namespace: self.lease_namespace.clone().unwrap_or_else(|| own_namespace.to_owned()),
            lease_name: self.lease_name.clone(),
            lease_timings,
        })
    }
}

/// Addresses by name; a name that is there twice would leave it to chance which one is meant.
fn named(flag: &str, endpoints: &[Endpoint]) -> Result<BTreeMap<String, Url>, String> {
    let mut named = BTreeMap::new();
    for endpoint in endpoints {
        if named.insert(endpoint.name.clone(), endpoint.url.clone()).is_some() {
            return Err(format!("{flag}: {} is there twice; give each address a name of its own", endpoint.name));
        }
    }
    Ok(named)
}

/// The Pod's name where the chart says it, else the host's.
fn identity() -> String {
    std::env::var("POD_NAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| {
        hostname::get().map_or_else(|_| "sluice".to_owned(), |name| name.to_string_lossy().into_owned())
    })
}

/// Runs the operator.
pub async fn run(arguments: Arguments) -> ExitCode {
    match operate(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => output::failed(&message),
    }
}

async fn operate(arguments: Arguments) -> Result<(), String> {
    telemetry::init_logs(arguments.log_format, &arguments.log_level).map_err(|error| error.to_string())?;
    let config = cluster::find().await?;
    let options = arguments.options(&config.default_namespace)?;
    let metrics = Metrics::new().map_err(|error| format!("the metrics could not be registered: {error}"))?;
    let health = Health::default();
    let shutdown = on_signals().map_err(|error| format!("signals cannot be received: {error}"))?;
    let server = Server::bind(arguments.http_addr, metrics.clone(), health.clone()).await;
    let server = server.map_err(|error| error.to_string())?;
    tracing::info!(
        version = crate::build::VERSION,
        identity = options.identity,
        http = %server.local_addr(),
        api = %config.cluster_url,
        namespace = options.namespace.as_deref().unwrap_or("all"),
        leader_election = options.leader_elect,
        "sluice starts"
    );
    let client = connect(config, &metrics)?;
    let closing = CancellationToken::new();
    let mut serving = tokio::spawn(server.run(closing.clone()));
    let result = tokio::select! {
        result = controller::serve(client, options, metrics, health, shutdown) => result.map_err(|error| error.to_string()),
        // Without its probes and metrics the operator would be killed, or fly blind: better to end and be started again.
        ended = &mut serving => Err(match ended {
            Ok(Ok(())) => "the HTTP server ended".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => format!("the HTTP server ended abnormally: {error}"),
        }),
    };
    closing.cancel();
    if !serving.is_finished()
        && let Ok(Err(error)) = serving.await
    {
        tracing::warn!("{error}");
    }
    match &result {
        Ok(()) => tracing::info!("sluice has stopped"),
        Err(error) => tracing::error!("sluice stops: {error}"),
    }
    result
}

fn connect(config: kube::Config, metrics: &Metrics) -> Result<Client, String> {
    let builder =
        ClientBuilder::try_from(config).map_err(|error| format!("the Kubernetes API cannot be used: {error}"))?;
    Ok(builder.with_layer(&ApiLayer::new(metrics.clone())).build())
}

/// Cancelled by the first SIGTERM or SIGINT. The second one ends the process at once: somebody insists.
fn on_signals() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let asked = shutdown.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked.is_cancelled() {
                tracing::warn!("asked to stop a second time: ending at once");
                std::process::exit(130);
            }
            tracing::info!("asked to stop: no new work is taken; ask again to end at once");
            asked.cancel();
        }
    });
    Ok(shutdown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Shell {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn options(line: &str) -> Result<Options, String> {
        let shell = Shell::try_parse_from(std::iter::once("sluice").chain(line.split_whitespace()));
        shell.map_err(|error| error.to_string())?.arguments.options("pods-own")
    }

    #[test]
    fn without_flags_the_defaults_are_those_of_the_reference() {
        let options = options("").unwrap();
        assert_eq!((options.namespace, options.concurrency), (None, 16));
        assert_eq!((options.resync, options.shutdown_grace), (Duration::from_secs(600), Duration::from_secs(25)));
        assert!(options.leader_elect && !options.identity.is_empty());
        assert_eq!((options.lease_namespace.as_str(), options.lease_name.as_str()), ("pods-own", "sluice"));
        assert_eq!(options.lease_timings, Timings::default());
    }

    #[test]
    fn leader_election_can_be_written_in_every_usual_way() {
        assert!(!options("--leader-elect=false").unwrap().leader_elect);
        assert!(options("--leader-elect=true").unwrap().leader_elect);
        assert!(options("--leader-elect --resync 1h30m").unwrap().leader_elect);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_flag_and_the_cure() {
        for (line, words) in [
            ("--lease-duration 5s", "--lease-duration"),
            ("--lease-retry-period 9s", "retry period"),
            ("--resync 0s", "--resync"),
            ("--resync soon", "as in 90s, 15m"),
            ("--concurrency 0", "--concurrency"),
            ("--log-format xml", "text or json"),
            ("--http-addr 8080", "--http-addr"),
            ("--prometheus-endpoint http://p:9090", "NAME=URL"),
            ("--http-endpoint a=http://x --http-endpoint a=http://y", "a is there twice"),
            ("--namespace=", "--namespace"),
        ] {
            let error = options(line).map(|_| ()).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
