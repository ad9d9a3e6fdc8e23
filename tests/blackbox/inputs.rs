//! What an object depends on: the Secret that leads to the database, and the ConfigMaps that hold the scripts. A change
//! of either is noticed without a change of the spec.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::env::{GATE, Gate, Operator, Pace, SOON, Spec, Team, condition, eventually, files};

/// What a person who waits at a terminal takes for "at once".
const SECONDS: Duration = Duration::from_secs(10);

/// Every printable ASCII character, some that URLs, shells and connection strings trip over twice, and some beyond ASCII.
fn odd_password() -> String {
    let printable: String = (b' '..=b'~').map(char::from).collect();
    format!("{printable}%41%%20&sslmode=disable'\"\\ üñî-ß-日本")
}

impl Team {
    /// A role of the team's own that may do everything in the team's database.
    pub async fn role(&self, password: &str) -> String {
        let role = format!("{}_app", self.database);
        let password = password.replace('\'', "''");
        self.sql(&format!("create role \"{role}\" login password '{password}'")).await;
        self.sql(&format!(
            "alter database \"{}\" owner to \"{role}\"; alter schema public owner to \"{role}\"",
            self.database
        ))
        .await;
        role
    }

    /// Changes keys of a Secret in place, as a tool that rotates passwords does.
    pub async fn rotate(&self, name: &str, keys: serde_json::Value) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        api.patch(name, &PatchParams::default(), &Patch::Merge(&json!({"stringData": keys}))).await.unwrap();
    }

    /// The Secret `db` for that role.
    pub async fn secret_as(&self, role: &str, password: &str) {
        let port = self.server.port.to_string();
        let keys = [
            ("host", &*self.server.host),
            ("port", &port),
            ("username", role),
            ("password", password),
            ("dbname", &self.database),
        ];
        self.secret_of("db", &keys).await;
    }
}

/// Each character as `%XX`, letters and digits too.
fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_password_that_was_rotated_is_used_by_the_next_migration_without_a_change_of_the_spec() {
    let team = Team::new("rotated").await;
    let _operator = Operator::start(&team.namespace);
    let role = team.role("first").await;
    team.secret_as(&role, "first").await;
    team.scripts("sql", &files(&[("V001__a.sql", "create table a (id int);")])).await;
    let generation = team.apply("shop", &Spec::latest()).await.metadata.generation;
    team.ready("shop").await;

    team.sql(&format!("alter role \"{role}\" password 'second'")).await;
    team.rotate("db", json!({"password": "second"})).await;
    team.scripts(
        "sql",
        &files(&[("V001__a.sql", "create table a (id int);"), ("V002__b.sql", "create table b (id int);")]),
    )
    .await;

    let status = team.until("shop", "002 is in effect", |status| {
        status.applied.as_ref().is_some_and(|applied| applied.version == "002")
    });
    assert_eq!(status.await.failures, None);
    assert_eq!(team.get("shop").await.metadata.generation, generation);
    let by = team.value("select distinct tableowner from pg_tables where schemaname = 'public'").await;
    assert_eq!(by, role);
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_without_the_password_and_mended_by_a_change_of_the_secret() {
    let team = Team::new("wrong-password").await;
    let operator = Operator::start(&team.namespace);
    let role = team.role("right-5ecret").await;
    team.secret_as(&role, "wrong-5ecret").await;
    let scripts = files(&[("V001__a.sql", "create table a (id int);")]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    let message = team.reason("shop", "DatabaseUnreachable").await;
    for part in [role.as_str(), &team.database, "28P01", "check user and password in the Secret", "trying again"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    let told = format!("{:?} {:?} {}", team.get("shop").await, team.events("shop").await, operator.log());
    assert!(!told.contains("5ecret"), "a password is told: {told}");

    // Long enough for the pauses between tries to have grown beyond what the change may take.
    eventually("some tries", SOON, || async {
        let tries = operator.metric("sluice_reconcile_total{result=\"blocked\"}").unwrap_or_default();
        if tries >= 5.0 { Ok(()) } else { Err(format!("{tries} tries")) }
    })
    .await;
    let pace = Pace::start(&team).await;
    team.rotate("db", json!({"password": "right-5ecret"})).await;
    team.ready("shop").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
    assert!(!operator.log().contains("5ecret"));
}

#[tokio::test]
async fn a_missing_secret_and_each_missing_key_is_named_and_adding_it_converges_within_seconds() {
    let team = Team::new("missing-keys").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[("V001__a.sql", "create table a (id int);")]);
    team.apply("shop", &Spec::latest().set("/database/secretRef/name", json!("login")).inline(&scripts)).await;
    let message = team.reason("shop", "SourceNotReady").await;
    assert!(message.contains("Secret login does not exist in namespace") && message.contains("secretRef"), "{message}");

    let until_named = |part: &'static str| {
        let team = &team;
        async move {
            let pace = Pace::start(team).await;
            team.until("shop", part, |status| status.conditions[0].message.contains(part)).await;
            assert!(pace.elapsed() < SECONDS, "{part} after {:?}", pace.elapsed());
        }
    };
    let (host, port) = (team.server.host.clone(), team.server.port.to_string());
    let (user, password) = (team.server.user.clone(), team.server.password.clone());
    team.secret_of("login", &[("port", &port)]).await;
    until_named("neither the key uri nor the key host").await;
    team.rotate("login", json!({"host": host})).await;
    until_named("add the key user").await;
    team.rotate("login", json!({"user": user})).await;
    until_named("add the key dbname").await;
    team.rotate("login", json!({"dbname": team.database, "port": "fivefour"})).await;
    until_named("key port is not a port number").await;
    let pace = Pace::start(&team).await;
    team.rotate("login", json!({"port": port, "password": password})).await;
    team.ready("shop").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
}

#[tokio::test]
async fn a_secret_that_is_created_later_converges_within_seconds() {
    let team = Team::new("later-secret").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[("V001__a.sql", "create table a (id int);")]);
    team.apply("shop", &Spec::latest().set("/database/secretRef/name", json!("later")).inline(&scripts)).await;
    team.reason("shop", "SourceNotReady").await;
    let pace = Pace::start(&team).await;
    team.secret("later", &team.database).await;
    team.ready("shop").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
}

#[tokio::test]
async fn a_secret_that_the_api_server_does_not_show_is_not_taken_for_a_missing_one_and_is_read_when_access_is_back() {
    let team = Team::new("hidden-secret").await;
    let may_read = |core: &[&str]| {
        json!([
            {"apiGroups": ["sluice.dev"], "resources": ["databasemigrations", "migrationapprovals"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["sluice.dev"], "resources": ["databasemigrations/status"], "verbs": ["get", "patch", "update"]},
            {"apiGroups": [""], "resources": core, "verbs": ["get", "list", "watch", "create", "patch"]},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
        ])
    };
    let user = "operator-without-secrets";
    let restricted = team.person(user, &[], may_read(&["configmaps"])).await;
    team.lets_see_the_platform(user).await;
    let operator = Operator::as_told(&team.namespace, &restricted.kubeconfig, &["--leader-elect=false"]);
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", "create table a (id int);")]))).await;
    let message = team.reason("shop", "SourceNotReady").await;
    let told = format!("Secret {}/db cannot be read", team.namespace);
    assert!(message.contains(&told) && message.contains("secrets"), "{message}");
    assert!(!message.contains("does not exist"), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert!(condition(&status, "Stalled").is_none(), "it goes on by itself: {status:?}");
    eventually("another try", SOON, || async {
        let tries = operator.metric("sluice_reconcile_total{result=\"blocked\"}").unwrap_or_default();
        if tries >= 2.0 { Ok(()) } else { Err(format!("{tries} tries")) }
    })
    .await;

    team.person(user, &[], may_read(&["configmaps", "secrets"])).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "001");
}

#[tokio::test]
async fn a_password_may_hold_any_character_as_a_key_and_percent_encoded_in_a_uri() {
    let team = Team::new("odd-password").await;
    let operator = Operator::start(&team.namespace);
    let password = odd_password();
    let role = team.role(&password).await;
    let scripts = |count: usize| {
        let all = [("V001__a.sql", "create table a (id int);"), ("V002__b.sql", "create table b (id int);")];
        files(&all[..count])
    };
    team.secret_as(&role, &password).await;
    team.apply("shop", &Spec::latest().inline(&scripts(1))).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "001");

    let (host, port) = (&team.server.host, team.server.port);
    let uri = format!("postgresql://{role}:{}@{host}:{port}/{}", percent_encoded(&password), team.database);
    team.secret_of("by-uri", &[("uri", &uri)]).await;
    team.apply("shop", &Spec::latest().set("/database/secretRef/name", json!("by-uri")).inline(&scripts(2))).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002");
    assert!(!operator.log().contains(&password[..20]), "the password is in the log");
}

#[tokio::test]
async fn a_character_that_no_login_takes_is_explained_and_not_quoted() {
    let team = Team::new("emoji").await;
    let operator = Operator::start(&team.namespace);
    let role = team.role("smile 😀").await;
    team.secret_as(&role, "smile 😀").await;
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", "create table a (id int);")]))).await;
    let message = team.reason("shop", "DatabaseUnreachable").await;
    assert!(message.contains("a character that SCRAM logins do not take") && !message.contains('😀'), "{message}");
    assert!(!operator.log().contains('😀'));
}

#[tokio::test]
async fn a_uri_that_cannot_be_read_is_explained_and_never_shown() {
    let team = Team::new("bad-uri").await;
    let operator = Operator::start(&team.namespace);
    let (host, port, database) = (&team.server.host, team.server.port, &team.database);
    let scripts = files(&[("V001__a.sql", "create table a (id int);")]);
    team.secret_of("db", &[("uri", &format!("mysql://app:hunter2@{host}:{port}/{database}"))]).await;
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    for (uri, part) in [
        (format!("mysql://app:hunter2@{host}:{port}/{database}"), "the scheme mysql:// is not known"),
        (format!("postgres://app:hunter2#@{host}:{port}/{database}"), "percent-encode"),
        (format!("postgres://app:hunter2@{host},other:{port}/{database}"), "names several hosts"),
        (format!("postgres://app:hunter2@{host}:{port}/{database}?sslrootcert=/ca.crt"), "spec.database.caRef"),
        (format!("postgres://app:hunter2@{host}:{port}/"), "names no database"),
        ("hunter2".to_owned(), "is not a URL"),
    ] {
        team.rotate("db", json!({"uri": uri})).await;
        team.until("shop", part, |status| status.conditions[0].message.contains(part)).await;
        let told = format!("{:?}", team.get("shop").await);
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert!(!operator.log().contains("hunter2"));
}

#[tokio::test]
async fn a_missing_config_map_is_named_and_its_creation_converges_within_seconds() {
    let team = Team::new("later-scripts").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest()).await;
    let message = team.reason("shop", "SourceNotReady").await;
    assert!(
        message.contains("ConfigMap sql does not exist") && message.contains("spec.source.configMaps"),
        "{message}"
    );
    let pace = Pace::start(&team).await;
    team.scripts("sql", &files(&[("V001__a.sql", "create table a (id int);")])).await;
    team.ready("shop").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
}

#[tokio::test]
async fn a_config_map_that_vanishes_is_told_and_undoes_nothing() {
    let team = Team::new("lost-scripts").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[("V001__a.sql", "create table a (id int);")]);
    team.scripts("sql", &scripts).await;
    team.apply("shop", &Spec::latest()).await;
    team.ready("shop").await;
    let ledger = team.ledger_rows().await;
    team.kubectl(&["delete", "configmap", "sql"]);
    team.reason("shop", "SourceNotReady").await;
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "001", "what is in effect stays told");
    team.scripts("sql", &scripts).await;
    team.ready("shop").await;
    assert_eq!(team.ledger_rows().await, ledger);
}

#[tokio::test]
async fn a_key_that_is_added_to_a_config_map_is_applied_without_a_change_of_the_spec() {
    let team = Team::new("added-key").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(&[("V001__a.sql", "create table a (id int);")])).await;
    let generation = team.apply("shop", &Spec::latest()).await.metadata.generation;
    let before = team.ready("shop").await.source.unwrap();
    let pace = Pace::start(&team).await;
    team.scripts(
        "sql",
        &files(&[("V001__a.sql", "create table a (id int);"), ("V002__b.sql", "create table b (id int);")]),
    )
    .await;
    let after = team.until("shop", "002 is in effect", |status| {
        status.applied.as_ref().is_some_and(|applied| applied.version == "002")
    });
    let after = after.await.source.unwrap();
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
    assert_ne!(after.digest, before.digest);
    assert_eq!((after.versions, after.latest.as_deref()), (2, Some("002")));
    assert_eq!(team.get("shop").await.metadata.generation, generation);
}

#[tokio::test]
async fn several_config_maps_are_one_set_and_the_same_key_in_two_is_refused_with_both_names() {
    let team = Team::new("several-maps").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql-old", &files(&[("V001__a.sql", "create table a (id int);")])).await;
    let maps = json!([{"name": "sql-old"}, {"name": "sql-new"}]);
    team.apply("shop", &Spec::latest().set("/source/configMaps", maps)).await;
    let message = team.reason("shop", "SourceNotReady").await;
    assert!(message.contains("ConfigMap sql-new does not exist"), "{message}");
    team.scripts("sql-new", &files(&[("V001__a.sql", "create table a (id int);")])).await;
    let message = team.reason("shop", "InvalidSource").await;
    for part in ["V001__a.sql", "sql-old", "sql-new"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    team.scripts("sql-new", &files(&[("V002__b.sql", "create table b (id int);")])).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002");
    assert_eq!(team.tables().await, ["a", "b"]);
}

#[tokio::test]
async fn the_same_scripts_have_the_same_digest_wherever_they_come_from() {
    let team = Team::new("digest").await;
    let operator = Operator::start(&team.namespace);
    let scripts = files(&[
        ("V001__a.sql", "create table a (id int);\n"),
        ("V002__b.sql", "create table b (id int);"),
        ("U002__b.sql", "drop table b;"),
    ]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    let inline = team.ready("shop").await;
    let ledger = team.ledger_rows().await;
    team.scripts("sql", &scripts).await;
    team.apply("shop", &Spec::latest()).await;
    let mapped = team.ready("shop").await;
    assert_eq!(mapped.source, inline.source);
    let (first, rest): (Vec<_>, Vec<_>) = scripts.into_iter().partition(|(name, _)| name.starts_with("U"));
    team.scripts("first", &first.into_iter().collect()).await;
    team.scripts("rest", &rest.into_iter().collect()).await;
    let maps = json!([{"name": "first"}, {"name": "rest"}]);
    team.apply("shop", &Spec::latest().set("/source/configMaps", maps)).await;
    assert_eq!(team.ready("shop").await.source, inline.source);
    assert_eq!(team.ledger_rows().await, ledger, "moving the scripts runs nothing");
    assert_eq!(operator.metric("sluice_runs_total{direction=\"up\",result=\"succeeded\"}"), Some(1.0));
}

#[tokio::test]
async fn a_secret_that_leads_elsewhere_since_the_run_began_is_followed_when_the_run_has_ended() {
    let team = Team::new("moved").await;
    let _operator = Operator::start(&team.namespace);
    let other = format!("{}_other", team.database);
    team.create_database(&other).await;
    let mut gate = Gate::close(&team).await;
    let script = format!("create table a (id int);\n{GATE}");
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", &script)]))).await;
    gate.reached().await;
    team.rotate("db", json!({"dbname": other})).await;
    gate.open().await;
    // The run that was under way ends where it began; what is Ready after it is the database that the Secret names now.
    let there = Team {
        database: other,
        namespace: team.namespace.clone(),
        client: team.client.clone(),
        server: team.server.clone(),
    };
    eventually("the other database is migrated", SOON, || async {
        let tables = there.tables().await;
        if tables == ["a"] { Ok(()) } else { Err(format!("{tables:?}")) }
    })
    .await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["a"]);
}
