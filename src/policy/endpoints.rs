//! Addresses that policies declare for checks and gates. The only part of a policy that gives something; it takes nothing away.

use std::collections::BTreeMap;

use url::Url;

use crate::api::v1alpha1::{EndpointSpec, MigrationPolicySpec};
use crate::checks::Endpoints;

use super::fault::{Fault, Problem};

/// The addresses of one policy.
///
/// # Errors
/// The first that cannot be used. The message never shows the URL, which may hold a password.
pub(super) fn read(spec: &MigrationPolicySpec) -> Result<Endpoints, Problem> {
    let Some(spec) = &spec.endpoints else { return Ok(Endpoints::default()) };
    Ok(Endpoints {
        prometheus: named("endpoints.prometheus", spec.prometheus.as_deref())?,
        http: named("endpoints.http", spec.http.as_deref())?,
        service: None,
    })
}

fn named(field: &str, endpoints: Option<&[EndpointSpec]>) -> Result<BTreeMap<String, Url>, Problem> {
    let mut named = BTreeMap::new();
    for endpoint in endpoints.unwrap_or_default() {
        let at = |problem: String| Problem::at(&format!("{field}.{}", endpoint.name), problem);
        let url = Url::parse(&endpoint.url).map_err(|error| at(format!("its url cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(at("its url must begin with http:// or https:// and name a host".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(at("its url must hold no user and no password: everybody may read a policy".to_owned()));
        }
        if named.insert(endpoint.name.clone(), url).is_some() {
            return Err(at("the name is there twice; give each address a name of its own".to_owned()));
        }
    }
    Ok(named)
}

/// The addresses of all policies together.
///
/// # Errors
/// When one name is given to two addresses: which one is meant must not depend on an order.
pub(super) fn together<'a>(policies: impl Iterator<Item = (&'a str, &'a Endpoints)>) -> Result<Endpoints, Fault> {
    let mut all = Endpoints::default();
    let mut owners: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (policy, endpoints) in policies {
        for (kind, from, to) in
            [("prometheus", &endpoints.prometheus, &mut all.prometheus), ("http", &endpoints.http, &mut all.http)]
        {
            for (name, url) in from {
                match to.get(name) {
                    Some(other) if other != url => {
                        let before = owners.get(&(kind, name.as_str())).copied().unwrap_or_default();
                        return Err(Fault::conflict(policy, &format!("spec.endpoints.{kind}.{name}"), before));
                    }
                    Some(_) => {}
                    None => {
                        to.insert(name.clone(), url.clone());
                        owners.insert((kind, name), policy);
                    }
                }
            }
        }
    }
    Ok(all)
}
