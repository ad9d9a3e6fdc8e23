//! The table of verifications, as stories.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bench::{Behaviour, object, start, uid};
use crate::checks::{Endpoints, Means};
use crate::controller::verify::{Start, Verifications};
use crate::database::Handle;
use crate::rollout::{Requests, Verification};
use crate::telemetry::Metrics;

#[tokio::test(start_paused = true)]
async fn what_takes_longer_to_measure_than_the_interval_makes_the_window_no_longer() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Somebody who takes every call and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let spec = serde_json::from_value(json!({
        "initialDelay": "1s", "interval": "1s", "duration": "30s",
        "checks": [{"name": "answers", "http": {"endpoint": "silent", "timeout": "5s"}, "expect": "status == 200", "failureThreshold": 1000}],
    }));
    let (wake, mut woken) = mpsc::unbounded_channel();
    let metrics = Metrics::new().unwrap();
    let verifications = Verifications::new(metrics.clone(), wake, CancellationToken::new());
    let site = Arc::default();
    let began = Instant::now();
    assert!(verifications.start(Start {
        object: object(1),
        uid: uid(1),
        run: Uuid::nil(),
        generation: 1,
        version: "001".to_owned(),
        verification: Verification::of(&spec.unwrap()).unwrap(),
        baseline: Value::Null,
        means: Means {
            database: Handle::new(start(1, 1, Behaviour::Hangs, &site).database),
            client: kube::Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap(),
            namespace: "shop".to_owned(),
            endpoints: Arc::new(Endpoints {
                http: BTreeMap::from([("silent".to_owned(), url)]),
                ..Endpoints::default()
            }),
            mentioned: Arc::default(),
        },
        retry_token: None,
        ignored: Requests::default(),
    }));
    let over = async {
        while verifications.under_way(&uid(1)).is_some() {
            let _: ObjectRef<_> = woken.recv().await.unwrap();
        }
    };
    timeout(Duration::from_secs(3600), over).await.unwrap();
    let took = began.elapsed();
    assert!(took <= Duration::from_secs(1 + 30 + 5), "a window of 30 s took {took:?}");
}
