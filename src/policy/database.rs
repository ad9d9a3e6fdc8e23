//! Which databases, and as whom: what only the Secret and the server can tell is checked against these.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::api::v1alpha1::{ForbiddenRole, MigrationPolicySpec, PolicyTls};
use crate::database::TlsMode;

use super::fault::Problem;
use super::notes::Demands;

/// What one policy asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DatabaseDemand {
    allowed_hosts: Option<Vec<String>>,
    tls: Option<PolicyTls>,
    forbid_roles: BTreeSet<ForbiddenRole>,
}

impl DatabaseDemand {
    /// Validates `spec.database`.
    pub(super) fn of(spec: &MigrationPolicySpec) -> Result<Self, Problem> {
        let spec = spec.database.clone().unwrap_or_default();
        if let Some(hosts) = &spec.allowed_hosts {
            let field = "database.allowedHosts";
            if hosts.is_empty() {
                return Err(Problem::at(field, "allows no host at all; name one, or leave the field out"));
            }
            if let Some(host) =
                hosts.iter().find(|host| !host.chars().all(|c| c == '*' || plain(c) || ":/_".contains(c)))
            {
                return Err(Problem::at(
                    field,
                    format!("`{host}` is no host; write a name, an address, or *.prod.internal"),
                ));
            }
        }
        Ok(Self {
            allowed_hosts: spec.allowed_hosts,
            tls: spec.tls,
            forbid_roles: spec.forbid_roles.into_iter().flatten().collect(),
        })
    }
}

/// What the database of an object must be like. Each rule knows the policy that it is from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DatabaseRules {
    /// Hosts by policy: each of these policies must allow it.
    pub allowed_hosts: BTreeMap<String, Vec<String>>,
    /// The weakest protection of the connection that is accepted, and the policy that asks for most.
    pub tls: Option<(PolicyTls, String)>,
    /// Rights that the role must not have, and the first policy that forbids each.
    pub forbid_roles: BTreeMap<ForbiddenRole, String>,
}

impl DatabaseRules {
    /// All rules of all policies.
    pub(super) fn of(demands: &Demands<'_, &DatabaseDemand>) -> Self {
        let mut rules = Self::default();
        for (policy, demand) in demands {
            let name = (*policy).to_owned();
            if let Some(hosts) = &demand.allowed_hosts {
                rules.allowed_hosts.insert(name.clone(), hosts.clone());
            }
            if let Some(tls) = demand.tls.filter(|tls| rules.tls.as_ref().is_none_or(|(most, _)| tls > most)) {
                rules.tls = Some((tls, name.clone()));
            }
            for role in &demand.forbid_roles {
                rules.forbid_roles.entry(*role).or_insert_with(|| name.clone());
            }
        }
        rules
    }

    /// Every rule in words, for those who have no Secret at hand.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let hosts = self.allowed_hosts.iter().map(|(policy, hosts)| {
            format!("MigrationPolicy {policy}: the host in the Secret must be one of {}", hosts.join(", "))
        });
        let tls = self.tls.iter().map(|(tls, policy)| {
            format!("MigrationPolicy {policy}: sslmode in the Secret must be at least {}", sslmode(*tls))
        });
        let roles = self
            .forbid_roles
            .iter()
            .map(|(role, policy)| format!("MigrationPolicy {policy}: the role must not have {}", word(*role)));
        hosts.chain(tls).chain(roles).collect()
    }

    /// Whether a host may be connected to, and so weakly.
    ///
    /// # Errors
    /// The first rule that it breaks, with its policy and the cure. The host is named, nothing else of the Secret.
    pub fn check(&self, host: &str, tls: TlsMode) -> Result<(), String> {
        for (policy, hosts) in &self.allowed_hosts {
            if !hosts.iter().any(|pattern| matches(pattern, host)) {
                return Err(format!(
                    "MigrationPolicy {policy}: host {host} of the Secret is not allowed; use one of {}",
                    hosts.join(", ")
                ));
            }
        }
        match &self.tls {
            Some((least, policy)) if strength(tls) < Some(*least) => Err(format!(
                "MigrationPolicy {policy}: the connection is protected too weakly; set sslmode {} in the Secret",
                sslmode(*least)
            )),
            Some(_) | None => Ok(()),
        }
    }
}

fn strength(tls: TlsMode) -> Option<PolicyTls> {
    match tls {
        TlsMode::Disable | TlsMode::Prefer => None,
        TlsMode::Require => Some(PolicyTls::Require),
        TlsMode::VerifyCa => Some(PolicyTls::VerifyCa),
        TlsMode::VerifyFull => Some(PolicyTls::VerifyFull),
    }
}

fn sslmode(tls: PolicyTls) -> &'static str {
    match tls {
        PolicyTls::Require => "require",
        PolicyTls::VerifyCa => "verify-ca",
        PolicyTls::VerifyFull => "verify-full",
    }
}

fn word(role: ForbiddenRole) -> &'static str {
    match role {
        ForbiddenRole::Superuser => "SUPERUSER",
        ForbiddenRole::BypassRls => "BYPASSRLS",
        ForbiddenRole::Replication => "REPLICATION",
        ForbiddenRole::CreateRole => "CREATEROLE",
        ForbiddenRole::ServerFiles => "access to files of the server",
        ForbiddenRole::ExecuteProgram => "access to programs of the server",
    }
}

/// What a name or an IPv4 address may hold.
fn plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// Whether a pattern fits a host. A star fits any part of a name, and nothing that no name holds: no path of a socket, no port. A pattern
/// that could only be an address fits addresses only: `10.0.*` is not `10.0.example.com`.
fn matches(pattern: &str, host: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, host) = (normal(pattern), normal(host));
    if !pattern.contains('*') {
        return pattern == host;
    }
    let numbers = pattern.chars().all(|character| character.is_ascii_digit() || matches!(character, '.' | '*'));
    if numbers && host.parse::<IpAddr>().is_err() {
        return false;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| host.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return false };
    let mut swallowed = String::new();
    for part in between {
        let Some((before, after)) = rest.split_once(part) else { return false };
        swallowed.push_str(before);
        rest = after;
    }
    let Some(before) = rest.strip_suffix(last) else { return false };
    swallowed.push_str(before);
    swallowed.chars().all(plain)
}

/// Names are the same in any case, and with a dot at their end.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}
