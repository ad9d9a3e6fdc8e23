//! One server per test process, one database per test, and short words for what tests do.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::Value;
use sluice::database::postgres::PostgresDatabase;
use sluice::database::{
    Address, Credentials, Database as _, Progress, Purpose, RunIdentity, RunReport, RunRequest, SessionSettings,
    StopSignal, TlsMode, progress, run,
};
use sluice::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions, Version};
use sluice::plan::{Ledger, Policy, Refusal, Target, make};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};
use tokio::sync::watch;

/// A script that runs until somebody else writes into the table `gate`, which `GATE` makes.
pub const UNTIL_OPEN: &str =
    "do $$ begin while not exists (select from gate) loop perform pg_sleep(0.02); end loop; end $$;";
pub const GATE: (&str, &str) = ("V001__gate.sql", "create table gate(id int);");

/// How long a fact is waited for on a machine that is busy with everything at the same time. What comes costs nothing by being
/// waited for long.
pub const SOON: Duration = Duration::from_secs(120);

/// A process of the test environment: prints one line of JSON, ends when its standard input closes.
pub struct Environment {
    /// Held for its standard input: when this process ends, however it ends, the pipe closes.
    _child: Child,
    pub facts: Value,
}

impl Environment {
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        Self::of_version(script, arguments, None)
    }

    /// With a server of another major version than the one that is being tested with.
    pub fn of_version(script: &str, arguments: &[&str], major: Option<&str>) -> Self {
        let path = format!("{}/tests/env/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(path)
            .args(arguments)
            .envs(major.map(|major| ("PG", major)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the environment");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        Self { _child: child, facts: serde_json::from_str(&line).expect("JSON from the test environment") }
    }
}

/// Where a server listens and who may do everything there.
#[derive(Debug, Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    /// Where psql and pg_dump are, which may be older than the server.
    pub tools: String,
    pub version: String,
}

impl Server {
    pub fn of(facts: &Value) -> Self {
        let text = |name: &str| facts[name].as_str().unwrap_or_default().to_owned();
        let port = facts["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        Self {
            host: text("host"),
            port,
            user: text("user"),
            password: text("password"),
            tools: text("tools"),
            version: text("version"),
        }
    }

    pub async fn connect(&self, database: &str) -> PgConnection {
        PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .username(&self.user)
            .password(&self.password)
            .database(database)
            .application_name("test")
            .disable_statement_logging()
            .connect()
            .await
            .expect("the test server")
    }
}

/// The server of this process.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<(Environment, Server)> = OnceLock::new();
    let (_, server) = SERVER.get_or_init(|| {
        let environment = Environment::start("up", &["postgres"]);
        let server = Server::of(&environment.facts["postgres"]);
        (environment, server)
    });
    server
}

/// A database of a test's own.
pub struct Database {
    pub server: Server,
    pub name: String,
    pub ledger: String,
    pub user: String,
    pub password: String,
    pub settings: SessionSettings,
    pub policy: Policy,
    pub deadline: Duration,
    pub identity: RunIdentity,
}

/// A new, empty database.
pub async fn database() -> Database {
    database_on(server()).await
}

/// The same on another server.
pub async fn database_on(server: &Server) -> Database {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = server.clone();
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut admin = server.connect("postgres").await;
    execute(&mut admin, &format!("create database {name}")).await;
    Database {
        ledger: "sluice".to_owned(),
        user: server.user.clone(),
        password: server.password.clone(),
        server,
        name,
        settings: SessionSettings {
            lock_timeout: Duration::from_millis(100),
            lock_retry_deadline: SOON,
            statement_timeout: SOON,
            one_transaction: false,
            undo: None,
        },
        policy: Policy { allow_down: true, ..Policy::default() },
        deadline: SOON * 2,
        identity: identity("shop/orders"),
    }
}

pub fn identity(object: &str) -> RunIdentity {
    RunIdentity {
        id: uuid::Uuid::now_v7(),
        object: object.to_owned(),
        object_uid: format!("uid of {object}"),
        generation: 1,
        retry_token: None,
        abort_token: None,
        rollback_token: None,
        instance: "sluice-0".to_owned(),
    }
}

impl Database {
    pub fn postgres(&self) -> PostgresDatabase {
        self.postgres_at(&self.server.host, self.server.port)
    }

    /// The same database behind another door.
    pub fn postgres_at(&self, host: &str, port: u16) -> PostgresDatabase {
        let address =
            Address { host: host.to_owned(), port, database: self.name.clone(), ledger_schema: self.ledger.clone() };
        let credentials = Credentials {
            user: self.user.clone(),
            password: SecretString::from(self.password.clone()),
            tls: TlsMode::Disable,
            ca_pem: None,
        };
        PostgresDatabase::new(address, credentials)
    }

    pub async fn connect(&self) -> PgConnection {
        self.server.connect(&self.name).await
    }

    pub async fn execute(&self, sql: &str) {
        execute(&mut self.connect().await, sql).await;
    }

    /// One value as text; `null` as `(null)`, no row as `(none)`.
    pub async fn value(&self, sql: &str) -> String {
        value(&mut self.connect().await, sql).await
    }

    pub async fn ledger(&self) -> Ledger {
        self.postgres().inspect().await.expect("a look").ledger
    }

    /// The ledger's statuses: `1 completed, 2 failed`.
    pub async fn status(&self) -> String {
        let schema = &self.ledger;
        self.value(&format!(
            "select coalesce(string_agg(key || ' ' || status, ', ' order by key), '') from \"{schema}\".schema_migrations"
        ))
        .await
    }

    /// A request as the controller makes it: from a look and a plan.
    pub async fn request(&self, set: &MigrationSet, target: &str) -> Result<RunRequest, Refusal> {
        let target = if target == "Latest" { Target::Latest } else { Target::Version(version(target)) };
        let plan = make(set, &self.ledger().await, &target, &self.policy)?;
        Ok(RunRequest {
            identity: RunIdentity { id: uuid::Uuid::now_v7(), ..self.identity.clone() },
            plan: Arc::new(plan),
            set: Arc::new(set.clone()),
            target,
            policy: self.policy.clone(),
            settings: self.settings.clone(),
            deadline: self.deadline,
            purpose: Purpose::Apply,
            rehearsed: false,
            gates: serde_json::json!([]),
            hold: None,
            spare_rows: false,
        })
    }

    /// Looks, plans and runs.
    pub async fn run(&self, set: &MigrationSet, target: &str) -> RunReport {
        let request = self.request(set, target).await.expect("a plan");
        let (sender, _receiver) = progress();
        run(&self.postgres(), &request, &sender, &StopSignal::default()).await
    }

    /// Runs to the newest version; anything but success fails the test.
    pub async fn up(&self, files: &[(&str, &str)]) -> RunReport {
        let report = self.run(&set(files), "Latest").await;
        report.result.as_ref().expect("the run succeeds");
        report
    }

    /// Starts a run in the background.
    pub async fn start(&self, set: &MigrationSet, target: &str) -> Running {
        let request = self.request(set, target).await.expect("a plan");
        self.start_at(request, self.postgres())
    }

    pub fn start_at(&self, request: RunRequest, database: PostgresDatabase) -> Running {
        let (sender, receiver) = progress();
        let stop = StopSignal::default();
        let signal = stop.clone();
        let task = tokio::spawn(async move { run(&database, &request, &sender, &signal).await });
        Running { task, progress: receiver, stop }
    }
}

/// A run in the background.
pub struct Running {
    pub task: tokio::task::JoinHandle<RunReport>,
    pub progress: watch::Receiver<Progress>,
    pub stop: StopSignal,
}

impl Running {
    /// Waits until the progress is as described.
    pub async fn until(&mut self, what: &str, reached: impl FnMut(&Progress) -> bool) -> Progress {
        let waited = tokio::time::timeout(SOON, self.progress.wait_for(reached)).await;
        match waited.map(|seen| seen.map(|progress| progress.clone())) {
            Ok(Ok(progress)) => progress,
            Ok(Err(_)) => panic!("the run ended before: {what}"),
            Err(_) => panic!("never reached: {what}; progress is {:?}", *self.progress.borrow()),
        }
    }

    pub async fn report(self) -> RunReport {
        tokio::time::timeout(SOON * 3, self.task).await.expect("the run ends").expect("no panic")
    }
}

pub async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub async fn value(connection: &mut PgConnection, sql: &str) -> String {
    let row = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_optional(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    row.map_or_else(
        || "(none)".to_owned(),
        |row| row.try_get_unchecked::<Option<String>, _>(0).expect("text").unwrap_or_else(|| "(null)".to_owned()),
    )
}

/// A set of scripts named as Flyway does.
pub fn set(files: &[(&str, &str)]) -> MigrationSet {
    let files: Vec<RawFile> = files.iter().map(|(path, content)| RawFile::named(*path, *content)).collect();
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Flyway, allow_gaps: true };
    MigrationSet::read(&files, options).expect("a readable set")
}

pub fn version(text: &str) -> Version {
    Version::parse(text).expect("a version")
}

/// Waits until a value is what it shall be.
pub async fn eventually(db: &Database, sql: &str, expected: &str) {
    let began = Instant::now();
    loop {
        let seen = db.value(sql).await;
        if seen == expected {
            return;
        }
        assert!(began.elapsed() < SOON, "{sql} is {seen} instead of {expected}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Waits until no session of Sluice is left: the server notices the end of one a moment after the client has gone.
pub async fn deserted(db: &Database) {
    let left = "select count(*)::text from pg_stat_activity where application_name like 'sluice/%' and datname = current_database()";
    eventually(db, left, "0").await;
}
