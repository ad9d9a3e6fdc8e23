//! Every metric that Sluice serves: name, kind, labels, buckets and what it means. The code registers from this table and
//! the reference page is generated from it, so that the two cannot differ.

/// The kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, until the process restarts.
    Counter,
    /// Observations in buckets, seconds.
    Histogram,
}

impl Kind {
    /// `gauge`, `counter` or `histogram`, as Prometheus spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// The full name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Label names, in order.
    pub labels: &'static [&'static str],
    /// One sentence, served as `# HELP`.
    pub help: &'static str,
    /// Upper bounds of a histogram's buckets in seconds; empty for the others.
    pub buckets: &'static [f64],
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help, buckets: &[] }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help, buckets: &[] }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    buckets: &'static [f64],
) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help, buckets }
}

const OBJECT: &[&str] = &["namespace", "name"];

/// A small migration takes tens of milliseconds, a table rewrite hours; the default deadline of a run is one hour.
const RUN_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0];

/// A single statement starts at a millisecond; the default statement timeout is 15 minutes.
const STATEMENT_BUCKETS: &[f64] =
    &[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// The migration lock is polled every 250 ms to 2 s, and waiting for it is not limited by a run's deadline.
const LOCK_BUCKETS: &[f64] = &[0.01, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// A gate that opens by itself takes seconds, people take hours, and a change freeze takes weeks.
const GATE_BUCKETS: &[f64] = &[1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 604_800.0];

/// A pass that finds nothing to do takes about a millisecond, one that looks at a database tens of them; half a minute is
/// where the timeouts of the API and of a connection attempt lie.
const RECONCILE_BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The API server's own service level objectives are 1 s and 30 s; requests time out after 30 s.
const API_BUCKETS: &[f64] = &[0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

pub(super) const MIGRATION_INFO: Metric = gauge(
    "sluice_migration_info",
    &["namespace", "name", "desired", "applied"],
    "The version that the object wants and the one that its database has; always 1.",
);
pub(super) const MIGRATION_READY: Metric =
    gauge("sluice_migration_ready", OBJECT, "1 when the database is where the object wants it, else 0.");
pub(super) const MIGRATION_STATUS: Metric = gauge(
    "sluice_migration_status",
    &["namespace", "name", "reason"],
    "The reason of the object's Ready condition; 1 for the one that holds now, the others are absent.",
);
pub(super) const MIGRATION_STALLED: Metric =
    gauge("sluice_migration_stalled", OBJECT, "1 when nothing moves before somebody changes something, else 0.");
pub(super) const ROLLBACK_READY: Metric =
    gauge("sluice_migration_rollback_ready", OBJECT, "1 when what is applied, or about to be, has a way back, else 0.");
pub(super) const MIGRATION_PENDING: Metric =
    gauge("sluice_migration_pending", OBJECT, "Steps that the object's plan would still run.");
pub(super) const DATABASE_UP: Metric =
    gauge("sluice_database_up", OBJECT, "1 when the last look at the object's database succeeded, else 0.");
pub(super) const BLOCKING_SESSIONS: Metric = gauge(
    "sluice_blocking_sessions",
    OBJECT,
    "Database sessions that stand in the way of the object's run right now, holders of the migration lock included.",
);

pub(super) const WAITING_SINCE: Metric = gauge(
    "sluice_migration_waiting_since_timestamp_seconds",
    &["namespace", "name", "reason"],
    "Since when the object's plan has been waiting for what the reason says, as seconds since 1970; absent while it waits for no gate.",
);
pub(super) const GATE_EVALUATIONS: Metric = counter(
    "sluice_gate_evaluations_total",
    &["gate", "result"],
    "Looks at a gate, by gate and by what it said: open, closed, unknown, denied.",
);
pub(super) const GATES_WAIT: Metric = histogram(
    "sluice_gates_wait_seconds",
    &[],
    "Time that a plan waited for its gates before its run began; of plans that have gates.",
    GATE_BUCKETS,
);

pub(super) const RUNS: Metric =
    counter("sluice_runs_total", &["direction", "result"], "Runs that ended, by direction and result.");
pub(super) const RUN_DURATION: Metric = histogram(
    "sluice_run_duration_seconds",
    &["direction", "result"],
    "Time from connecting to the end of a run, waiting for locks included.",
    RUN_BUCKETS,
);
pub(super) const STEP_DURATION: Metric = histogram(
    "sluice_step_duration_seconds",
    &["direction"],
    "Time of the attempt by which one migration took effect.",
    STATEMENT_BUCKETS,
);
pub(super) const STATEMENT_DURATION: Metric = histogram(
    "sluice_statement_duration_seconds",
    &["direction"],
    "Time of one statement of a migration on the server, as the operator saw it.",
    STATEMENT_BUCKETS,
);
pub(super) const LOCK_WAIT: Metric = histogram(
    "sluice_lock_wait_seconds",
    &[],
    "Time that a run waited for the migration lock of its database.",
    LOCK_BUCKETS,
);
pub(super) const LOCK_RETRIES: Metric =
    counter("sluice_lock_retries_total", &[], "Attempts at a step that ended in a lock timeout and were tried again.");
pub(super) const MEASUREMENTS: Metric = counter(
    "sluice_measurements_total",
    &["result"],
    "Measurements of checks: passed, failed, error (could not be made), no_data.",
);
pub(super) const VERIFICATIONS: Metric =
    counter("sluice_verifications_total", &["verdict"], "Verifications that ended, by verdict.");
pub(super) const VERIFICATION_DURATION: Metric = histogram(
    "sluice_verification_duration_seconds",
    &["verdict"],
    "Time from the end of a run to the verdict.",
    RUN_BUCKETS,
);
pub(super) const ROLLBACKS: Metric = counter(
    "sluice_rollbacks_total",
    &["trigger", "result"],
    "Runs that took another run back, by what made them begin and how they ended.",
);
pub(super) const ROLLBACK_DURATION: Metric = histogram(
    "sluice_rollback_duration_seconds",
    &["trigger"],
    "Time of a run that took another run back.",
    RUN_BUCKETS,
);
pub(super) const TASKS_RUNNING: Metric = gauge("sluice_tasks_running", &[], "Background tasks with a run under way.");

pub(super) const RECONCILES: Metric =
    counter("sluice_reconcile_total", &["result"], "Passes over an object, by result.");
pub(super) const RECONCILE_DURATION: Metric = histogram(
    "sluice_reconcile_duration_seconds",
    &["result"],
    "Time of one pass over an object, runs in the background not included.",
    RECONCILE_BUCKETS,
);
pub(super) const API_REQUESTS: Metric = counter(
    "sluice_api_requests_total",
    &["verb", "resource", "code"],
    "Requests to the Kubernetes API, by verb, resource and class of the answer.",
);
pub(super) const API_REQUEST_DURATION: Metric = histogram(
    "sluice_api_request_duration_seconds",
    &["verb", "resource"],
    "Time until the Kubernetes API answered; for a watch until it began.",
    API_BUCKETS,
);
pub(super) const LEADER: Metric = gauge("sluice_leader", &[], "1 while this process leads, else 0.");
pub(super) const BUILD_INFO: Metric =
    gauge("sluice_build_info", &["version", "commit", "rustc"], "What this process was built from; always 1.");

/// All metrics of Sluice's own, in the order of the reference page.
pub const ALL: &[&Metric] = &[
    &MIGRATION_INFO,
    &MIGRATION_READY,
    &MIGRATION_STATUS,
    &MIGRATION_STALLED,
    &ROLLBACK_READY,
    &MIGRATION_PENDING,
    &DATABASE_UP,
    &BLOCKING_SESSIONS,
    &WAITING_SINCE,
    &GATE_EVALUATIONS,
    &GATES_WAIT,
    &RUNS,
    &RUN_DURATION,
    &STEP_DURATION,
    &STATEMENT_DURATION,
    &LOCK_WAIT,
    &LOCK_RETRIES,
    &TASKS_RUNNING,
    &MEASUREMENTS,
    &VERIFICATIONS,
    &VERIFICATION_DURATION,
    &ROLLBACKS,
    &ROLLBACK_DURATION,
    &RECONCILES,
    &RECONCILE_DURATION,
    &API_REQUESTS,
    &API_REQUEST_DURATION,
    &LEADER,
    &BUILD_INFO,
];

/// What Prometheus' client library adds about the process itself, under the names that dashboards expect.
pub const PROCESS: &[&str] = &[
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_carries_the_prefix() {
        for (index, metric) in ALL.iter().enumerate() {
            assert!(metric.name.starts_with("sluice_"), "{}", metric.name);
            assert!(
                ALL.iter().skip(index + 1).all(|other| other.name != metric.name),
                "{} is there twice",
                metric.name
            );
        }
    }

    #[test]
    fn every_name_ends_as_its_kind_asks_for() {
        for metric in ALL {
            match metric.kind {
                Kind::Counter => assert!(metric.name.ends_with("_total"), "{}", metric.name),
                Kind::Histogram => assert!(metric.name.ends_with("_seconds"), "{}", metric.name),
                Kind::Gauge => assert!(!metric.name.ends_with("_total"), "{}", metric.name),
            }
        }
    }

    #[test]
    fn every_help_is_a_sentence() {
        for metric in ALL {
            assert!(metric.help.ends_with('.') && metric.help.len() > 20, "{}: {}", metric.name, metric.help);
        }
    }

    #[test]
    fn only_histograms_have_buckets_and_they_rise() {
        for metric in ALL {
            assert_eq!(metric.kind == Kind::Histogram, !metric.buckets.is_empty(), "{}", metric.name);
            assert!(metric.buckets.windows(2).all(|pair| pair[0] < pair[1]), "{}", metric.name);
        }
    }
}
