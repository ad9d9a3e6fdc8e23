//! The role that runs the scripts can do no more than it should.

use crate::database::{Power, Privilege};

use super::words::{quoted, several};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let forbidden = &case.wanted.forbidden;
    if forbidden.is_empty() {
        return None;
    }
    let powers = match known("forbidRoles", true, &case.facts.powers) {
        Ok(powers) => powers,
        Err(untold) => return untold.verdict(),
    };
    let role = &case.facts.role;
    let mut found: Vec<&Power> = powers.iter().filter(|power| forbidden.contains(&power.privilege)).collect();
    found.sort_by_key(|power| power.privilege);
    let Some(first) = found.first() else {
        return open(format!("role {role} has none of the privileges in spec.gates.preflight.forbidRoles"));
    };
    // Whoever has SUPERUSER has all the others for it.
    let all = powers.iter().find(|power| power.privilege == Privilege::Superuser);
    let worst = all.unwrap_or(first);
    if all.is_some() {
        found = vec![worst];
    }
    let names = several(found.iter().map(|power| match power.through == *role {
        true => name(power.privilege).to_owned(),
        false => format!("{} (through {})", name(power.privilege), power.through),
    }));
    let cure = match (worst.through == *role, attribute(worst.privilege)) {
        (true, Some(attribute)) => format!("ALTER ROLE {} NO{attribute}", quoted(role)),
        (true, None) | (false, _) => format!("REVOKE {} FROM {}", quoted(&worst.through), quoted(role)),
    };
    closed(
        format!("role {role} may use {names}, which spec.gates.preflight.forbidRoles forbids"),
        format!("put another role into the Secret, or take it away: {cure}"),
    )
}

fn name(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Superuser => "SUPERUSER",
        Privilege::BypassRls => "BYPASSRLS",
        Privilege::Replication => "REPLICATION",
        Privilege::CreateRole => "CREATEROLE",
        Privilege::CreateDb => "CREATEDB",
        Privilege::ServerFiles => "files of the server",
        Privilege::ExecuteProgram => "programs on the server",
    }
}

/// What ALTER ROLE takes away; `None` of what comes with a membership.
fn attribute(privilege: Privilege) -> Option<&'static str> {
    match privilege {
        Privilege::Superuser
        | Privilege::BypassRls
        | Privilege::Replication
        | Privilege::CreateRole
        | Privilege::CreateDb => Some(name(privilege)),
        Privilege::ServerFiles | Privilege::ExecuteProgram => None,
    }
}
