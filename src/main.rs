//! tmp main
use sluice::controller::*;
use sluice::telemetry::*;
use std::time::Duration;
#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "crds" {
        print!("{}", sluice::api::crds_yaml().unwrap());
        return;
    }
    let get = |f: &str| args.iter().position(|a| a == f).map(|i| args[i + 1].clone());
    tracing_subscriber::fmt().with_env_filter("info,sluice=debug").init();
    let metrics = Metrics::new().unwrap();
    let health = Health::default();
    let cancel = tokio_util::sync::CancellationToken::new();
    let server =
        Server::bind(get("--http-addr").unwrap().parse().unwrap(), metrics.clone(), health.clone()).await.unwrap();
    tokio::spawn(server.run(cancel.clone()));
    let client = kube::Client::try_default().await.unwrap();
    let c2 = cancel.clone();
    tokio::spawn(async move {
        let mut s = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        s.recv().await;
        c2.cancel();
    });
    let options = Options {
        namespace: get("--namespace"),
        concurrency: 16,
        resync: Duration::from_secs(600),
        shutdown_grace: Duration::from_secs(25),
        identity: "x".into(),
        leader_elect: false,
        lease_namespace: "d".into(),
        lease_name: "l".into(),
        lease_timings: Default::default(),
    };
    serve(client, options, metrics, health, cancel).await.unwrap();
}
