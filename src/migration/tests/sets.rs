use super::{only_problem, read};

#[test]
fn a_flyway_folder_is_read_in_the_order_of_its_versions() {
    let set = read(&[
        ("V10__ten.sql", "select 10"),
        ("V2__two.sql", "select 2"),
        ("V1__create_users.sql", "create table users ()"),
        ("U1__create_users.sql", "drop table users"),
        ("V2__rollback_two.sql", "select -2"),
        ("R__active_users.sql", "create or replace view active_users as select 1"),
        ("V3__c.sql", "select 3"),
        ("V4__c.sql", "select 3"),
        ("V5__c.sql", "select 3"),
        ("V6__c.sql", "select 3"),
        ("V7__c.sql", "select 3"),
        ("V8__c.sql", "select 3"),
        ("V9__c.sql", "select 3"),
    ])
    .unwrap();
    let versions: Vec<_> = set.migrations.iter().map(|m| m.version.as_str()).collect();
    assert_eq!(versions, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert_eq!(set.migrations[0].description, "create users");
    assert_eq!(set.migrations[0].down.as_ref().unwrap().statements[0].text, "drop table users");
    assert!(set.migrations[1].down.is_some());
    assert_eq!(set.repeatables[0].name, "active_users");
}

#[test]
fn a_gap_is_refused_unless_it_is_allowed() {
    let told = only_problem(read(&[("V001__a.sql", "select 1"), ("V003__c.sql", "select 3")]));
    assert_eq!(
        told,
        "V003__c.sql: version 002 is missing before 003: add what is missing, or set `source.allowGaps: true`"
    );
}

#[test]
fn a_version_that_appears_twice_names_both_files() {
    let told = only_problem(read(&[("V001__a.sql", "select 1"), ("V1__b.sql", "select 3")]));
    assert!(told.starts_with("V1__b.sql: version 1 appears twice (also in V001__a.sql)"), "{told}");
}
