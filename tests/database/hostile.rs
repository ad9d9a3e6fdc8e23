//! The second wall: the corpus of hostile scripts, run as a role that owns one schema and nothing else.
//!
//! The linter's rules are the first wall (`src/lint/tests/hostile.rs`). Here it is gone: each statement is sent as it is, one after
//! the other, whatever became of the one before. The server refuses it with the code that the script names, or whatever it did is
//! within the role's own schema.

use std::path::Path;
use std::time::Duration;

use sluice::migration::{Dialect, Script};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use crate::support::{Environment, Server, execute};

const TENANT: &str = "tenant";
const PASSWORD: &str = "tenant";

/// Others' things beside the tenant's schema.
const NEIGHBOURS: &str = "
    create role tenant login password 'tenant' nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
    create role other nologin password 'other';
    create role dba superuser nologin;
    revoke create on schema public from public;
    create schema victim authorization other;
    create table victim.accounts (id int primary key, owner text, secret text);
    insert into victim.accounts values (1, 'a', 's1'), (2, 'b', 's2');
    create policy own on victim.accounts using (owner = current_user);
    alter table victim.accounts enable row level security;
    alter table victim.accounts owner to other;
    create function victim.balance() returns int language sql as 'select 1';
    alter function victim.balance() owner to other;
    create schema sluice authorization other;
    create table sluice.schema_migrations (version text);
    insert into sluice.schema_migrations values ('1');
    alter table sluice.schema_migrations owner to other;
";

/// Everything outside of the tenant's own schema, in one text.
const OUTSIDE: &str = "
    select string_agg(line, E'\\n' order by line) from (
        select 'role ' || a::text as line from pg_authid a where rolname <> 'tenant'
        union all select 'tenant ' || concat_ws(',', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication,
            rolbypassrls) from pg_authid where rolname = 'tenant'
        union all select 'member ' || m::text from pg_auth_members m
        union all select 'database ' || datname || coalesce(datacl::text, '') || datdba from pg_database
        union all select 'setting ' || s::text from pg_db_role_setting s
        union all select 'file ' || coalesce(name, '') || coalesce(setting, '') from pg_file_settings
        union all select 'tablespace ' || spcname from pg_tablespace
        union all select 'slot ' || slot_name from pg_replication_slots
        union all select 'subscription ' || subname from pg_subscription
        union all select 'publication ' || pubname from pg_publication
        union all select 'extension ' || extname from pg_extension
        union all select 'language ' || lanname from pg_language
        union all select 'event trigger ' || evtname from pg_event_trigger
        union all select 'wrapper ' || fdwname from pg_foreign_data_wrapper
        union all select 'server ' || srvname from pg_foreign_server
        union all select 'method ' || amname from pg_am
        union all select 'cast ' || c::text from pg_cast c
        union all select 'default ' || d::text from pg_default_acl d
        union all select 'schema ' || nspname || coalesce(nspacl::text, '') || nspowner from pg_namespace
            where nspname <> 'app' and nspname !~ '^pg_(toast_)?temp_'
        union all select 'relation ' || oid::regclass || concat_ws(',', relowner, relacl, relrowsecurity, relkind)
            from pg_class where relnamespace not in ('app'::regnamespace, 'pg_toast'::regnamespace)
        union all select 'function ' || oid::regprocedure || concat_ws(',', proowner, proacl, prosecdef, md5(prosrc))
            from pg_proc where pronamespace <> 'app'::regnamespace
        union all select 'policy ' || polname || polrelid::regclass from pg_policy
        union all select 'account ' || a::text from victim.accounts a
        union all select 'applied ' || m::text from sluice.schema_migrations m
    ) facts";

/// Folders in which hostile scripts would leave files.
const LEFT_BEHIND: &str = "/tmp/hostile";

struct Hostile {
    name: String,
    sql: String,
}

impl Hostile {
    /// What the script says the server does: the codes that it refuses with, none where it does no harm.
    fn codes(&self) -> Vec<&str> {
        let line = self.sql.lines().find_map(|line| line.strip_prefix("-- Server: ")).expect("a line for the server");
        if line.starts_with("harmless: ") { Vec::new() } else { line.split(' ').collect() }
    }
}

fn corpus() -> Vec<Hostile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/database/hostile");
    let mut scripts: Vec<Hostile> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .map(|path| Hostile {
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            sql: std::fs::read_to_string(&path).expect("a script"),
        })
        .collect();
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    scripts
}

async fn tenant(server: &Server, database: &str) -> PgConnection {
    PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port)
        .username(TENANT)
        .password(PASSWORD)
        .database(database)
        .disable_statement_logging()
        .connect()
        .await
        .expect("the tenant may log in")
}

async fn outside(admin: &mut PgConnection) -> String {
    sqlx::query(OUTSIDE).fetch_one(admin).await.expect("the server's state").get(0)
}

/// Sends every statement, and gathers the codes of those that are refused.
async fn attack(connection: &mut PgConnection, hostile: &Hostile) -> Vec<String> {
    let script = Script::parse(Dialect::Postgres, &hostile.name, 1, &hostile.sql, false).expect("a script");
    let mut refused = Vec::new();
    for statement in &script.statements {
        let sent = sqlx::raw_sql(AssertSqlSafe(statement.text.clone())).execute(&mut *connection);
        match tokio::time::timeout(Duration::from_secs(20), sent).await {
            Ok(Ok(_)) => {}
            Ok(Err(sqlx::Error::Database(error))) => refused.extend(error.code().map(|code| code.into_owned())),
            Ok(Err(error)) => panic!("{}: {error}", hostile.name),
            Err(_) => panic!("{}: takes for ever", hostile.name),
        }
    }
    refused
}

#[tokio::test]
async fn a_role_that_owns_one_schema_does_no_harm_outside_of_it() {
    // A server of its own: the state of all of it is compared.
    let environment = Environment::start("up", &["postgres"]);
    let server = Server::of(&environment.facts["postgres"]);
    execute(&mut server.connect("postgres").await, "create database shop").await;
    let mut admin = server.connect("shop").await;
    execute(&mut admin, NEIGHBOURS).await;
    let mut wrong = Vec::new();
    for hostile in corpus() {
        execute(&mut admin, "create schema app authorization tenant").await;
        let before = outside(&mut admin).await;
        let mut connection = tenant(&server, "shop").await;
        let refused = attack(&mut connection, &hostile).await;
        drop(connection.close().await);
        let after = outside(&mut admin).await;
        let changed = similar::TextDiff::from_lines(before.as_str(), after.as_str());
        if before != after {
            wrong.push(format!("{}: changed outside:\n{}", hostile.name, changed.unified_diff().context_radius(0)));
        }
        let expected = hostile.codes();
        let as_said = if expected.is_empty() {
            refused.is_empty()
        } else {
            expected.iter().all(|code| refused.iter().any(|refused| refused == code))
        };
        if !as_said {
            wrong.push(format!("{}: refused with {refused:?}", hostile.name));
        }
        if Path::new(LEFT_BEHIND).exists() {
            wrong.push(format!("{}: left a file behind", hostile.name));
        }
        execute(&mut admin, "drop schema app cascade").await;
        execute(&mut admin, "alter role tenant password 'tenant'").await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
