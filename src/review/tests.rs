//! What a reviewer sees.

use std::time::Duration;

use crate::lint::{AssessedStep, Assessment, Effect, LockMode, Touch};
use crate::migration::{Dialect, Layout, MigrationSet, RawFile, Risk, SetOptions};
use crate::plan::{Direction, Ledger, Plan, Policy, Target, make};

use super::{PlanShown, markdown};

fn plan(sql: &str) -> Plan {
    let files = [RawFile::named("V001__orders.sql", sql), RawFile::named("U001__orders.sql", "drop table orders;")];
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false };
    let set = MigrationSet::read(&files, options).unwrap();
    make(&set, &Ledger::default(), &Target::Latest, &Policy { allow_down: true, ..Policy::default() }).unwrap()
}

fn assessed() -> Assessment {
    let touch =
        Touch { table: "orders".to_owned(), lock: LockMode::AccessExclusive, rewrites: true, scans: false, new: false };
    let effect = Effect {
        number: 1,
        line: 1,
        column: 1,
        kind: "ALTER TABLE … ALTER COLUMN".to_owned(),
        touches: vec![touch],
        destroys: vec!["column orders.note".to_owned()],
        opaque: None,
        risk: (Risk::High, vec!["orders is written anew".to_owned()]),
        estimate: Some(Duration::from_secs(12)),
    };
    Assessment {
        steps: vec![AssessedStep {
            label: "001".to_owned(),
            direction: Direction::Up,
            risk: Risk::High,
            file: "V001__orders.sql".to_owned(),
            effects: vec![effect],
        }],
        risk: Risk::High,
        reasons: vec!["001: orders is written anew".to_owned()],
        strongest: Some(LockMode::AccessExclusive),
        rewrites: true,
        estimate: Some(Duration::from_secs(12)),
        ..Assessment::default()
    }
}

#[test]
fn a_reviewer_sees_what_each_statement_does_and_its_text() {
    let shown = PlanShown::of(&plan("alter table orders alter n type bigint;"), &assessed(), &[], true);
    let text = markdown(&shown);
    for words in [
        "## Plan: up from nothing to 001",
        "risk **HIGH** · strongest lock AccessExclusiveLock · rewrites a table · about 12s",
        "- 001: orders is written anew",
        "### 001: apply: orders (`V001__orders.sql`)",
        "risk HIGH · one transaction · way down `U001__orders.sql`",
        "| 1 | ALTER TABLE … ALTER COLUMN | `orders` AccessExclusiveLock, rewritten<br>**destroys column orders.note** |",
        "```sql\nalter table orders alter n type bigint\n```",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["steps"][0]["effects"][0]["touches"][0]["lock"], "AccessExclusiveLock");
    assert_eq!(json["risk"], "HIGH");
}

#[test]
fn a_plan_that_ran_before_takes_as_long_as_it_took_then() {
    let estimate = |took| {
        let assessed = Assessment { estimate: None, ..assessed() };
        PlanShown::of(&plan("alter table orders alter n type bigint;"), &assessed.after(took), &[], true).estimate
    };
    assert_eq!(estimate(Some(Duration::from_secs(90))).as_deref(), Some("1m30s"));
    assert_eq!(estimate(None), None);
    assert_eq!(assessed().after(None), assessed());
}

#[test]
fn a_step_says_what_all_of_its_statements_come_to() {
    let shown = PlanShown::of(&plan("alter table orders alter n type bigint;"), &assessed(), &[], true);
    let step = &shown.steps[0];
    assert_eq!((step.strongest_lock, step.estimate.as_deref()), (Some("AccessExclusiveLock"), Some("12s")));
    assert_eq!((step.rewrites.as_slice(), step.scans.as_slice()), (&["orders".to_owned()][..], &[][..]));
}

#[test]
fn the_text_of_statements_is_left_out_where_it_is_not_to_be_shown() {
    let shown = PlanShown::of(&plan("alter table orders alter n type bigint;"), &assessed(), &[], false);
    assert!(!markdown(&shown).contains("bigint") && !serde_json::to_string(&shown).unwrap().contains("bigint"));
}

#[test]
fn a_script_cannot_break_out_of_its_code_block() {
    let shown = PlanShown::of(&plan("select '````\n# Approved by everybody';"), &assessed(), &[], true);
    let text = markdown(&shown);
    assert!(text.contains("`````sql\nselect '````\n# Approved by everybody'\n`````"), "{text}");
}
