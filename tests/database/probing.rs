//! Checks as the operator measures them, against the servers of these tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use sluice::api::v1alpha1::CheckSpec;
use sluice::checks::{Check, Endpoints, Means, Measurement, Outcome, Probe, probe};
use sluice::database::Handle;
use url::Url;

use crate::support::{Database, SOON};

/// A check with what it measures with, and what was measured before.
pub struct Probing {
    check: Check,
    probe: Box<dyn Probe>,
    pub baseline: Option<Value>,
}

impl Probing {
    /// Begins with the baseline.
    pub async fn of(db: &Database, fields: Value) -> Self {
        let mut probing = Self::without_baseline(db, &BTreeMap::new(), fields);
        probing.baseline = probe::baseline(&*probing.probe).await.expect("a baseline");
        probing
    }

    pub fn without_baseline(db: &Database, prometheus: &BTreeMap<String, Url>, fields: Value) -> Self {
        Self::about(db, prometheus, &[], fields)
    }

    /// Before a run whose scripts mention these names.
    pub fn about(db: &Database, prometheus: &BTreeMap<String, Url>, mentioned: &[&str], mut fields: Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        fields["name"] = json!("check");
        let spec: CheckSpec = serde_json::from_value(fields).expect("a spec");
        let check = Check::of(&spec).expect("a check");
        let config = kube::Config::new("http://127.0.0.1:1".parse().expect("an address"));
        let means = Means {
            database: Handle::new(Arc::new(db.postgres())),
            client: kube::Client::try_from(config).expect("a client"),
            namespace: "shop".to_owned(),
            endpoints: Arc::new(Endpoints { prometheus: prometheus.clone(), ..Endpoints::default() }),
            mentioned: Arc::new(mentioned.iter().map(|name| (*name).to_owned()).collect()),
        };
        let probe = sluice::checks::build(&check, &means).expect("a probe");
        Self { check, probe, baseline: None }
    }

    /// Takes the baseline now.
    pub async fn take_baseline(&mut self) {
        self.baseline = probe::baseline(&*self.probe).await.expect("a baseline");
    }

    /// Why there is no baseline.
    pub async fn baseline_error(&self) -> Option<String> {
        probe::baseline(&*self.probe).await.err().map(|error| error.to_string())
    }

    pub async fn measure(&self) -> Measurement {
        probe::measure(&self.check, &*self.probe, self.baseline.as_ref(), Timestamp::now()).await
    }

    /// `passed: value 1`, `failed: …`, `error: …`, `no data`
    pub async fn told(&self) -> String {
        let measured = self.measure().await;
        match measured.outcome {
            Outcome::Passed => format!("passed: {}", measured.shown),
            Outcome::Failed => format!("failed: {}", measured.shown),
            Outcome::Error(why) => format!("error: {why}"),
            Outcome::NoData => measured.shown,
        }
    }

    /// Measures until it is as it shall be.
    pub async fn until(&self, expected: &str) {
        self.until_like(expected, |seen| seen == expected).await;
    }

    /// Measures until it is like that; what was told then.
    pub async fn until_like(&self, what: &str, like: impl Fn(&str) -> bool) -> String {
        let began = std::time::Instant::now();
        loop {
            let seen = self.told().await;
            if like(&seen) {
                return seen;
            }
            assert!(began.elapsed() < SOON, "{seen} instead of {what}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}
