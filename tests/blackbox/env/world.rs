//! The servers, started once for all tests and gone with this process: `up` ends them when its standard input closes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

/// The servers that all tests share.
pub struct World {
    pub servers: Servers,
    /// A member of system:masters.
    pub admin: PathBuf,
    /// The chart's ServiceAccount.
    pub operator: PathBuf,
    pub postgres: Postgres,
    /// One line of JSON for each write to the API server.
    pub audit: PathBuf,
}

/// A PostgreSQL server.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub version: String,
}

/// A running `up`, which can be told to stop and start its servers.
pub struct Servers {
    _child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    pub description: Value,
}

pub fn env_script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/env").join(name)
}

impl Servers {
    pub fn start(arguments: &[&str]) -> Self {
        Self::of("up", arguments)
    }

    /// Another script of the test environment that serves until its standard input closes.
    pub fn of(script: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env_script(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("tests/env/{script} does not start: {error}"));
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let description = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("tests/env/{script} {arguments:?} said {line:?} ({error}); its reason stands above")
        });
        Self { _child: child, pipes: Mutex::new((stdin, stdout)), description }
    }

    /// `stop postgres`, `start postgres`, …
    pub fn tell(&self, command: &str) -> Value {
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{command}").unwrap();
        let mut line = String::new();
        pipes.1.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer
    }

    pub fn postgres(&self) -> Postgres {
        Postgres::of(&self.description["postgres"])
    }
}

impl Postgres {
    /// As a script of the test environment describes it.
    pub fn of(server: &Value) -> Self {
        let text = |key: &str| server[key].as_str().unwrap_or_else(|| panic!("{key} in {server}")).to_owned();
        Self {
            host: text("host"),
            port: server["port"].as_u64().unwrap().try_into().unwrap(),
            user: text("user"),
            password: text("password"),
            version: text("version"),
        }
    }
}

/// Installs the chart, and returns the kubeconfig of its ServiceAccount.
pub fn helm_install(admin: &Path, arguments: &[&str]) -> PathBuf {
    let script = env_script("helm-install");
    let installed = Command::new(script).arg(admin).arg("sluice-system").args(arguments).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    PathBuf::from(String::from_utf8(installed.stdout).unwrap().trim())
}

/// A client of a member of system:masters.
pub async fn client_of(admin: &Path) -> kube::Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(admin).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

static WORLD: OnceLock<World> = OnceLock::new();

pub fn world() -> &'static World {
    WORLD.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let servers = Servers::start(&["all"]);
        let admin = PathBuf::from(servers.description["kubeconfig"].as_str().unwrap());
        let operator = helm_install(&admin, &[]);
        let audit = PathBuf::from(servers.description["controlplane"]["audit"].as_str().unwrap());
        World { postgres: servers.postgres(), servers, admin, operator, audit }
    })
}

/// A cluster that one test has to itself.
pub struct Cluster {
    pub admin: PathBuf,
    /// The chart's ServiceAccount.
    pub operator: PathBuf,
    _servers: Servers,
}

impl Cluster {
    pub fn start() -> Self {
        let servers = Servers::start(&["controlplane"]);
        let admin = PathBuf::from(servers.description["kubeconfig"].as_str().unwrap());
        let operator = helm_install(&admin, &[]);
        Self { admin, operator, _servers: servers }
    }

    pub async fn client(&self) -> kube::Client {
        client_of(&self.admin).await
    }
}

impl World {
    pub async fn client(&self) -> kube::Client {
        client_of(&self.admin).await
    }
}
