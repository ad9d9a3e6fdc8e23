//! What measures: one file per kind of check, one line each in [`build`].
//!
//! A probe reads and never writes. What it lets out are numbers and short reasons of Sluice's own; no row, body, header,
//! address with a password or server message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::time::timeout;
use url::Url;

use crate::database::Handle;

use super::assess::{Measurement, Outcome};
use super::check::Check;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The names that the expression can use: `value`, `baseline` …
    pub names: Map<String, Value>,
    /// The same for people, numbers and names of objects only: `value 0.034, baseline 0.002`.
    pub shown: String,
}

impl Sample {
    /// Names and their values, in the order in which people read them. Texts, lists and objects are not shown.
    #[must_use]
    pub fn of<const N: usize>(names: [(&str, Value); N]) -> Self {
        let shown: Vec<String> =
            names.iter().filter_map(|(name, value)| Some(format!("{name} {}", show(value)?))).collect();
        Self {
            names: names.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            shown: shown.join(", "),
        }
    }

    /// The same with names of objects for people.
    #[must_use]
    pub fn about<'a>(mut self, objects: impl IntoIterator<Item = &'a String>) -> Self {
        const MOST: usize = 3;
        let mut objects: Vec<&str> = objects.into_iter().map(String::as_str).collect();
        if objects.len() > MOST {
            objects.truncate(MOST);
            objects.push("…");
        }
        if !objects.is_empty() {
            self.shown.push_str(&format!(" ({})", objects.join(", ")));
        }
        self
    }
}

/// A number, or whether something is; nothing of texts, lists and objects.
fn show(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("none".to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => {
            let number = number.as_f64()?;
            let text = if number.fract() == 0.0 || number.abs() >= 1000.0 {
                format!("{number:.0}")
            } else {
                // Four digits that mean something.
                let digits = usize::try_from(3 - number.abs().log10().floor() as i32).unwrap_or(0).min(12);
                let text = format!("{number:.digits$}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            };
            Some(text)
        }
        Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number as JSON can hold it: what is beyond every number becomes the largest one, so that it can still be compared.
/// `None` of what is no number.
pub(super) fn number(value: f64) -> Option<Value> {
    serde_json::Number::from_f64(value.clamp(f64::MIN, f64::MAX)).map(Value::Number)
}

/// Why nothing was measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It could not be measured.
    #[error("{0}")]
    Error(String),
    /// There was nothing to measure.
    #[error("no data")]
    NoData,
}

/// The addresses that the operator was started with. Objects name them; they cannot write addresses of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Prometheus servers by name.
    pub prometheus: BTreeMap<String, Url>,
    /// Web services by name.
    pub http: BTreeMap<String, Url>,
    /// How a Service is reached, with `{name}`, `{namespace}` and `{port}`; by its name in the cluster's DNS unless set.
    pub service: Option<String>,
}

impl Endpoints {
    /// The address of a Prometheus server.
    ///
    /// # Errors
    /// When nobody declared it: which there are, and how one is declared.
    pub fn of_prometheus(&self, name: &str) -> Result<&Url, String> {
        self.prometheus.get(name).ok_or_else(|| undeclared("Prometheus", "prometheus", name, &self.prometheus))
    }

    /// The address of a web service.
    ///
    /// # Errors
    /// When nobody declared it: which there are, and how one is declared.
    pub fn of_http(&self, name: &str) -> Result<&Url, String> {
        self.http.get(name).ok_or_else(|| undeclared("HTTP", "http", name, &self.http))
    }
}

/// So many names are told.
const MOST_NAMES: usize = 10;

fn undeclared(kind: &str, word: &str, name: &str, declared: &BTreeMap<String, Url>) -> String {
    let mut names: Vec<&str> = declared.keys().map(String::as_str).take(MOST_NAMES).collect();
    if declared.len() > MOST_NAMES {
        names.push("…");
    }
    let there_are =
        if names.is_empty() { "none is declared".to_owned() } else { format!("there is {}", names.join(", ")) };
    format!(
        "there is no {kind} endpoint {name} ({there_are}); correct the name, or declare it: spec.endpoints.{word} of a MigrationPolicy, or \
         --{word}-endpoint {name}=URL of the operator"
    )
}

/// What probes measure with.
#[derive(Clone)]
pub struct Means {
    /// The migrated database.
    pub database: Handle,
    /// The API server.
    pub client: kube::Client,
    /// The object's namespace: nothing else is looked at.
    pub namespace: String,
    /// The addresses that there are.
    pub endpoints: Arc<Endpoints>,
    /// Names in the scripts of the run that is about to begin: what its baseline looks for. Nothing afterwards.
    pub mentioned: Arc<BTreeSet<String>>,
}

/// One kind of measurement.
#[async_trait]
pub trait Probe: Send + Sync {
    /// What the same is before the run, where it is worth comparing with; `None` where it is not.
    ///
    /// # Errors
    /// When it cannot be measured. The run goes on without a baseline then.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError>;

    /// Measures once. Takes no longer than half a minute.
    ///
    /// # Errors
    /// When it cannot be measured, or there is nothing to measure.
    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError>;
}

/// How long one measurement may take, whatever it waits for.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// Measures once and judges it by what the check expects.
pub async fn measure(check: &Check, probe: &dyn Probe, baseline: Option<&Value>, now: Timestamp) -> Measurement {
    let measured = timeout(LONGEST, probe.measure(baseline)).await;
    let measured = measured
        .unwrap_or_else(|_| Err(ProbeError::Error(format!("it took longer than {} s to measure", LONGEST.as_secs()))));
    match measured {
        Ok(Sample { names, shown }) => match check.expect.holds(&names) {
            Ok(true) => Measurement { at: now, outcome: Outcome::Passed, shown },
            Ok(false) => Measurement { at: now, outcome: Outcome::Failed, shown },
            Err(why) => Measurement { at: now, shown: format!("{why}; {shown}"), outcome: Outcome::Error(why) },
        },
        Err(ProbeError::NoData) => Measurement { at: now, outcome: Outcome::NoData, shown: "no data".to_owned() },
        Err(ProbeError::Error(why)) => Measurement { at: now, outcome: Outcome::Error(why.clone()), shown: why },
    }
}

/// Measures what a check compares with, before the run.
///
/// # Errors
/// When it cannot be measured. The run goes on without a baseline then.
pub async fn baseline(probe: &dyn Probe) -> Result<Option<Value>, ProbeError> {
    timeout(LONGEST, probe.baseline())
        .await
        .unwrap_or_else(|_| Err(ProbeError::Error(format!("it took longer than {} s to measure", LONGEST.as_secs()))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_see_numbers_in_a_few_digits_and_nothing_else() {
        let sample = Sample::of([
            ("value", json!(0.034_567_8)),
            ("baseline", Value::Null),
            ("rows", json!([1, 2])),
            ("text", json!("secret")),
            ("many", json!(123_456_789.4)),
            ("some", json!(12.5)),
            ("tiny", json!(0.000_012_346)),
            ("whole", json!(3.0)),
            ("ready", json!(true)),
        ]);
        assert_eq!(
            sample.shown,
            "value 0.03457, baseline none, many 123456789, some 12.5, tiny 0.00001235, whole 3, ready true"
        );
    }

    struct Always(Sample);

    #[async_trait]
    impl Probe for Always {
        async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
            Ok(None)
        }

        async fn measure(&self, _: Option<&Value>) -> Result<Sample, ProbeError> {
            Ok(self.0.clone())
        }
    }

    #[tokio::test]
    async fn why_an_expression_cannot_be_judged_is_shown_beside_what_was_measured() {
        let spec = json!({"name": "c", "sql": {"query": "select 1"}, "expect": "valu == 0"});
        let check = Check::of(&serde_json::from_value(spec).unwrap()).unwrap();
        let probe = Always(Sample::of([("value", json!(1)), ("baseline", json!(1))]));
        let measured = measure(&check, &probe, None, Timestamp::UNIX_EPOCH).await;
        assert_eq!(
            measured.shown,
            "`valu == 0` asks for valu, which there is not; there is baseline, value; value 1, baseline 1"
        );
    }

    #[test]
    fn of_many_objects_the_first_are_named() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(Sample::of([("value", json!(4))]).about(&names).shown, "value 4 (a, b, c, …)");
        assert_eq!(Sample::of([("value", json!(0))]).about(&[]).shown, "value 0");
    }

    #[test]
    fn what_is_beyond_every_number_can_still_be_compared() {
        assert_eq!(number(f64::INFINITY), Some(json!(f64::MAX)));
        assert_eq!(number(f64::NEG_INFINITY), Some(json!(f64::MIN)));
        assert_eq!(number(f64::NAN), None);
    }
}
