//! The operator's own binary, confined to one namespace so that tests do not meet.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::team::SOON;
use super::world;

const LEASE_NAMESPACE: &str = "--lease-namespace";

/// A running operator; killed when dropped. Its log is shown when a test fails.
pub struct Operator {
    child: Child,
    port: OnceLock<u16>,
    log: PathBuf,
}

impl Operator {
    /// Alone in its namespace, without leader election, looking at ready objects again every ten minutes.
    pub fn start(namespace: &str) -> Self {
        Self::with(namespace, &["--leader-elect=false"])
    }

    pub fn with(namespace: &str, arguments: &[&str]) -> Self {
        Self::as_told(namespace, &world().operator, arguments)
    }

    /// For all namespaces of a cluster that no other test uses.
    pub fn everywhere(kubeconfig: &Path) -> Self {
        Self::run("everywhere", &[], kubeconfig, &["--leader-elect=false"])
    }

    /// With a kubeconfig of its own.
    pub fn as_told(namespace: &str, kubeconfig: &Path, arguments: &[&str]) -> Self {
        Self::run(namespace, &["--namespace", namespace], kubeconfig, arguments)
    }

    fn run(name: &str, confined: &[&str], kubeconfig: &Path, arguments: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let log = world().admin.parent().unwrap().join(format!("operator-{name}-{number}.log"));
        let file = File::create(&log).unwrap();
        // A binary that was built otherwise can be tried with the same scenarios.
        let binary = std::env::var_os("SLUICE_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_sluice").into());
        let child = Command::new(binary)
            .arg("operator")
            .args(confined)
            .args(["--http-addr", "127.0.0.1:0"])
            .args(if arguments.contains(&LEASE_NAMESPACE) { &[][..] } else { &[LEASE_NAMESPACE, "sluice-system"] })
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("KUBECONFIG", kubeconfig)
            .env("SLUICE_LOG", "info,sluice=debug")
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, port: OnceLock::new(), log }
    }

    /// Where it listens; waits until its log says so.
    pub fn port(&self) -> u16 {
        let began = Instant::now();
        loop {
            if let Some(port) = self.known_port() {
                return port;
            }
            assert!(began.elapsed() < SOON, "the operator does not listen\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn known_port(&self) -> Option<u16> {
        if let Some(port) = self.port.get() {
            return Some(*port);
        }
        let log = self.log();
        let (_, after) = log.split_once("http=127.0.0.1:")?;
        let port = after.split_whitespace().next()?.parse().ok()?;
        Some(*self.port.get_or_init(|| port))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([&format!("-{signal}"), &self.pid().to_string()]).status().unwrap();
        assert!(done.success(), "kill -{signal}");
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ended by itself.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < within, "the operator did not end within {within:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The body of a page, for instance `/metrics`; `None` while nobody listens.
    pub fn page(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.known_port()?)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    }

    /// The value of a series, named as `/metrics` writes it, with its labels.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let page = self.page("/metrics")?;
        page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of operator {} ---\n{}", self.pid(), self.log());
        }
    }
}
