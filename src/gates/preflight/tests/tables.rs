//! The tables of the plan.

use rstest::rstest;
use serde_json::json;

use super::fixture::{but, line, table, told, unknown, verdict};
use crate::database::{Fact, InvalidIndex, TableFacts, ThereFacts, Vacuum};
use crate::gates::preflight::Needs;

fn there(owns: bool, may_use: bool) -> TableFacts {
    let there = ThereFacts { owner: "boss".to_owned(), owns, may_use, wraparound: 0 };
    TableFacts { there: Some(there), ..table("orders") }
}

fn missing(may_create: bool, schema: Option<&str>) -> TableFacts {
    TableFacts { there: None, may_create, schema: schema.map(str::to_owned), ..table("orders") }
}

fn alters() -> Needs {
    Needs { alters: ["orders".to_owned()].into(), ..Needs::default() }
}

fn creates() -> Needs {
    Needs { creates: ["orders".to_owned()].into(), ..Needs::default() }
}

#[rstest]
#[case::its_own(table("orders"), alters(), "Open: role app may do what the plan does to its tables")]
#[case::written_by_another(there(false, true), Needs::default(), "Open:")]
#[case::altered_by_another(
    there(false, true),
    alters(),
    "Closed: role app does not own orders, which the plan alters; role boss does → put role boss into the Secret, or as a \
     superuser run: GRANT \"boss\" TO \"app\""
)]
#[case::not_to_be_used(
    there(false, false),
    Needs::default(),
    "Closed: role app may not use orders, which the plan does → as role boss grant what it needs, such as: GRANT SELECT, \
     INSERT, UPDATE, DELETE ON orders TO \"app\""
)]
#[case::created(missing(true, Some("public")), creates(), "Open:")]
#[case::not_to_be_created(
    missing(false, Some("public")),
    creates(),
    "Closed: role app may not create orders in schema public → as its owner run: GRANT CREATE, USAGE ON SCHEMA \"public\" TO \
     \"app\""
)]
#[case::to_be_created_nowhere(
    missing(false, None),
    creates(),
    "Closed: role app may create orders nowhere: no schema of its"
)]
#[case::a_session_s_own(missing(false, Some("public")), Needs::default(), "Open:")]
fn a_role_may_do_what_the_plan_does_or_not(#[case] table: TableFacts, #[case] needs: Needs, #[case] says: &str) {
    let facts = but(|facts| facts.tables = Fact::Known(vec![table]));
    let told = line(verdict("privileges", json!({}), &facts, &needs));
    assert!(told.starts_with(says), "{told}");
}

#[test]
fn an_invalid_index_is_in_the_way_unless_it_is_the_plan_s_own() {
    let one = |name: &str| InvalidIndex {
        index: format!("public.{name}"),
        name: name.to_owned(),
        table: "orders".to_owned(),
    };
    let facts = but(|facts| facts.invalid_indexes = Fact::Known(vec![one("a"), one("b")]));
    let told = |indexes: &[&str]| {
        let indexes = indexes.iter().map(|index| (*index).to_owned()).collect();
        line(verdict("invalidIndexes", json!({}), &facts, &Needs { indexes, ..Needs::default() }))
    };
    assert_eq!(
        told(&[]),
        "Closed: indexes public.a on orders, public.b on orders: not valid, as a build that failed leaves it; \
         spec.gates.preflight.invalidIndexes is Refuse → run REINDEX INDEX CONCURRENTLY public.a, or DROP INDEX CONCURRENTLY \
         public.a"
    );
    assert!(told(&["a"]).starts_with("Closed: index public.b on orders: not valid"), "{}", told(&["a"]));
    assert_eq!(told(&["a", "public.b"]), "Open: no table of the plan has an invalid index");
}

#[test]
fn a_vacuum_against_wraparound_is_at_work_or_due_or_not() {
    let vacuum = |wraparound| {
        but(|facts| facts.vacuums = Fact::Known(vec![Vacuum { table: "orders".to_owned(), pid: 77, wraparound }]))
    };
    let aged = |percent: u32| {
        but(|facts| {
            let mut table = table("orders");
            table.there.as_mut().unwrap().wraparound = percent;
            facts.tables = Fact::Known(vec![table]);
        })
    };
    let told = |facts| told("wraparound", json!({}), &facts);
    assert!(told(vacuum(false)).starts_with("Open"));
    assert_eq!(
        told(vacuum(true)),
        "Closed: a vacuum against wraparound is at work on orders (session 77), and gives way to nobody → wait until it is \
         done: select * from pg_stat_progress_vacuum shows how far it is"
    );
    assert!(told(aged(99)).starts_with("Open"));
    assert_eq!(
        told(aged(100)),
        "Closed: a vacuum against wraparound is due for orders: once it begins, it gives way to nobody → wait for autovacuum, \
         or as its owner run: VACUUM (FREEZE) orders"
    );
    assert!(told(but(|facts| facts.database_age = Fact::Known(1_499_999_999))).starts_with("Open"));
    let close = told(but(|facts| facts.database_age = Fact::Known(1_500_000_000)));
    assert!(close.starts_with("Closed: the database is close to wraparound"), "{close}");
    // What can be told counts, whatever cannot.
    let mut half = aged(100);
    half.vacuums = unknown();
    assert!(told(half).starts_with("Closed"));
}
