//! Sluice moves databases between schema versions safely, as a Kubernetes operator and on the command line.
//!
//! The rooms of the house, top to bottom. A room may use the rooms below it, never those above:
//!
//! | room | what happens there |
//! |---|---|
//! | [`cli`] | one file per subcommand |
//! | [`controller`] | the shell around the core, against Kubernetes: observe → decide → act → record |
//! | [`rollout`] | the core: a pure state machine, from what was observed to one decision |
//! | [`policy`] | what the platform imposes on an object: the strictest of all that is asked for |
//! | [`gates`] | what must hold before SQL runs: one file per gate |
//! | [`attest`] | what one environment verified, as a signed statement for another cluster |
//! | [`review`] | a plan as people and tools review it: ConfigMap, command line, pull request |
//! | [`checks`] | what is measured after SQL ran, and what the measurements mean |
//! | [`database`] | the `Database` trait and its dialects: connect, lock, ledger, apply, revert, inspect, rehearse |
//! | [`sources`] | where scripts come from: inline, ConfigMaps, a directory → raw files |
//! | [`lint`] | what SQL would do: locks, rewrites, scans, lost rows; rules one per file |
//! | [`plan`] | migration set × ledger × target version → a plan, or the precise reason why there is none |
//! | [`migration`] | scripts, headers, versions, layouts, checksums, sets |
//! | [`api`] | what users write: the custom resources, conditions and reasons |
//! | [`duration`], [`size`], [`build`] | durations and sizes as people write them, in one spelling; what this program was built from |
//! | [`telemetry`] | metrics, logs and the HTTP server that serves them |
//!
//! `migration`, `plan`, `policy`, `rollout` and `api` are pure: no clock, no network, no Kubernetes client. They take time as an
//! argument, so that every case can be tested without a server.

pub mod api;
pub mod attest;
pub mod build;
pub mod checks;
pub mod cli;
pub mod controller;
pub mod database;
pub mod duration;
pub mod gates;
pub mod lint;
pub mod migration;
pub mod plan;
pub mod policy;
pub mod review;
pub mod rollout;
pub mod size;
pub mod sources;
pub mod telemetry;
