//! What a Prometheus server answers to an instant query.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use url::Url;

use crate::checks::probe::{Endpoints, Probe, ProbeError, Sample, number};
use crate::checks::web::{Reply, below, get};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// How much of an answer is read: some thousand series.
const MOST: usize = 1024 * 1024;

/// Asks Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    endpoint: String,
    url: Url,
}

impl Prometheus {
    pub fn new(endpoints: &Endpoints, endpoint: &str, query: &str) -> Result<Self, String> {
        let mut url = below(endpoints.of_prometheus(endpoint)?, "/api/v1/query")?;
        url.query_pairs_mut().append_pair("query", query).append_pair("timeout", "10s");
        Ok(Self { endpoint: endpoint.to_owned(), url })
    }

    /// The least value, where only too little is of interest.
    pub async fn least(&self) -> Result<f64, ProbeError> {
        self.values().await?.into_iter().reduce(f64::min).ok_or(ProbeError::NoData)
    }

    /// The values of all series, those left out that are no number.
    async fn values(&self) -> Result<Vec<f64>, ProbeError> {
        let error = |why: &str| ProbeError::Error(format!("the Prometheus endpoint {} {why}", self.endpoint));
        let (reply, _) = get(&self.url, ANSWER, MOST).await.map_err(|why| error(&format!("was not asked: {why}")))?;
        match reply {
            Reply::Nobody => Err(error("does not answer")),
            Reply::Answer { body: None, .. } => Err(error("answers with more than 1 MiB; aggregate in the query")),
            Reply::Answer { status, body: Some(body) } => read(status, &body).map_err(|trouble| match trouble {
                Trouble::NoData => ProbeError::NoData,
                Trouble::Error(why) => error(&why),
            }),
        }
    }
}

/// The greatest; what is asked of several series at once is usually that none is too great.
fn greatest(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

#[async_trait]
impl Probe for Prometheus {
    /// The value before the run; none where there was none.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        match self.values().await {
            Ok(values) => Ok(greatest(&values).and_then(number)),
            Err(ProbeError::NoData) => Ok(None),
            Err(error @ ProbeError::Error(_)) => Err(error),
        }
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let values = self.values().await?;
        let value = greatest(&values).and_then(number).ok_or(ProbeError::NoData)?;
        let several = values.len() > 1;
        let mut sample = Sample::of([
            ("value", value),
            ("baseline", baseline.cloned().unwrap_or_default()),
            ("values", Value::Array(values.iter().copied().filter_map(number).collect())),
        ]);
        if several {
            sample.shown.push_str(&format!(", {} series", values.len()));
        }
        Ok(sample)
    }
}

#[derive(Debug, PartialEq)]
enum Trouble {
    NoData,
    Error(String),
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(rename = "errorType", default)]
    error_type: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar((f64, String)),
    Vector(Vec<Series>),
    String(IgnoredAny),
    Matrix(IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    /// Time and value; native histograms have none.
    value: Option<(f64, String)>,
}

/// The numbers in an answer.
fn read(status: u16, body: &[u8]) -> Result<Vec<f64>, Trouble> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| {
        // A proxy, or a server that is just starting or ending, says so in its own words.
        let why = if status >= 500 {
            ""
        } else {
            ", and not as Prometheus does; correct the URL that the operator was given"
        };
        Trouble::Error(format!("answers {status}{why}"))
    })?;
    if answer.status != "success" {
        return Err(Trouble::Error(format!("answers {status}: {}", kind(&answer.error_type))));
    }
    let texts: Vec<String> = match answer.data {
        Some(Data::Scalar((_, value))) => vec![value],
        Some(Data::Vector(series)) => {
            let all = series.len();
            let values: Vec<String> = series.into_iter().filter_map(|series| Some(series.value?.1)).collect();
            if values.len() < all {
                return Err(Trouble::Error(
                    "answers with histograms; ask for a number, as histogram_quantile(…) is one".to_owned(),
                ));
            }
            values
        }
        Some(Data::Matrix(_)) => {
            return Err(Trouble::Error(
                "answers with ranges; ask for one value of each series, without […] at the end".to_owned(),
            ));
        }
        Some(Data::String(_)) => return Err(Trouble::Error("answers with a text; ask for a number".to_owned())),
        None => return Err(Trouble::Error("answers without data".to_owned())),
    };
    let values: Vec<f64> =
        texts.iter().filter_map(|text| text.parse().ok()).filter(|value: &f64| !value.is_nan()).collect();
    if values.is_empty() { Err(Trouble::NoData) } else { Ok(values) }
}

/// What Prometheus calls an error, and what helps. Its own words about it stay there.
fn kind(error_type: &str) -> &'static str {
    match error_type {
        "bad_data" => "bad_data, it cannot read the query; try it there",
        "execution" => "execution, the query fails; try it there",
        "timeout" => "timeout, the query takes longer than 10 s; record it by a rule",
        "canceled" => "canceled",
        "internal" => "internal",
        "unavailable" => "unavailable",
        "not_found" => "not_found",
        _ => "an error",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_scalar(r#"{"resultType":"scalar","result":[1.5,"0.25"]}"#, Ok(vec![0.25]))]
    #[case::one_series(r#"{"resultType":"vector","result":[{"metric":{},"value":[1.5,"3"]}]}"#, Ok(vec![3.0]))]
    #[case::several(
        r#"{"resultType":"vector","result":[{"metric":{"a":"x"},"value":[1,"3"]},{"metric":{},"value":[1,"-1"]}]}"#,
        Ok(vec![3.0, -1.0])
    )]
    #[case::infinity(r#"{"resultType":"scalar","result":[1,"+Inf"]}"#, Ok(vec![f64::INFINITY]))]
    #[case::no_series(r#"{"resultType":"vector","result":[]}"#, Err(Trouble::NoData))]
    #[case::no_number(r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}"#, Err(Trouble::NoData))]
    #[case::some_numbers(
        r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]},{"metric":{},"value":[1,"2"]}]}"#,
        Ok(vec![2.0])
    )]
    fn numbers_are_read(#[case] data: &str, #[case] expected: Result<Vec<f64>, Trouble>) {
        assert_eq!(read(200, format!(r#"{{"status":"success","data":{data}}}"#).as_bytes()), expected);
    }

    #[rstest]
    #[case(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#, "answers with ranges")]
    #[case(r#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#, "answers with a text")]
    #[case(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}"#,
        "histograms"
    )]
    #[case(r#"{"status":"success"}"#, "without data")]
    #[case(
        r#"{"status":"error","errorType":"bad_data","error":"parse error: secret"}"#,
        "answers 400: bad_data, it cannot read"
    )]
    #[case(r#"{"status":"error","errorType":"secret","error":"secret"}"#, "answers 400: an error")]
    #[case("<html>secret</html>", "not as Prometheus does")]
    fn what_is_no_number_is_an_error_without_the_servers_words(#[case] body: &str, #[case] told: &str) {
        let Err(Trouble::Error(why)) = read(400, body.as_bytes()) else { panic!("{body}") };
        assert!(why.contains(told) && !why.contains("secret"), "{why}");
    }

    #[test]
    fn an_endpoint_that_there_is_not_is_named_with_the_flag_that_declares_it() {
        let error = Prometheus::new(&Endpoints::default(), "platform", "up").unwrap_err();
        assert!(
            error.contains("no Prometheus endpoint platform") && error.contains("--prometheus-endpoint platform=URL")
        );
    }

    #[test]
    fn a_query_is_asked_below_the_endpoints_address() {
        let mut endpoints = Endpoints::default();
        endpoints.prometheus.insert("p".to_owned(), Url::parse("http://thanos/tenant/").unwrap());
        let prometheus = Prometheus::new(&endpoints, "p", "up{a=\"b\"} + 1").unwrap();
        assert_eq!(
            prometheus.url.as_str(),
            "http://thanos/tenant/api/v1/query?query=up%7Ba%3D%22b%22%7D+%2B+1&timeout=10s"
        );
    }
}
