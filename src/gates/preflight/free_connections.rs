//! Connections are left for the run, and for the application while it lasts.

use super::words::{limit, quoted};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = &case.wanted.connections;
    let connections = match known("minFreeConnections", wanted.named, &case.facts.connections) {
        Ok(connections) => connections,
        Err(untold) => return untold.verdict(),
    };
    let role = quoted(&case.facts.role);
    let server = (
        connections.max.saturating_sub(connections.reserved).saturating_sub(connections.used),
        format!("the server's max_connections of {}, {} of them reserved", connections.max, connections.reserved),
        "close sessions that nobody needs, or raise max_connections".to_owned(),
    );
    let of_role = connections.role.1.map(|most| {
        (
            most.saturating_sub(connections.role.0),
            format!("the limit of {most} for role {}", case.facts.role),
            format!("close sessions of the role, or run: ALTER ROLE {role} CONNECTION LIMIT -1"),
        )
    });
    let of_database = connections.database.1.map(|most| {
        (
            most.saturating_sub(connections.database.0),
            format!("the limit of {most} for the database"),
            "close sessions of the database, or raise it with ALTER DATABASE … CONNECTION LIMIT".to_owned(),
        )
    });
    let fewest = [Some(server), of_role, of_database].into_iter().flatten().find(|(left, ..)| *left < wanted.value);
    match fewest {
        None => open(format!("at least {} connections are left", wanted.shown)),
        Some((_, of, cure)) => closed(
            format!(
                "fewer than {} connections are left of {of}; {}",
                wanted.shown,
                limit("minFreeConnections", wanted)
            ),
            cure,
        ),
    }
}
