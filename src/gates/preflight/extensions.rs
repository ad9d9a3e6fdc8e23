//! Extensions are installed, or can be by the very role that runs the scripts.

use super::words::{quoted, several};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    if case.wanted.extensions.is_empty() {
        return None;
    }
    let there = match known("extensions", true, &case.facts.extensions) {
        Ok(there) => there,
        Err(untold) => return untold.verdict(),
    };
    let (mut missing, mut forbidden, mut later) = (Vec::new(), Vec::new(), Vec::new());
    for name in &case.wanted.extensions {
        match there.iter().find(|extension| extension.name == *name) {
            None => missing.push(name),
            Some(extension) if extension.installed.is_some() => {}
            Some(extension) if extension.may_install => later.push(name),
            Some(_) => forbidden.push(name),
        }
    }
    let names = |names: &[&String]| several(names.iter().map(|name| (*name).clone()));
    if !missing.is_empty() {
        let missing = names(&missing);
        return closed(
            format!("the server has no extension {missing}, which spec.gates.preflight.extensions asks for"),
            format!("install the package of {missing} on the server's machine, or correct the name"),
        );
    }
    if let Some(first) = forbidden.first() {
        let (quoted, names) = (quoted(first), names(&forbidden));
        return closed(
            format!(
                "extension {names} is not installed in the database, and role {} may not install it",
                case.facts.role
            ),
            format!("as a superuser run in the database: CREATE EXTENSION {quoted}"),
        );
    }
    open(match later.is_empty() {
        true => "all extensions are installed".to_owned(),
        false => format!("extension {} is not installed yet, and the role may install it", names(&later)),
    })
}
