//! A team: one namespace, one database, and what it does with them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use sluice::api::v1alpha1::{DatabaseMigration, DatabaseMigrationStatus};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use super::{Postgres, Proxy, eventually, world};

/// How long anything that should happen at once may take on a machine that is busy with everything at the same time. What ends
/// by a fact costs nothing by being waited for long.
pub const SOON: Duration = Duration::from_secs(120);

pub struct Team {
    pub namespace: String,
    pub database: String,
    pub client: Client,
    pub server: Postgres,
}

/// File names and contents.
pub fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

/// The spec of a DatabaseMigration, with one change at a time.
#[derive(Clone, Debug)]
pub struct Spec(pub Value);

impl Spec {
    /// Secret `db`, ConfigMap `sql`, the newest version.
    pub fn latest() -> Self {
        Self(json!({
            "database": {"secretRef": {"name": "db"}},
            "source": {"configMaps": [{"name": "sql"}]},
            "targetVersion": "Latest",
        }))
    }

    pub fn to(version: &str) -> Self {
        Self::latest().set("/targetVersion", json!(version))
    }

    /// Sets the value at a JSON pointer, making objects on the way.
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let mut at = &mut self.0;
        for key in pointer.trim_start_matches('/').split('/') {
            if !at.is_object() {
                *at = json!({});
            }
            at = at.as_object_mut().unwrap().entry(key.to_owned()).or_insert(Value::Null);
        }
        *at = value;
        self
    }

    pub fn inline(self, files: &BTreeMap<String, String>) -> Self {
        self.set("/source", json!({"inline": files}))
    }
}

static NUMBER: AtomicUsize = AtomicUsize::new(1);

impl Team {
    /// A namespace, an empty database, and the Secret `db` that leads to it.
    pub async fn new(name: &str) -> Self {
        Self::on(name, &world().postgres).await
    }

    /// The same on a server of its own.
    pub async fn on(name: &str, server: &Postgres) -> Self {
        Self::of(world().client().await, name, server).await
    }

    /// The same in another cluster.
    pub async fn of(client: Client, name: &str, server: &Postgres) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("{name}-{number}");
        let api: Api<Namespace> = Api::all(client.clone());
        let body = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        api.create(&PostParams::default(), &body).await.unwrap();
        let team = Self { database: namespace.replace('-', "_"), namespace, client, server: server.clone() };
        team.create_database(&team.database).await;
        team.secret("db", &team.database).await;
        team
    }

    /// Labels the namespace.
    pub async fn label(&self, key: &str, value: &str) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({"metadata": {"labels": {key: value}}}));
        api.patch(&self.namespace, &PatchParams::default(), &patch).await.unwrap();
    }

    pub async fn create_database(&self, name: &str) {
        let mut admin = connect(&self.server, "postgres").await;
        admin.execute(AssertSqlSafe(format!("create database \"{name}\""))).await.unwrap();
    }

    /// A Secret with separate keys.
    pub async fn secret(&self, name: &str, database: &str) {
        let Postgres { host, port, user, password, .. } = &self.server;
        let (port, database) = (port.to_string(), database.to_owned());
        self.secret_of(
            name,
            &[("host", host), ("port", &port), ("user", user), ("password", password), ("dbname", &database)],
        )
        .await;
    }

    /// Leads the Secret `db` through a proxy.
    pub async fn through(&self, proxy: &Proxy) {
        let Postgres { host, port, user, password, .. } = proxy.postgres();
        let port = port.to_string();
        let keys = [("host", &*host), ("port", &*port), ("user", &*user), ("password", &*password)];
        self.secret_of("db", &[&keys[..], &[("dbname", &*self.database)]].concat()).await;
    }

    /// Creates or replaces a Secret with these keys and no others.
    pub async fn secret_of(&self, name: &str, keys: &[(&str, &str)]) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let keys: BTreeMap<_, _> = keys.iter().copied().collect();
        let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys});
        let _ = api.delete(name, &DeleteParams::default()).await;
        api.create(&PostParams::default(), &serde_json::from_value(body).unwrap()).await.unwrap();
    }

    /// Creates or replaces the keys of a ConfigMap.
    pub async fn scripts(&self, name: &str, files: &BTreeMap<String, String>) {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files});
        api.patch(name, &PatchParams::apply("team").force(), &Patch::Apply(&body)).await.unwrap();
    }

    pub fn migrations(&self) -> Api<DatabaseMigration> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies a DatabaseMigration as `kubectl apply --server-side` does, and returns it.
    pub async fn apply(&self, name: &str, spec: &Spec) -> DatabaseMigration {
        self.try_apply(name, spec).await.unwrap()
    }

    pub async fn try_apply(&self, name: &str, spec: &Spec) -> Result<DatabaseMigration, kube::Error> {
        let body = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration", "metadata": {"name": name}, "spec": spec.0,
        });
        let params = PatchParams {
            field_validation: Some(kube::api::ValidationDirective::Strict),
            ..PatchParams::apply("team").force()
        };
        self.migrations().patch(name, &params, &Patch::Apply(&body)).await
    }

    pub async fn annotate(&self, name: &str, key: &str, value: &str) {
        let body = json!({"metadata": {"annotations": {key: value}}});
        self.migrations().patch(name, &PatchParams::default(), &Patch::Merge(&body)).await.unwrap();
    }

    /// Takes the whole status away.
    pub async fn wipe_status(&self, name: &str) {
        let body = json!({"status": null});
        self.migrations().patch_status(name, &PatchParams::default(), &Patch::Merge(&body)).await.unwrap();
    }

    pub async fn get(&self, name: &str) -> DatabaseMigration {
        self.migrations().get(name).await.unwrap()
    }

    /// Waits until Ready is True for the present generation.
    pub async fn ready(&self, name: &str) -> DatabaseMigrationStatus {
        self.until(name, "Ready", |status| condition(status, "Ready").is_some_and(|(status, _, _)| status == "True"))
            .await
    }

    /// Waits until Ready has that reason for the present generation, and returns Ready's message.
    pub async fn reason(&self, name: &str, reason: &str) -> String {
        self.reason_within(name, reason, SOON).await
    }

    /// The same for what takes its time.
    pub async fn reason_within(&self, name: &str, reason: &str, within: Duration) -> String {
        let check = |status: &_| condition(status, "Ready").is_some_and(|(_, found, _)| found == reason);
        let status = self.until_within(name, &format!("reason {reason}"), within, check).await;
        condition(&status, "Ready").unwrap().2
    }

    /// Waits until the status of the present generation satisfies the condition.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        check: impl Fn(&DatabaseMigrationStatus) -> bool,
    ) -> DatabaseMigrationStatus {
        self.until_within(name, what, SOON, check).await
    }

    /// The same for what takes its time.
    pub async fn until_within(
        &self,
        name: &str,
        what: &str,
        within: Duration,
        check: impl Fn(&DatabaseMigrationStatus) -> bool,
    ) -> DatabaseMigrationStatus {
        eventually(&format!("{}/{name}: {what}", self.namespace), within, || async {
            let object = self.migrations().get(name).await.map_err(|error| error.to_string())?;
            let status = object.status.clone().unwrap_or_default();
            let current = status.observed_generation == object.metadata.generation;
            if current && check(&status) { Ok(status) } else { Err(serde_json::to_string(&status).unwrap()) }
        })
        .await
    }

    /// Reasons and notes of the object's events, oldest first.
    pub async fn events(&self, name: &str) -> Vec<(String, String)> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut events = api.list(&ListParams::default()).await.unwrap().items;
        events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        events
            .into_iter()
            .filter(|event| event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name))
            .map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default()))
            .collect()
    }

    /// Waits until the reasons of the object's events are these, oldest first: events are published in the background, and
    /// the last may come after the status.
    pub async fn events_are(&self, name: &str, wanted: &[&str]) {
        eventually("the last event", SOON, || async {
            let reasons: Vec<String> = self.events(name).await.into_iter().map(|(reason, _)| reason).collect();
            if reasons == wanted { Ok(()) } else { Err(format!("{reasons:?} instead of {wanted:?}")) }
        })
        .await;
    }

    /// A connection to the team's database as superuser.
    pub async fn connect(&self) -> PgConnection {
        connect(&self.server, &self.database).await
    }

    /// Runs statements.
    pub async fn sql(&self, statements: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The first column of a query, as text.
    pub async fn query(&self, query: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let rows =
            sqlx::query(AssertSqlSafe(format!("select (q.*)::text from ({query}) q"))).fetch_all(&mut connection).await;
        connection.close().await.unwrap();
        rows.unwrap().iter().map(|row| row.get::<String, _>(0).trim_matches(['(', ')']).to_owned()).collect()
    }

    /// One value of a query, as text.
    pub async fn value(&self, query: &str) -> String {
        self.query(query).await.into_iter().next().unwrap_or_default()
    }

    /// Names of the tables outside of the ledger.
    pub async fn tables(&self) -> Vec<String> {
        self.query("select tablename from pg_tables where schemaname = 'public' order by 1").await
    }

    /// Waits until the object has an event with that reason: events are published in the background. Its notes.
    pub async fn noted(&self, name: &str, reason: &str) -> Vec<String> {
        eventually(&format!("the event {reason}"), SOON, || async {
            let events = self.events(name).await;
            let notes: Vec<_> =
                events.iter().filter(|(found, _)| found == reason).map(|(_, note)| note.clone()).collect();
            if notes.is_empty() { Err(format!("{events:?}")) } else { Ok(notes) }
        })
        .await
    }

    /// Server sessions of Sluice on the team's database.
    pub async fn sessions(&self) -> usize {
        let mut admin = connect(&self.server, "postgres").await;
        let query = "select count(*) from pg_stat_activity where datname = $1 and application_name like 'sluice%'";
        let count: i64 = sqlx::query_scalar(query).bind(&self.database).fetch_one(&mut admin).await.unwrap();
        usize::try_from(count).unwrap()
    }

    /// Writes to the API server, by the operator, about this team's objects: verb, resource and subresource.
    pub fn writes(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&world().audit).unwrap_or_default();
        log.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|entry| entry["objectRef"]["namespace"] == self.namespace.as_str())
            .filter(|entry| {
                entry["user"]["username"].as_str().is_some_and(|user| user.starts_with("system:serviceaccount:"))
            })
            .map(|entry| {
                let part = |key: &str| entry["objectRef"][key].as_str().unwrap_or_default().to_owned();
                format!("{} {}/{}", entry["verb"].as_str().unwrap_or_default(), part("resource"), part("subresource"))
            })
            .collect()
    }

    /// Fails unless the operator soon writes nothing in this namespace for four seconds.
    pub async fn falls_silent(&self) {
        eventually("nothing more is written", SOON, || async {
            let before = self.writes().len();
            tokio::time::sleep(Duration::from_secs(4)).await;
            let writes = self.writes();
            if writes.len() == before { Ok(()) } else { Err(format!("{writes:?}")) }
        })
        .await;
    }
}

/// Status, reason and message of a condition.
pub fn condition(status: &DatabaseMigrationStatus, type_: &str) -> Option<(String, String, String)> {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((condition.status.clone(), condition.reason.clone(), condition.message.clone()))
}

pub async fn connect(server: &Postgres, database: &str) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port)
        .username(&server.user)
        .password(&server.password)
        .database(database)
        .application_name("blackbox")
        .ssl_mode(PgSslMode::Prefer);
    PgConnection::connect_with(&options).await.unwrap_or_else(|error| {
        panic!("PostgreSQL {} at {}:{}, database {database}: {error}", server.version, server.host, server.port)
    })
}
