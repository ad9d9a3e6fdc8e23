//! Up, back and up again on a scratch copy: what it proves, what it catches, and what it leaves behind, which is nothing.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use sluice::database::postgres::PostgresDatabase;
use sluice::database::{
    Address, Credentials, Database as _, DatabaseError, Rehearsal, RehearsalRequest, RehearsalServer, TlsMode, Verdict,
};
use sluice::plan::{Direction, Ledger, Policy, Target, make};

use crate::support::{Database, Environment, SOON, Server, database, execute, identity, server, set, value};

const BASE: (&str, &str) = (
    "V001__base.sql",
    "create type mood as enum ('good', 'bad'); create domain price as numeric(10, 2) check (value >= 0);
     create table users(id int generated always as identity primary key, name text not null default 'x', zip text, how mood);
     create table orders(id serial, user_id int references users, total price, primary key (id)) partition by range (id);
     create table orders_1 partition of orders for values from (0) to (1000);
     create index orders_total on orders(total); create view good as select id, name from users where how = 'good';
     create materialized view totals as select user_id, sum(total) from orders group by 1; create unique index on totals(user_id);
     create function touch() returns trigger language plpgsql as $$ begin new.name := '\restrict'; return new; end $$;
     create trigger touch before insert on users for each row execute function touch(); alter table users enable row level security;
     create policy mine on users using (name = current_user); comment on table users is 'It''s \"people\"';
     create extension hstore; create schema shop; create table shop.\"Odd; name\"(h hstore, a int[] default '{1,2}');
     create statistics s on a, h from shop.\"Odd; name\"; insert into users(name) values ('Ada');",
);
const NOTE: (&str, &str) = (
    "V002__note.sql",
    "alter table users add column note text;\ncreate index users_note on users(note);\nalter table users alter column zip type varchar(50) using left(zip, 50);",
);
const NOTE_DOWN: (&str, &str) = (
    "U002__note.sql",
    "alter table users alter column zip type text;\ndrop index users_note;\nalter table users drop column note;",
);

/// Whether the machine's pg_dump can read the test server.
fn dumps() -> bool {
    let major = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok()).expect("a major version");
    let Server { tools, version, .. } = server();
    major(tools.rsplit('/').nth(1)) >= major(version.split('.').next())
}

impl Database {
    async fn rehearsal(&self, files: &[(&str, &str)]) -> RehearsalRequest {
        let request = self.request(&set(files), "Latest").await.expect("a plan");
        RehearsalRequest {
            identity: request.identity,
            server: None,
            steps: request.plan.steps.clone(),
            dump_program: PathBuf::from(&server().tools).join("pg_dump"),
            one_transaction: false,
            statement_timeout: Duration::from_secs(20),
            deadline: Duration::from_secs(60),
        }
    }

    async fn rehearse(&self, files: &[(&str, &str)]) -> Rehearsal {
        let request = self.rehearsal(files).await;
        let rehearsal = self.postgres().rehearse(&request).await.expect("an answer");
        assert_eq!(self.scratches().await, "", "the scratch database is gone");
        rehearsal
    }

    /// Where the machine's pg_dump is older than the server, that is all that can be shown.
    async fn is_not_rehearsed(&self) {
        let rehearsal =
            self.rehearse(&[("V001__x.sql", "create table x (id int);"), ("U001__x.sql", "drop table x;")]).await;
        assert_eq!(rehearsal.verdict(), Verdict::Unproven, "{rehearsal:?}");
        assert!(rehearsal.to_string().contains("older than the server's"), "{rehearsal}");
    }

    /// The scratch databases of this database.
    async fn scratches(&self) -> String {
        self.value(&format!(
            "select coalesce(string_agg(datname, ' '), '') from pg_database
                where datname like 'sluice\\_rehearsal\\_%' and shobj_description(oid, 'pg_database') like '%schema of {} for%'",
            self.name
        ))
        .await
    }
}

#[tokio::test]
async fn a_good_set_is_proven_and_leaves_nothing_behind() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    db.up(&[BASE]).await;
    let repeatable = ("R__names.sql", "create or replace view names as select name from shop_names;");
    let files = [
        BASE,
        NOTE,
        NOTE_DOWN,
        ("V003__names.sql", "create table shop_names(name text); create index concurrently on shop_names(name);"),
        ("U003__names.sql", "drop view names; drop table shop_names;"),
        repeatable,
    ];
    db.execute(&format!("alter database {} set search_path to public, shop", db.name)).await;
    let rehearsal = db.rehearse(&files).await;
    assert_eq!(rehearsal.verdict(), Verdict::Proven, "{rehearsal} {rehearsal:?}");
    assert_eq!(rehearsal.to_string(), "up, back and up again work on a copy of the schema");
    assert!(rehearsal.fingerprint.as_ref().is_some_and(|digest| digest.starts_with("sha256:")));
    // Nothing of it happened to the original.
    assert_eq!(
        db.value("select count(*)::text from pg_attribute where attrelid = 'users'::regclass and attname = 'note'")
            .await,
        "0"
    );
    assert_eq!(db.status().await, "1 completed");
    let up: Vec<String> = rehearsal
        .locks
        .iter()
        .filter(|lock| lock.direction == Direction::Up && lock.label == "002")
        .map(|lock| format!("{} {} {} {}", lock.line, lock.table, lock.mode, lock.rewrites))
        .collect();
    assert_eq!(up, ["1 table public.users AccessExclusiveLock false", "3 table public.users AccessExclusiveLock true"]);
}

#[tokio::test]
async fn a_column_that_comes_back_at_the_end_of_its_table_is_told_and_disproves_nothing() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    db.up(&[("V001__t.sql", "create table t (a int, b text, c int);")]).await;
    let files = [
        ("V001__t.sql", "create table t (a int, b text, c int);"),
        ("V002__t.sql", "alter table t drop column b;"),
        ("U002__t.sql", "alter table t add column b text;"),
    ];
    let rehearsal = db.rehearse(&files).await;
    assert_eq!(rehearsal.verdict(), Verdict::Proven, "{rehearsal:?}");
    assert_eq!(rehearsal.to_string(), "order of columns of public.t: columns differs after the way back");
}

#[tokio::test]
async fn a_down_script_that_forgets_something_is_caught_with_its_name() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    db.up(&[BASE]).await;
    let forgetful = [
        BASE,
        (
            "V002__x.sql",
            "drop index orders_total; alter table users add column note text; create function f() returns int language sql return 1;",
        ),
        (
            "U002__x.sql",
            "alter table users drop column note; alter table users alter name drop not null; drop function f();",
        ),
    ];
    let rehearsal = db.rehearse(&forgetful).await;
    assert_eq!(rehearsal.verdict(), Verdict::Disproved, "{rehearsal:?}");
    let told = rehearsal.to_string();
    assert!(told.contains("index public.orders_total: missing after the way back"), "{told}");
    assert!(told.contains("column public.users.name: not null differs after the way back"), "{told}");
    assert!(
        told.ends_with("the second way up fails: V002__x.sql:1:1: statement 1 of 002: 42704 undefined_object"),
        "{told}"
    );
}

#[tokio::test]
async fn a_script_that_fails_is_caught_with_file_line_and_code() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    db.up(&[BASE]).await;
    let broken = [BASE, NOTE, ("U002__note.sql", "drop index users_note;\n\nalter table users drop column nte;")];
    let rehearsal = db.rehearse(&broken).await;
    assert_eq!(rehearsal.verdict(), Verdict::Disproved, "{rehearsal:?}");
    let (stretch, failure) = rehearsal.failure().expect("a failure");
    assert_eq!(stretch, "the way back");
    assert_eq!(
        (failure.file.as_str(), failure.line, failure.sqlstate.as_deref()),
        ("U002__note.sql", Some(3), Some("42703"))
    );
    // The second way up does not get through either.
    let twice = [BASE, ("V002__t.sql", "create table t(id int);"), ("U002__t.sql", "select 1;")];
    let rehearsal = db.rehearse(&twice).await;
    let told = "table public.t: left over after the way back; the second way up fails: V002__t.sql:1:1";
    assert!(rehearsal.to_string().starts_with(told), "{rehearsal}");
    let rehearsal = db.rehearse(&[BASE, ("V002__t.sql", "create table t(id int);")]).await;
    assert_eq!(rehearsal.verdict(), Verdict::Unproven);
    assert!(rehearsal.to_string().contains("no down script for 002"), "{rehearsal}");
    // Without rows nothing can be said about what needs them.
    let needs = [BASE, ("V002__r.sql", "insert into orders values (1, 1);"), ("U002__r.sql", "delete from orders;")];
    let rehearsal = db.rehearse(&needs).await;
    assert_eq!(rehearsal.verdict(), Verdict::Unproven, "{rehearsal}");
    assert!(rehearsal.to_string().ends_with("the copy has no rows, which may be the reason"), "{rehearsal}");
}

#[tokio::test]
async fn scripts_of_one_transaction_are_rehearsed_in_one() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    db.up(&[BASE]).await;
    let files = [
        BASE,
        ("V002__mood.sql", "alter type mood add value 'odd';"),
        ("U002__mood.sql", "select 1;"),
        ("V003__use.sql", "\nalter table users alter how set default 'odd';"),
        ("U003__use.sql", "alter table users alter how drop default;"),
    ];
    let mut request = db.rehearsal(&files).await;
    request.one_transaction = true;
    let rehearsal = db.postgres().rehearse(&request).await.expect("an answer");
    let told = "the way up fails: V003__use.sql:2:1: statement 1 of 003: 55P04";
    assert!(rehearsal.to_string().starts_with(told), "{rehearsal}");
    request.one_transaction = false;
    let rehearsal = db.postgres().rehearse(&request).await.expect("an answer");
    let told = "enum public.mood: labels differs after the way back; the second way up fails: V002__mood.sql:1:1";
    assert!(rehearsal.to_string().starts_with(told), "{rehearsal}");
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_rehearsal_is_told_with_its_cure() {
    let mut db = database().await;
    let files = [("V001__a.sql", "create table a(id int);"), ("U001__a.sql", "drop table a;")];
    let mut request = db.rehearsal(&files).await;
    request.dump_program = PathBuf::from("/nowhere/pg_dump");
    let told = db.postgres().rehearse(&request).await.expect("an answer").to_string();
    assert!(told.contains("there is no /nowhere/pg_dump; install it"), "{told}");
    let role = db.rehearse(&[("V001__r.sql", "create table a(id int);\ncreate role somebody;")]).await;
    assert!(role.to_string().starts_with("V001__r.sql:2: CREATE ROLE"), "{role}");
    if !dumps() {
        let told = db.rehearse(&files).await.to_string();
        assert!(told.contains("older than the server's"), "{told}");
        return;
    }
    let user = format!("{}_plain", db.name);
    db.execute(&format!("create role {user} login password 'it''s'; alter database {} owner to {user}", db.name)).await;
    (db.user, db.password) = (user.clone(), "it's".to_owned());
    let told = db.rehearse(&files).await;
    assert_eq!(told.verdict(), Verdict::Unproven);
    assert!(told.to_string().ends_with(&format!("as a superuser run: ALTER ROLE \"{user}\" CREATEDB;")), "{told}");
    db.execute(&format!("alter role {user} createdb")).await;
    let proven = db.rehearse(&files).await;
    assert_eq!(proven.verdict(), Verdict::Proven, "{proven}");
    // What the role may not read it cannot copy.
    db.policy.adoption.allow_existing = true;
    db.execute("create table secret(id int); grant select on secret to public; create table hidden(id int)").await;
    let told = db.rehearse(&files).await;
    assert!(told.to_string().contains("pg_dump may not read table hidden"), "{told}");
    // What it may not own it cannot copy either.
    db.execute("grant select on hidden to public").await;
    let told = db.rehearse(&files).await;
    assert!(told.to_string().contains("table public.hidden: owner"), "{told}");
}

#[tokio::test]
async fn a_rehearsal_that_takes_too_long_ends_and_cleans_up() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    let files = [("V001__slow.sql", "select pg_sleep(600);"), ("U001__slow.sql", "select 1;")];
    let mut request = db.rehearsal(&files).await;
    request.deadline = Duration::from_secs(3);
    let rehearsal = db.postgres().rehearse(&request).await.expect("an answer");
    assert_eq!(rehearsal.to_string(), "the rehearsal did not end within 3s");
    assert_eq!(db.scratches().await, "");
}

#[tokio::test]
async fn a_cancelled_rehearsal_cleans_up_behind_itself() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    let files = [("V001__slow.sql", "select pg_sleep(600);"), ("U001__slow.sql", "select 1;")];
    let (request, postgres) = (db.rehearsal(&files).await, db.postgres());
    let task = tokio::spawn(async move { postgres.rehearse(&request).await });
    until(|| async { !db.scratches().await.is_empty() }).await;
    task.abort();
    until(|| async { db.scratches().await.is_empty() }).await;
}

#[tokio::test]
async fn what_a_killed_process_leaves_behind_is_swept_and_what_is_in_use_is_not() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    let files = [("V001__slow.sql", "select pg_sleep(600);"), ("U001__slow.sql", "select 1;")];
    let (request, postgres) = (db.rehearsal(&files).await, db.postgres());
    let (die, death) = tokio::sync::oneshot::channel::<()>();
    // A process of its own, as far as that can be had in a test: nothing of it goes on when its runtime ends.
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.spawn(async move { postgres.rehearse(&request).await });
        runtime.block_on(death).expect("a word");
    });
    until(|| async { !db.scratches().await.is_empty() }).await;
    let scratch = db.scratches().await;
    assert!(!db.postgres().sweep_rehearsals().await.expect("a sweep").contains(&scratch));
    assert_eq!(db.scratches().await, scratch);
    die.send(()).expect("a listener");
    process.join().expect("an end");
    until(|| async {
        db.postgres().sweep_rehearsals().await.expect("a sweep");
        db.scratches().await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn pg_dump_checks_the_servers_certificate_as_sluice_does() {
    if !dumps() {
        return database().await.is_not_rehearsed().await;
    }
    let environment = Environment::start("up", &["postgres", "--tls"]);
    let facts = &environment.facts["postgres"];
    let server = Server::of(facts);
    let ca = std::fs::read(facts["ca"].as_str().expect("a path")).expect("a certificate");
    let files = [("V001__a.sql", "create table a(id int);"), ("U001__a.sql", "drop table a;")];
    let plan = make(&set(&files), &Ledger::default(), &Target::Latest, &Policy::default()).expect("a plan");
    let request = RehearsalRequest {
        identity: identity("shop/orders"),
        server: None,
        steps: plan.steps,
        dump_program: PathBuf::from(&server.tools).join("pg_dump"),
        one_transaction: false,
        statement_timeout: Duration::from_secs(20),
        deadline: Duration::from_secs(60),
    };
    let address = Address {
        host: server.host.clone(),
        port: server.port,
        database: "postgres".to_owned(),
        ledger_schema: "sluice".to_owned(),
    };
    let credentials = Credentials {
        user: server.user.clone(),
        password: SecretString::from(server.password.clone()),
        tls: TlsMode::VerifyFull,
        ca_pem: Some(ca),
    };
    let rehearsal = PostgresDatabase::new(address, credentials).rehearse(&request).await.expect("an answer");
    assert_eq!(rehearsal.verdict(), Verdict::Proven, "{rehearsal}");
}

#[tokio::test]
async fn a_server_that_must_not_be_migrated_is_not_rehearsed_on() {
    let db = database().await;
    let request = db.rehearsal(&[("V001__a.sql", "select 1;")]).await;
    db.execute(&format!("alter database {} set default_transaction_read_only = on", db.name)).await;
    let error = db.postgres().rehearse(&request).await.expect_err("a refusal");
    assert!(matches!(error, DatabaseError::Unsuitable(_)), "{error:?}");
}

async fn until<F: Future<Output = bool>>(reached: impl Fn() -> F) {
    let began = std::time::Instant::now();
    while !reached().await {
        assert!(began.elapsed() < SOON, "never reached");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// A server of its own for rehearsals, and how it is reached; of that major version where one is given.
fn other_server(major: Option<&str>) -> (Environment, Server, RehearsalServer) {
    let environment = Environment::of_version("up", &["postgres"], major);
    let server = Server::of(&environment.facts["postgres"]);
    let address = Address {
        host: server.host.clone(),
        port: server.port,
        database: "postgres".to_owned(),
        ledger_schema: "sluice".to_owned(),
    };
    let credentials = Credentials {
        user: server.user.clone(),
        password: SecretString::from(server.password.clone()),
        tls: TlsMode::Disable,
        ca_pem: None,
    };
    (environment, server, RehearsalServer { address, credentials })
}

#[tokio::test]
async fn another_server_takes_the_scratch_database_and_the_original_needs_no_right_to_create_one() {
    let mut db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    let (_environment, other, given) = other_server(None);
    let role = format!("plain_{}", db.name);
    db.execute(&format!("create role {role} login password 'x'; alter database {} owner to {role}", db.name)).await;
    (db.user, db.password) = (role.clone(), "x".to_owned());
    db.up(&[("V001__users.sql", "create table users (id int primary key, zip text);")]).await;
    let files = [
        ("V001__users.sql", "create table users (id int primary key, zip text);"),
        ("V002__note.sql", "alter table users add column note text; create index users_note on users (note);"),
        ("U002__note.sql", "drop index users_note; alter table users drop column note;"),
    ];
    let request = RehearsalRequest { server: Some(given), ..db.rehearsal(&files).await };
    // Its objects belong to a role that the other server does not know.
    let rehearsal = db.postgres().rehearse(&request).await.expect("an answer");
    assert_eq!(rehearsal.verdict(), Verdict::Unproven, "{rehearsal:?}");
    assert!(rehearsal.to_string().contains("the schema cannot be copied exactly"), "{rehearsal}");
    let mut admin = other.connect("postgres").await;
    execute(&mut admin, &format!("create role {role}")).await;
    let rehearsal = db.postgres().rehearse(&request).await.expect("an answer");
    assert_eq!(rehearsal.verdict(), Verdict::Proven, "{rehearsal} {rehearsal:?}");
    let broken = [files[0], files[1], ("U002__note.sql", "drop index users_note;")];
    let request = RehearsalRequest { steps: db.rehearsal(&broken).await.steps, ..request };
    let rehearsal = db.postgres().rehearse(&request).await.expect("an answer");
    assert_eq!(rehearsal.verdict(), Verdict::Disproved, "{rehearsal:?}");
    assert!(rehearsal.to_string().contains("column public.users.note: "), "{rehearsal}");
    let left = "select count(*)::text from pg_database where datname like 'sluice%'";
    assert_eq!(value(&mut admin, left).await, "0", "the scratch databases are gone");
    assert_eq!(db.scratches().await, "");
}

#[tokio::test]
async fn a_server_of_another_version_or_without_the_right_to_create_is_refused_with_the_cure() {
    let db = database().await;
    if !dumps() {
        return db.is_not_rehearsed().await;
    }
    let files = [("V001__a.sql", "create table a(id int);"), ("U001__a.sql", "drop table a;")];
    let major = db.server.version.split('.').next().expect("a version").to_owned();
    let another = if major == "14" { "18" } else { "14" };
    let (_environment, server, given) = other_server(Some(another));
    let request = RehearsalRequest { server: Some(given), ..db.rehearsal(&files).await };
    let told = db.postgres().rehearse(&request).await.expect("an answer").to_string();
    let wanted = format!("is PostgreSQL {another}, and that of the database is {major}");
    assert!(told.contains(&wanted) && told.contains(&server.port.to_string()), "{told}");
    let (_environment, server, mut given) = other_server(Some(&major));
    execute(&mut server.connect("postgres").await, "create role small login password 'x'").await;
    given.credentials =
        Credentials { user: "small".to_owned(), password: SecretString::from("x"), ..given.credentials };
    let request = RehearsalRequest { server: Some(given.clone()), ..request };
    let told = db.postgres().rehearse(&request).await.expect("an answer").to_string();
    assert!(told.contains("ALTER ROLE \"small\" CREATEDB;"), "{told}");
    given.address.port = 1;
    let request = RehearsalRequest { server: Some(given), ..request };
    let error = db.postgres().rehearse(&request).await.expect_err("nobody listens there");
    assert!(matches!(&error, DatabaseError::Unreachable(why) if why.contains(":1")), "{error}");
}
