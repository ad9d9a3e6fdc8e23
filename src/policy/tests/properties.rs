//! Whatever is asked for: nothing that anybody asks for gets lost.
//!
//! Each dimension is measured by a reference of its own, which reads the JSON and shares nothing with the code.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Fault, Policy, Raised, raise};
use super::strategies::{CLASSES, RISKS, RULES, SCHEDULES, policies, specs};
use super::{orders, policy, spec};
use crate::database::TlsMode;
use crate::duration;
use crate::gates::Gates;
use crate::migration::Risk;

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A time where less is stricter; `otherwise` where there is none.
fn time(value: &Value, otherwise: Duration) -> Duration {
    value.as_str().map_or(otherwise, |text| duration::parse(text).unwrap())
}

const NEVER: Duration = Duration::MAX;

/// How many people a plan of each risk takes, whichever field says so.
fn people(spec: &Value) -> [i64; 4] {
    let approvals = at(spec, "gates.approvals");
    let by_risk = &approvals["byRisk"];
    let otherwise = i64::from(approvals.is_object() && by_risk.is_null());
    let always = approvals["required"].as_i64().unwrap_or(otherwise);
    RISKS.map(|risk| {
        let matrix = by_risk[risk].as_i64().unwrap_or(0);
        let of_policy = spec["approvalsByRisk"][risk].as_i64().unwrap_or(0);
        always.max(matrix).max(of_policy)
    })
}

/// Whether a run may begin while just these schedules are open.
fn may_begin(spec: &Value, open: &[bool]) -> bool {
    let windows = at(spec, "gates.windows").as_array().cloned().unwrap_or_default();
    let is_open = |window: &Value| {
        let number = SCHEDULES.iter().position(|schedule| window["schedule"] == *schedule).unwrap();
        open[number]
    };
    let denies = |window: &Value| window["kind"] == "Deny";
    if windows.iter().any(|window| denies(window) && is_open(window)) {
        return false;
    }
    let mut groups: Vec<&Value> =
        windows.iter().filter(|window| !denies(window)).map(|window| &window["group"]).collect();
    groups.dedup();
    groups
        .iter()
        .all(|group| windows.iter().any(|window| !denies(window) && window["group"] == **group && is_open(window)))
}

/// 0 allowed, 1 told, 2 denied.
fn finding(spec: &Value, rule: &str, class: &str, silent: u8) -> u8 {
    let lint = at(spec, "gates.lint");
    let said = |name: &str| {
        [("deny", 2), ("warn", 1), ("allow", 0)]
            .into_iter()
            .find(|(list, _)| texts(&lint[*list]).contains(&name))
            .map(|(_, level)| level)
    };
    said(rule).or_else(|| said(class)).unwrap_or(silent)
}

fn rehearses(spec: &Value) -> bool {
    let rehearsal = at(spec, "gates.rehearsal");
    let asked = rehearsal.is_object() && rehearsal["mode"] != "Disabled";
    asked || (rehearsal.is_null() && at(spec, "rollback.require") == "Rehearsed")
}

fn known(spec: &Value) -> usize {
    let automatic = at(spec, "rollback.mode") == "Automatic";
    match at(spec, "rollback.require").as_str() {
        Some(word) => ["None", "Present", "Rehearsed"].iter().position(|known| *known == word).unwrap(),
        None => usize::from(automatic),
    }
}

/// The same of what is measured in the database before a run.
fn measured(strict: &Value, asked: &Value, silent: u8) -> Result<(), TestCaseError> {
    // In seconds, Gi, percent; these words mean nothing else here.
    let number = |spec: &Value, field: &str, unless_set: f64| {
        let Some(text) = at(spec, "gates.preflight")[field].as_str() else { return unless_set };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text.trim_start_matches(digits) {
            "m" => 60.0,
            "Ti" => 1024.0,
            _ => 1.0,
        };
        digits.parse::<f64>().unwrap() * unit
    };
    let unless = |otherwise: f64, never: f64| if silent == 0 { never } else { otherwise };
    for (field, default) in [("maxTransactionAge", 300.0), ("maxReplicationLag", 30.0), ("maxSlotRetained", 10.0)] {
        let bound = number(asked, field, unless(default, f64::MAX));
        prop_assert!(number(strict, field, default) <= bound, "{field}");
    }
    for (field, default) in [("minFreeDisk", 20.0), ("minServerVersion", 0.0)] {
        prop_assert!(number(strict, field, default) >= number(asked, field, unless(default, 0.0)), "{field}");
    }
    let connections =
        |spec: &Value, otherwise| at(spec, "gates.preflight.minFreeConnections").as_i64().unwrap_or(otherwise);
    prop_assert!(connections(strict, 10) >= connections(asked, if silent == 0 { 0 } else { 10 }), "connections");
    for role in texts(at(asked, "gates.preflight.forbidRoles")) {
        prop_assert!(texts(at(strict, "gates.preflight.forbidRoles")).contains(&role), "{role}");
    }
    let refuses = |spec: &Value| at(spec, "gates.preflight.archiving") == "Refuse";
    prop_assert!(refuses(strict) || !refuses(asked), "archiving");
    for asked in at(asked, "gates.sql").as_array().into_iter().flatten() {
        let mine = at(strict, "gates.sql").as_array().unwrap();
        prop_assert!(mine.iter().any(|mine| mine["query"] == asked["query"]), "sql");
        let names: std::collections::BTreeSet<_> = mine.iter().map(|mine| mine["name"].as_str()).collect();
        prop_assert_eq!(names.len(), mine.len(), "names of conditions");
    }
    Ok(())
}

/// That one spec is at least as strict as what another spec or a policy asks for in the fields that both have.
fn at_least(strict: &Value, asked: &Value, silent: u8) -> Result<(), TestCaseError> {
    for (mine, theirs) in people(strict).into_iter().zip(people(asked)) {
        prop_assert!(mine >= theirs, "approvals");
    }
    for path in ["gates.approvals.groups", "gates.lint.deny"] {
        for entry in texts(at(asked, path)) {
            prop_assert!(texts(at(strict, path)).contains(&entry), "{path}: {entry}");
        }
    }
    for path in ["gates.approvals.excludeAuthor", "gates.lint.forbidIgnore"] {
        prop_assert!(at(asked, path) != true || at(strict, path) == true, "{path}");
    }
    for path in ["gates.approvals.expiresAfter", "gates.deadline"] {
        prop_assert!(time(at(strict, path), NEVER) <= time(at(asked, path), NEVER), "{path}");
    }
    for (rule, class) in RULES {
        prop_assert!(finding(strict, rule, class, 1) >= finding(asked, rule, class, silent), "lint of {rule}");
    }
    for class in CLASSES {
        prop_assert!(
            finding(strict, "another", class, 1) >= finding(asked, "another", class, silent),
            "lint of {class}"
        );
    }
    for asked in at(asked, "gates.dependsOn").as_array().into_iter().flatten() {
        let version = |of: &Value| of["version"].as_str().map_or(0, |text| text.parse::<u32>().unwrap());
        let met = at(strict, "gates.dependsOn").as_array().into_iter().flatten();
        let met = met.filter(|mine| mine["name"] == asked["name"]).any(|mine| version(mine) >= version(asked));
        prop_assert!(met || (silent == 0 && asked["name"] == "orders"), "dependsOn {asked}");
    }
    measured(strict, asked, silent)?;
    prop_assert!(rehearses(strict) || !rehearses(asked), "rehearsal");
    if rehearses(asked) && at(asked, "gates.rehearsal").is_object() {
        let given = at(asked, "gates.rehearsal.deadline");
        let mine = time(at(strict, "gates.rehearsal.deadline"), Duration::from_secs(600));
        prop_assert!(
            mine <= time(given, if silent == 0 { NEVER } else { Duration::from_secs(600) }),
            "rehearsal's deadline"
        );
    }
    prop_assert!(known(strict) >= known(asked), "rollback.require");
    Ok(())
}

/// What only a policy can ask for.
fn obeys(raised: &Raised, after: &Value, asked: &Value) -> Result<(), TestCaseError> {
    let fits = |path: &str, max: &str, default: u64| {
        time(at(after, path), Duration::from_millis(default)) <= time(at(asked, max), NEVER)
    };
    prop_assert!(fits("execution.lockTimeout", "execution.maxLockTimeout", 100));
    prop_assert!(fits("execution.statementTimeout", "execution.maxStatementTimeout", 900_000));
    prop_assert!(fits("execution.deadline", "execution.maxDeadline", 3_600_000));
    prop_assert!(at(asked, "rollback.automatic") != true || at(after, "rollback.mode") == "Automatic");
    let least = time(at(asked, "verification.minDuration"), Duration::ZERO);
    let verified = after["verification"].is_object();
    let long = time(at(after, "verification.duration"), Duration::from_secs(300)) >= least;
    prop_assert!(least.is_zero() || (verified && long) || !raised.violations.is_empty(), "minDuration");
    for kind in texts(at(asked, "verification.requiredChecks")) {
        let mut checks = at(after, "verification.checks").as_array().into_iter().flatten();
        let there = checks.any(|check| check.get(kind).is_some() && check["mode"] != "Observe");
        prop_assert!(there || !raised.violations.is_empty(), "{kind}");
    }
    let promotion = at(after, "gates.promotion");
    prop_assert!(at(asked, "promotion.required") != true || promotion.is_object() || !raised.violations.is_empty());
    if promotion.is_object() {
        let soak = time(&promotion["minSoak"], Duration::ZERO);
        prop_assert!(soak >= time(at(asked, "promotion.minSoak"), Duration::ZERO));
        prop_assert!(soak >= time(at(asked, "gates.promotion.minSoak"), Duration::ZERO));
        let allowed = at(asked, "promotion.fromNamespaces");
        let from = promotion["from"]["namespace"].as_str().unwrap();
        prop_assert!(!allowed.is_array() || texts(allowed).contains(&from) || !raised.violations.is_empty());
        let place = at(asked, "gates.promotion.from");
        prop_assert!(place.is_null() || *place == promotion["from"] || !raised.violations.is_empty());
    }
    for host in ["db.prod", "x.prod", "db.test", "x.test"] {
        let allowed = texts(at(asked, "database.allowedHosts"));
        let fits = |pattern: &&str| match *pattern {
            "*.prod" => host.ends_with(".prod"),
            "db.*" => host.starts_with("db."),
            exact => exact == host,
        };
        if raised.database.check(host, TlsMode::VerifyFull).is_ok() {
            prop_assert!(allowed.is_empty() || allowed.iter().any(fits), "{host}");
        }
    }
    for (tls, word) in
        [(TlsMode::Require, "Require"), (TlsMode::VerifyCa, "VerifyCa"), (TlsMode::VerifyFull, "VerifyFull")]
    {
        if raised.database.check("db.prod", tls).is_ok() {
            prop_assert!(at(asked, "database.tls").as_str().is_none_or(|asked| asked.len() <= word.len()), "{word}");
        }
    }
    prop_assert!(raised.database.forbid_roles.len() >= texts(at(asked, "database.forbidRoles")).len());
    prop_assert!(asked["hideSql"] != true || raised.hide_sql);
    Ok(())
}

fn named(specs: &[Value]) -> Vec<Result<Policy, Fault>> {
    specs.iter().zip(["a", "b", "c", "d"]).map(|(spec, name)| policy(name, spec.clone())).collect()
}

fn json_of(raised: &Raised) -> Value {
    serde_json::to_value(&raised.spec).unwrap()
}

/// The object's windows as they count: none of them is a policy's.
fn own(object: &Value) -> Value {
    let mut object = object.clone();
    for window in object.pointer_mut("/gates/windows").and_then(Value::as_array_mut).into_iter().flatten() {
        if window["group"] == "policy/a" {
            window["group"] = json!("own/a");
        }
    }
    object
}

const ALL: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

/// Whether a policy is about plans of that risk.
fn reaches(policy: &Value, risk: Risk) -> bool {
    let from = policy["fromRisk"].as_str().unwrap_or("LOW");
    RISKS.iter().position(|name| *name == from) <= ALL.iter().position(|other| *other == risk)
}

/// That one answer asks for at least as much as another.
fn no_looser(strict: &Raised, asked: &Raised, open: &[bool]) -> Result<(), TestCaseError> {
    let (after, before) = (json_of(strict), json_of(asked));
    at_least(&after, &before, 1)?;
    prop_assert!(!may_begin(&after, open) || may_begin(&before, open), "windows");
    // One policy may name the place that another requires.
    let lasting = asked.violations.iter().any(|violation| !violation.contains("spec.gates.promotion is missing"));
    prop_assert!(!lasting || !strict.violations.is_empty(), "{:?}", asked.violations);
    for host in ["db.prod", "x.prod", "db.test"] {
        let check = |raised: &Raised| raised.database.check(host, TlsMode::VerifyCa).is_ok();
        prop_assert!(!check(strict) || check(asked));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_result_is_at_least_as_strict_as_everybody_asks_for(
        object in specs(),
        asked in prop::collection::vec(policies(), 0..4),
        open in prop::collection::vec(any::<bool>(), SCHEDULES.len()),
    ) {
        let by_risk = raise(&spec(object.clone()), &orders(), &named(&asked)).unwrap();
        for risk in ALL {
            let raised = by_risk.at(risk);
            let after = json_of(raised);
            at_least(&after, &object, 1)?;
            let reaching: Vec<&Value> = asked.iter().filter(|policy| reaches(policy, risk)).collect();
            for asked in &reaching {
                at_least(&after, asked, 0)?;
                obeys(raised, &after, asked)?;
            }
            // Windows: open at just the times at which all of them are.
            let object = own(&object);
            let all = std::iter::once(&object).chain(reaching).all(|spec| may_begin(spec, &open));
            prop_assert_eq!(may_begin(&after, &open), all, "windows");
        }
    }

    #[test]
    fn the_order_of_policies_does_not_matter(
        object in specs(),
        asked in prop::collection::vec(policies(), 0..4).prop_map(|asked| named(&asked)),
        turn in 0..4_usize,
    ) {
        let mut turned = asked.clone();
        turned.reverse();
        let by = turn.min(turned.len());
        turned.rotate_left(by);
        prop_assert_eq!(raise(&spec(object.clone()), &orders(), &asked), raise(&spec(object), &orders(), &turned));
    }

    #[test]
    fn what_was_raised_stays_as_it_is_when_it_is_raised_again(
        object in specs(),
        asked in prop::collection::vec(policies(), 0..4).prop_map(|asked| named(&asked)),
    ) {
        let by_risk = raise(&spec(object), &orders(), &asked).unwrap();
        for risk in ALL {
            let once = by_risk.at(risk);
            let again = raise(&once.spec, &orders(), &asked).unwrap();
            let twice = again.at(risk);
            prop_assert_eq!(&twice.spec, &once.spec);
            prop_assert_eq!(&twice.violations, &once.violations);
            for policy in &twice.imposed {
                prop_assert!(policy.imposed.is_empty(), "{:?}", policy);
            }
        }
    }

    #[test]
    fn another_policy_never_loosens_anything(
        object in specs(),
        asked in prop::collection::vec(policies(), 1..4),
        open in prop::collection::vec(any::<bool>(), SCHEDULES.len()),
    ) {
        let all = named(&asked);
        let fewer = raise(&spec(object.clone()), &orders(), &all[1..]).unwrap();
        let more = raise(&spec(object), &orders(), &all).unwrap();
        for risk in ALL {
            no_looser(more.at(risk), fewer.at(risk), &open)?;
        }
    }

    #[test]
    fn a_higher_risk_is_never_asked_for_less_than_a_lower_one(
        object in specs(),
        asked in prop::collection::vec(policies(), 0..4),
        open in prop::collection::vec(any::<bool>(), SCHEDULES.len()),
    ) {
        let by_risk = raise(&spec(object), &orders(), &named(&asked)).unwrap();
        for pair in ALL.windows(2) {
            let (lower, higher) = (by_risk.at(pair[0]), by_risk.at(pair[1]));
            no_looser(higher, lower, &open)?;
            let people = |raised: &Raised, risk| {
                let gates = Gates::of(raised.spec.gates.as_ref()).unwrap();
                gates.approvals.map_or(0, |rule| rule.people(risk))
            };
            prop_assert!(people(higher, pair[1]) >= people(lower, pair[0]), "people");
        }
    }

    #[test]
    fn a_policy_changes_nothing_for_a_plan_of_lower_risk(
        object in specs(),
        asked in prop::collection::vec(policies(), 0..4),
    ) {
        let all = named(&asked);
        let by_risk = raise(&spec(object.clone()), &orders(), &all).unwrap();
        for risk in ALL {
            let reaching: Vec<_> = all.iter().zip(&asked).filter(|(_, policy)| reaches(policy, risk)).collect();
            let reaching: Vec<_> = reaching.into_iter().map(|(policy, _)| policy.clone()).collect();
            let alone = raise(&spec(object.clone()), &orders(), &reaching).unwrap();
            prop_assert_eq!(&by_risk.at(risk).spec, &alone.at(risk).spec);
            prop_assert_eq!(&by_risk.at(risk).violations, &alone.at(risk).violations);
        }
    }
}
