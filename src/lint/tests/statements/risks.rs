//! How much can go wrong, and why.

use std::time::Duration;

use super::*;
use crate::migration::Risk;

#[test]
fn the_risk_grows_with_who_waits_for_how_long_and_what_is_lost() {
    for (sql, risk) in [
        ("create table t (id int)", Risk::Low),
        ("create index concurrently i on orders (note)", Risk::Low),
        ("insert into orders (id) values (1)", Risk::Low),
        ("alter table orders validate constraint x", Risk::Low),
        ("comment on table orders is 'x'", Risk::Low),
        ("alter table orders add column x int", Risk::Medium),
        ("alter table small alter id type bigint", Risk::Medium),
        ("delete from orders where id = 1", Risk::Medium),
        ("do $$ begin perform 1; end $$", Risk::Medium),
        ("create index i on orders (note)", Risk::High),
        ("alter table orders rename column note to notes", Risk::High),
        ("do $$ begin delete from orders; end $$", Risk::High),
        ("do $x$ begin execute 'dr' || 'op table orders'; end $x$", Risk::High),
        ("alter table orders alter id type bigint", Risk::Critical),
        ("drop table small", Risk::Critical),
        ("truncate small", Risk::Critical),
    ] {
        let assessment = known(sql);
        assert_eq!(assessment.risk, risk, "{sql}: {:?}", assessment.reasons);
    }
}

#[test]
fn a_reason_names_the_lock_the_table_and_who_waits() {
    let assessment = known("alter table orders add constraint positive check (total > 0)");
    assert_eq!(
        assessment.reasons,
        ["1 line 1: orders is read from end to end under AccessExclusiveLock: readers and writers wait, for about 25s"]
    );
    let assessment = known("create index on orders (note)");
    assert!(assessment.reasons[0].contains("under ShareLock: writers wait"), "{:?}", assessment.reasons);
}

#[test]
fn the_highest_reasons_come_first() {
    let assessment = known("alter table orders add column x int; drop table small;");
    assert!(assessment.reasons[0].contains("destroys table small"), "{:?}", assessment.reasons);
    assert_eq!(assessment.strongest, Some(LockMode::AccessExclusive));
}

#[test]
fn a_header_may_only_raise_the_risk() {
    let risk = |header: &str, sql: &str| {
        assess(&plan(&[("V1__x.sql", &format!("-- Risk Level: {header}\n{sql};"))]), &shop()).risk
    };
    assert_eq!(risk("LOW", "drop table small"), Risk::Critical);
    assert_eq!(risk("HIGH", "create table t (id int)"), Risk::High);
    assert_eq!(risk("LOW", "create table t (id int)"), Risk::Low);
}

#[test]
fn the_time_is_estimated_from_the_sizes_and_not_told_where_they_are_not_known() {
    let sql = "alter table orders alter id type bigint";
    let estimate = known(sql).estimate.unwrap();
    assert!(estimate > Duration::from_secs(60) && estimate < Duration::from_secs(600), "{estimate:?}");
    assert_eq!(unknown(sql).estimate, None);
    assert_eq!(known("alter table orders add column x int").estimate, Some(Duration::ZERO));
    assert_eq!(known("do $$ begin perform 1; end $$").estimate, None);
}
