//! tmp
use std::time::Duration;
use tokio_util::sync::CancellationToken;
/// tmp
#[derive(Debug, Clone, Default)]
pub struct Timings {
    /// tmp
    pub lease: Duration,
}
/// tmp
pub struct LeaderElector;
/// tmp
pub struct Lease;
impl LeaderElector {
    /// tmp
    pub fn new(_c: kube::Client, _: &str, _: &str, _: &str, _: Timings) -> Self {
        Self
    }
    /// tmp
    pub fn start(self, _c: CancellationToken) -> Lease {
        Lease
    }
}
impl Lease {
    /// tmp
    pub async fn acquired(&self) -> bool {
        true
    }
    /// tmp
    pub fn lost(&self) -> CancellationToken {
        CancellationToken::new()
    }
    /// tmp
    pub async fn released(&self) {}
}
