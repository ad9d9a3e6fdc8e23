//! Random specs and policies, of values that get in each other's way.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// Rules with their classes, as far as these tests know them.
pub const RULES: [(&str, &str); 4] = [
    ("drop-table", "DataLoss"),
    ("truncate", "DataLoss"),
    ("change-type", "TableRewrite"),
    ("set-not-null", "BlockingLock"),
];
pub const CLASSES: [&str; 3] = ["DataLoss", "TableRewrite", "BlockingLock"];
/// Lowest first.
pub const RISKS: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
/// Schedules that tests open and close by name.
pub const SCHEDULES: [&str; 5] = ["0 1 * * *", "0 2 * * *", "0 3 * * *", "0 4 * * *", "0 5 * * *"];

fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn maybe(values: &'static [&'static str]) -> impl Strategy<Value = Option<Value>> {
    option::of(select(values).prop_map(|value| json!(value)))
}

fn number() -> impl Strategy<Value = Option<Value>> {
    option::of((0..5_i64).prop_map(|number| json!(number)))
}

fn flag() -> impl Strategy<Value = Option<Value>> {
    option::of(any::<bool>().prop_map(|flag| json!(flag)))
}

fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Option<Value>> {
    option::of(subsequence(values, 0..=values.len()).prop_shuffle().prop_map(|values| json!(values)))
}

fn matrix() -> impl Strategy<Value = Option<Value>> {
    let numbers = (number(), number(), number(), number());
    option::of(numbers.prop_map(|(low, medium, high, critical)| {
        object(vec![("LOW", low), ("MEDIUM", medium), ("HIGH", high), ("CRITICAL", critical)])
    }))
}

fn approvals() -> impl Strategy<Value = Option<Value>> {
    let fields =
        (number(), matrix(), some_of(&["dba", "security", "business"]), flag(), maybe(&["1h", "24h", "1h30m"]));
    option::of(fields.prop_map(|(required, matrix, groups, exclude, expires)| {
        object(vec![
            ("required", required),
            ("byRisk", matrix),
            ("groups", groups),
            ("excludeAuthor", exclude),
            ("expiresAfter", expires),
        ])
    }))
}

fn windows() -> impl Strategy<Value = Option<Value>> {
    let window = (select(&SCHEDULES[..]), maybe(&["Allow", "Deny"]), maybe(&["x", "y", "policy/a"]));
    let window = window.prop_map(|(schedule, kind, group)| {
        object(vec![
            ("schedule", Some(json!(schedule))),
            ("duration", Some(json!("1h"))),
            ("kind", kind),
            ("group", group),
        ])
    });
    option::of(prop::collection::vec(window, 0..4).prop_map(Value::Array))
}

fn lint() -> impl Strategy<Value = Option<Value>> {
    const NAMES: &[&str] =
        &["drop-table", "truncate", "change-type", "set-not-null", "DataLoss", "TableRewrite", "BlockingLock"];
    option::of((some_of(NAMES), some_of(NAMES), some_of(NAMES), flag()).prop_map(|(deny, warn, allow, forbid)| {
        object(vec![("deny", deny), ("warn", warn), ("allow", allow), ("forbidIgnore", forbid)])
    }))
}

fn depends_on() -> impl Strategy<Value = Option<Value>> {
    let other = (select(&["users", "stock", "orders"][..]), maybe(&["1", "002", "10"]));
    let others = prop::collection::btree_map(
        Just(()).prop_flat_map(|()| select(&["users", "stock", "orders"][..])),
        other,
        0..3,
    );
    option::of(others.prop_map(|others| {
        let others = others
            .into_iter()
            .map(|(name, (_, version))| object(vec![("name", Some(json!(name))), ("version", version)]));
        others.collect()
    }))
}

fn rehearsal() -> impl Strategy<Value = Option<Value>> {
    let fields = (maybe(&["Shadow", "Disabled"]), maybe(&["5m", "15m"]));
    option::of(fields.prop_map(|(mode, deadline)| object(vec![("mode", mode), ("deadline", deadline)])))
}

fn promotion() -> impl Strategy<Value = Option<Value>> {
    let fields = (select(&["staging", "test"][..]), maybe(&["1h", "24h"]));
    option::weighted(
        0.2,
        fields.prop_map(|(namespace, soak)| {
            object(vec![("from", Some(json!({"name": "orders", "namespace": namespace}))), ("minSoak", soak)])
        }),
    )
}

fn preflight() -> impl Strategy<Value = Option<Value>> {
    let ages = (maybe(&["1m", "10m"]), maybe(&["2s", "1m"]), maybe(&["1Gi", "1Ti"]), maybe(&["10%", "25.5%"]));
    let rest = (maybe(&["14", "15.4"]), number(), some_of(&["superuser", "bypassrls"]), maybe(&["Refuse", "Allow"]));
    option::of((ages, rest).prop_map(|((age, lag, retained, free), (version, connections, roles, archiving))| {
        object(vec![
            ("maxTransactionAge", age),
            ("maxReplicationLag", lag),
            ("maxSlotRetained", retained),
            ("minFreeDisk", free),
            ("minServerVersion", version),
            ("minFreeConnections", connections),
            ("forbidRoles", roles),
            ("archiving", archiving),
        ])
    }))
}

fn conditions() -> impl Strategy<Value = Option<Value>> {
    let queries = subsequence(vec!["select 1", "select 2", "select 3"], 0..=2);
    option::of(queries.prop_map(|queries| {
        let condition = |(number, query)| json!({"name": format!("c{number}"), "query": query, "expect": "value == 0"});
        Value::Array(queries.into_iter().enumerate().map(condition).collect())
    }))
}

fn gates() -> impl Strategy<Value = Option<Value>> {
    let fields = (
        maybe(&["1h", "24h", "48h"]),
        approvals().boxed(),
        windows().boxed(),
        lint().boxed(),
        depends_on().boxed(),
        promotion().boxed(),
        rehearsal().boxed(),
    );
    option::of((fields, preflight().boxed(), conditions().boxed()).prop_map(|(fields, preflight, conditions)| {
        let (deadline, approvals, windows, lint, depends_on, promotion, rehearsal) = fields;
        object(vec![
            ("preflight", preflight),
            ("sql", conditions),
            ("deadline", deadline),
            ("approvals", approvals),
            ("windows", windows),
            ("lint", lint),
            ("dependsOn", depends_on),
            ("promotion", promotion),
            ("rehearsal", rehearsal),
        ])
    }))
}

fn verification() -> impl Strategy<Value = Option<Value>> {
    let check = |name: &str, kind: &str, value: Value, mode: Option<Value>| {
        object(vec![("name", Some(json!(name))), ("expect", Some(json!("true"))), ("mode", mode)])
            .as_object()
            .map(|fields| fields.clone().into_iter().chain([(kind.to_owned(), value)]).collect::<Map<_, _>>())
    };
    let fields = (maybe(&["1m", "10m"]), option::of(maybe(&["Enforce", "Observe"])), any::<bool>());
    option::of(fields.prop_map(move |(duration, sql, builtin)| {
        let sql = sql.and_then(|mode| check("s", "sql", json!({"query": "select 1"}), mode));
        let builtin = builtin.then(|| check("b", "builtin", json!("ForeignKeys"), None)).flatten();
        object(vec![
            ("duration", duration),
            ("checks", Some(json!(sql.into_iter().chain(builtin).collect::<Vec<_>>()))),
        ])
    }))
}

fn rollback() -> impl Strategy<Value = Option<Value>> {
    let fields = (maybe(&["Manual", "Automatic", "Disabled"]), maybe(&["None", "Present", "Rehearsed"]));
    option::of(fields.prop_map(|(mode, require)| object(vec![("mode", mode), ("require", require)])))
}

fn execution(names: [&'static str; 3]) -> impl Strategy<Value = Option<Value>> {
    let fields = (maybe(&["50ms", "1s"]), maybe(&["1m", "30m"]), maybe(&["10m", "2h"]));
    option::of(fields.prop_map(move |(lock, statement, deadline)| {
        object(names.into_iter().zip([lock, statement, deadline]).collect())
    }))
}

/// The fields of a spec that policies are about.
pub fn specs() -> BoxedStrategy<Value> {
    let fields = (
        gates().boxed(),
        verification().boxed(),
        rollback().boxed(),
        execution(["lockTimeout", "statementTimeout", "deadline"]),
    );
    fields
        .prop_map(|(gates, verification, rollback, execution)| {
            object(vec![
                ("gates", gates),
                ("verification", verification),
                ("rollback", rollback),
                ("execution", execution),
            ])
        })
        .boxed()
}

/// Specs of policies that can be used, some of them from a risk on.
pub fn policies() -> BoxedStrategy<Value> {
    let from = option::of(select(&RISKS[1..]));
    (whatever_the_risk(), from)
        .prop_map(|(policy, from)| from.map_or(policy.clone(), |from| from_risk(policy, from)))
        .boxed()
}

/// What of a policy may wait for the risk of a plan.
fn from_risk(mut policy: Value, from: &str) -> Value {
    for field in ["verification", "database", "execution", "hideSql"] {
        policy.as_object_mut().unwrap().remove(field);
    }
    if let Some(rollback) = policy.pointer_mut("/rollback").and_then(Value::as_object_mut) {
        rollback.remove("automatic");
    }
    for matrix in ["/approvalsByRisk", "/gates/approvals/byRisk"] {
        for risk in RISKS.into_iter().take_while(|risk| *risk != from) {
            policy.pointer_mut(matrix).and_then(Value::as_object_mut).map(|matrix| matrix.remove(risk));
        }
    }
    policy["fromRisk"] = json!(from);
    policy
}

fn whatever_the_risk() -> BoxedStrategy<Value> {
    let verification = option::of(
        (maybe(&["2m", "20m"]), some_of(&["sql", "builtin"]))
            .prop_map(|(length, checks)| object(vec![("minDuration", length), ("requiredChecks", checks)])),
    );
    let rollback = option::of(
        (maybe(&["None", "Present", "Rehearsed"]), flag())
            .prop_map(|(require, automatic)| object(vec![("require", require), ("automatic", automatic)])),
    );
    let hosts = option::of(subsequence(vec!["*.prod", "db.*", "db.prod"], 1..=2).prop_map(|hosts| json!(hosts)));
    let roles = some_of(&["superuser", "bypassrls", "serverfiles"]);
    let database =
        option::of((hosts, maybe(&["Require", "VerifyCa", "VerifyFull"]), roles).prop_map(|(hosts, tls, roles)| {
            object(vec![("allowedHosts", hosts), ("tls", tls), ("forbidRoles", roles)])
        }));
    let promotion = option::of((flag(), maybe(&["2h", "48h"]), some_of(&["staging", "test"])).prop_map(
        |(required, soak, namespaces)| {
            object(vec![("required", required), ("minSoak", soak), ("fromNamespaces", namespaces)])
        },
    ));
    let execution = execution(["maxLockTimeout", "maxStatementTimeout", "maxDeadline"]);
    let fields = (
        gates().boxed(),
        matrix().boxed(),
        verification.boxed(),
        rollback.boxed(),
        database.boxed(),
        promotion.boxed(),
        execution.boxed(),
        flag(),
    );
    fields
        .prop_map(|(gates, matrix, verification, rollback, database, promotion, execution, hide)| {
            object(vec![
                ("gates", gates),
                ("approvalsByRisk", matrix),
                ("verification", verification),
                ("rollback", rollback),
                ("database", database),
                ("promotion", promotion),
                ("execution", execution),
                ("hideSql", hide),
            ])
        })
        .boxed()
}
