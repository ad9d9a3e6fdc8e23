//! The registry as others rely on it.

use crate::gates::GATES;
use crate::telemetry::GATE_LABELS;

#[test]
fn the_metrics_know_every_gate() {
    let mut gates: Vec<&str> = GATES.iter().map(|(name, _)| *name).collect();
    let mut labels = GATE_LABELS.to_vec();
    gates.sort_unstable();
    labels.sort_unstable();
    assert_eq!(gates, labels);
}
