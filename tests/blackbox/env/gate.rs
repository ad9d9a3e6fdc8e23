//! A gate inside a script: the script waits before it until the test opens it, so that a test looks at a run under way
//! without racing it. It waits by polling, which no `lock_timeout` ends.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::team::{SOON, Spec, files};
use super::{Operator, Team, eventually};

/// A statement that waits while the gate of its database is closed.
pub const GATE: &str = "do $gate$ begin while exists (select from pg_locks where locktype = 'advisory' and objid = 4711 \
     and database = (select oid from pg_database where datname = current_database())) loop perform pg_sleep(0.02); end loop; \
     end $gate$;";

/// The first version of a team that is [`locked_out`].
pub const LOCKED_OUT: (&str, &str) = (
    "V001__a.sql",
    "create table a (id int); do $gate$ begin while exists (select from pg_locks where locktype = 'advisory' and objid = 4711 \
     and database = (select oid from pg_database where datname = current_database())) loop perform pg_sleep(0.02); end loop; \
     end $gate$;",
);

/// A closed gate; dropping it opens it.
pub struct Gate {
    connection: PgConnection,
}

/// A team at 001, and somebody else's session that holds the migration lock of its database.
pub async fn locked_out(name: &str) -> (Team, Operator, PgConnection) {
    let team = Team::new(name).await;
    let operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    team.apply("shop", &Spec::latest().inline(&files(&[LOCKED_OUT]))).await;
    gate.reached().await;
    let key = gate.migration_lock().await;
    gate.open().await;
    team.at("shop", "001").await;
    let mut stranger = team.connect().await;
    stranger.execute(AssertSqlSafe(format!("select pg_advisory_lock({key})"))).await.unwrap();
    (team, operator, stranger)
}

impl Gate {
    /// Closes the gate of the team's database.
    pub async fn close(team: &Team) -> Self {
        Self::at(team.connect().await).await
    }

    /// Closes the gate of the database of that connection.
    pub async fn at(mut connection: PgConnection) -> Self {
        connection.execute("select pg_advisory_lock(4711)").await.unwrap();
        Self { connection }
    }

    /// How many runs wait before the gate.
    pub async fn waiting(&mut self) -> i64 {
        sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and state = 'active'
                and application_name like 'sluice/%' and query like '%$gate$%'",
        )
        .fetch_one(&mut self.connection)
        .await
        .unwrap()
    }

    /// Waits until a run stands before the gate.
    pub async fn reached(&mut self) {
        self.reached_by(1).await;
    }

    /// Waits until so many runs stand before it at the same time.
    pub async fn reached_by(&mut self, runs: i64) {
        let gate = tokio::sync::Mutex::new(self);
        eventually("runs stand before the gate", SOON, || async {
            match gate.lock().await.waiting().await {
                waiting if waiting >= runs => Ok(()),
                waiting => Err(format!("{waiting} of {runs}")),
            }
        })
        .await;
    }

    /// The key of the migration lock that the run before the gate holds.
    pub async fn migration_lock(&mut self) -> i64 {
        sqlx::query_scalar(
            "select (l.classid::bigint << 32 | l.objid::bigint) from pg_locks l join pg_stat_activity a using (pid)
                where l.locktype = 'advisory' and l.objsubid = 1 and a.application_name like 'sluice/%' and l.classid <> 0
                and l.database = (select oid from pg_database where datname = current_database()) limit 1",
        )
        .fetch_one(&mut self.connection)
        .await
        .unwrap()
    }

    /// Opens it.
    pub async fn open(self) {
        self.connection.close().await.unwrap();
    }
}
