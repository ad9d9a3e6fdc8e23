//! The plan as a table: what is in the source, what is in the ledger, what is asked for → which steps, or which refusal.

use super::*;
use crate::migration::{Checksum, Dialect, Kind, Layout, MigrationSet, RawFile, SetOptions, Version};

/// A set of versions, each with a table to create; those in `down` have a way back.
fn set(versions: &[&str], down: &[&str]) -> MigrationSet {
    let file = |path: String, content: String| RawFile::named(path, content);
    let ups = versions.iter().map(|v| file(format!("V{v}__t.sql"), format!("create table t{v} (id int);")));
    let downs = down.iter().map(|v| file(format!("U{v}__t.sql"), format!("drop table t{v};")));
    read(&ups.chain(downs).collect::<Vec<_>>())
}

fn read(files: &[RawFile]) -> MigrationSet {
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Flyway, allow_gaps: true };
    MigrationSet::read(files, options).unwrap()
}

/// The ledger after the first versions of a set were applied.
fn ledger(set: &MigrationSet, applied: &[&str]) -> Ledger {
    let entries = applied.iter().map(|text| {
        let migration = set.get(&v(text)).unwrap();
        Entry {
            version: Some(migration.version.clone()),
            repeatable: None,
            description: migration.description.clone(),
            kind: migration.kind,
            status: EntryStatus::Completed,
            up_checksum: Some(migration.up.checksum.clone()),
            down_sql: migration.down.as_ref().map(|down| down.sql.clone()),
            down_file: migration.down.as_ref().map(|down| down.file.clone()),
            down_line: 1,
            down_no_transaction: false,
            baseline: false,
            journal: Vec::new(),
            reverting: false,
            applied_at: None,
            elapsed: None,
        }
    });
    Ledger { schema: "sluice".into(), installed: true, entries: entries.collect(), ..Ledger::default() }
}

fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn to(text: &str) -> Target {
    Target::Version(v(text))
}

fn down_allowed() -> Policy {
    Policy { allow_down: true, ..Policy::default() }
}

/// `+001 +002`, `-003`, `=001` for a baseline, `~views` for a repeatable.
fn shape(plan: &Plan) -> String {
    let signs = plan.steps.iter().map(|step| {
        let sign = match step.action {
            Action::Apply { .. } => '+',
            Action::Revert { .. } => '-',
            Action::Baseline { .. } => '=',
            Action::Repeat { .. } => '~',
        };
        format!("{sign}{}", step.label())
    });
    signs.collect::<Vec<_>>().join(" ")
}

#[test]
fn targets_and_ledgers_give_the_steps_in_between() {
    let set = set(&["001", "002", "003"], &["001", "002", "003"]);
    let cases: &[(&[&str], Target, &str)] = &[
        (&[], Target::Latest, "+001 +002 +003"),
        (&[], to("002"), "+001 +002"),
        (&[], to("2"), "+001 +002"),
        (&["001"], Target::Latest, "+002 +003"),
        (&["001", "002", "003"], Target::Latest, ""),
        (&["001", "002", "003"], to("003"), ""),
        (&["001", "002", "003"], to("001"), "-003 -002"),
        (&["001", "002", "003"], to("0"), "-003 -002 -001"),
        (&[], to("0"), ""),
    ];
    for (applied, target, expected) in cases {
        let plan = make(&set, &ledger(&set, applied), target, &down_allowed()).unwrap();
        assert_eq!(shape(&plan), *expected, "{applied:?} → {target:?}");
        assert_eq!(plan.is_empty(), expected.is_empty());
    }
}

#[test]
fn a_plan_says_where_it_begins_and_where_it_ends() {
    let set = set(&["001", "002", "003"], &["003"]);
    let up = make(&set, &ledger(&set, &["001"]), &Target::Latest, &Policy::default()).unwrap();
    assert_eq!((up.from, up.to, up.direction), (Some(v("001")), Some(v("003")), Direction::Up));
    let down = make(&set, &ledger(&set, &["001", "002", "003"]), &to("002"), &down_allowed()).unwrap();
    assert_eq!((down.from, down.to, down.direction), (Some(v("003")), Some(v("002")), Direction::Down));
}

#[test]
fn a_changed_applied_script_is_refused_with_the_version_and_both_checksums() {
    let before = set(&["001", "002"], &[]);
    let mut files = vec![];
    for (version, body) in [("001", "create table edited (id int);"), ("002", "create table t002 (id int);")] {
        let path = format!("V{version}__t.sql");
        files.push(RawFile::named(path, body));
    }
    let after = read(&files);
    let refusal = make(&after, &ledger(&before, &["001"]), &Target::Latest, &Policy::default()).unwrap_err();
    let text = refusal.to_string();
    assert!(matches!(refusal, Refusal::ChecksumMismatch { .. }), "{text}");
    for part in ["001", before.checksum(&v("001")).unwrap().as_str(), after.checksum(&v("001")).unwrap().as_str()] {
        assert!(text.contains(part), "{text} names {part}");
    }
}

#[test]
fn an_applied_version_that_the_source_lacks_is_refused_unless_the_spec_ignores_it() {
    let whole = set(&["001", "002"], &[]);
    let part = set(&["001"], &[]);
    let ledger = ledger(&whole, &["001", "002"]);
    let refusal = make(&part, &ledger, &Target::Latest, &Policy::default()).unwrap_err();
    assert!(matches!(&refusal, Refusal::MissingFromSource { versions, .. } if versions == &[v("002")]), "{refusal}");
    let policy = Policy { missing: MissingPolicy::Ignore, ..Policy::default() };
    assert!(make(&part, &ledger, &Target::Latest, &policy).unwrap().is_empty());
}

#[test]
fn a_late_version_is_refused_run_or_left_out_as_the_spec_says() {
    let all = set(&["001", "002", "003"], &[]);
    let ledger = ledger(&all, &["001", "003"]);
    let refusal = make(&all, &ledger, &Target::Latest, &Policy::default()).unwrap_err();
    assert!(matches!(&refusal, Refusal::OutOfOrder { versions, .. } if versions == &[v("002")]), "{refusal}");
    for (mode, expected) in [(OutOfOrder::Run, "+002"), (OutOfOrder::Ignore, "")] {
        let policy = Policy { out_of_order: mode, ..Policy::default() };
        let plan = make(&all, &ledger, &Target::Latest, &policy).unwrap();
        assert_eq!(shape(&plan), expected);
        assert_eq!(plan.warnings.len(), 1, "{:?}", plan.warnings);
        assert_eq!(plan.to, Some(v("003")), "the newest version in effect stays the newest");
    }
}

#[test]
fn a_way_down_without_a_down_script_is_refused_before_anything_runs() {
    let set = set(&["001", "002", "003"], &["003"]);
    let refusal = make(&set, &ledger(&set, &["001", "002", "003"]), &to("001"), &down_allowed()).unwrap_err();
    assert!(matches!(&refusal, Refusal::NoWayDown { versions, .. } if versions == &[v("002")]), "{refusal}");
}

#[test]
fn a_way_down_that_is_missing_because_it_cannot_be_run_says_so() {
    let file = |path: &str, content: &str| RawFile::named(path, content);
    let set = read(&[
        file("V001__t.sql", "create table t (id int);"),
        file("U001__t.sql", "\\copy t from 'x'\ndrop table t;"),
    ]);
    let refusal = make(&set, &ledger(&set, &["001"]), &to("0"), &down_allowed()).unwrap_err().to_string();
    assert!(
        refusal.contains("001 has no down script in the ledger (there was one that cannot be run: U001__t.sql:1"),
        "{refusal}"
    );
}

#[test]
fn a_way_down_that_shares_its_file_knows_its_lines_from_the_ledger_too() {
    let content = "-- migrate:up\ncreate table t (id int);\n-- migrate:down\ndrop table t;\n";
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Dbmate, allow_gaps: true };
    let raw = RawFile::named("1_t.sql", content);
    let set = MigrationSet::read(&[raw], options).unwrap();
    let mut ledger = ledger(&set, &["1"]);
    ledger.entries[0].down_line = set.get(&v("1")).unwrap().down.as_ref().unwrap().first_line;
    let plan = make(&set, &ledger, &to("0"), &down_allowed()).unwrap();
    assert_eq!(plan.steps[0].script().unwrap().statements[0].line, 4);
}

#[test]
fn nothing_goes_up_without_a_way_down_where_one_is_required() {
    let required = Policy { require_down: true, ..down_allowed() };
    let set = set(&["001", "002", "003"], &["001", "003"]);
    let refusal = make(&set, &ledger(&set, &[]), &Target::Latest, &required).unwrap_err();
    assert!(matches!(&refusal, Refusal::NoWayBack { versions } if versions == &[v("002")]), "{refusal}");
    assert_eq!(shape(&make(&set, &ledger(&set, &["001", "002"]), &Target::Latest, &required).unwrap()), "+003");
}

#[test]
fn a_version_whose_author_says_that_there_is_no_way_back_has_none() {
    let file = |path: &str, content: &str| RawFile::named(path, content);
    let set = read(&[
        file("V001__t.sql", "-- Rollback Available: no\ncreate table t (id int);"),
        file("U001__t.sql", "drop table t;"),
    ]);
    let required = Policy { require_down: true, ..down_allowed() };
    let refusal = make(&set, &ledger(&set, &[]), &Target::Latest, &required).unwrap_err();
    assert!(matches!(&refusal, Refusal::NoWayBack { versions } if versions == &[v("001")]), "{refusal}");
}

#[test]
fn the_way_down_uses_the_ledgers_copy_even_when_the_source_lost_the_scripts() {
    let whole = set(&["001", "002"], &["001", "002"]);
    let reverted = set(&["001"], &[]);
    let plan = make(&reverted, &ledger(&whole, &["001", "002"]), &to("001"), &down_allowed()).unwrap();
    assert_eq!(shape(&plan), "-002");
}

#[test]
fn a_way_down_that_the_spec_disables_is_refused() {
    let set = set(&["001", "002"], &["001", "002"]);
    let refusal = make(&set, &ledger(&set, &["001", "002"]), &to("001"), &Policy::default()).unwrap_err();
    assert!(matches!(refusal, Refusal::DownDisabled { .. }), "{refusal}");
}

#[test]
fn a_target_that_is_nowhere_is_refused_with_what_there_is() {
    let set = set(&["001", "002"], &[]);
    let text = make(&set, &ledger(&set, &[]), &to("009"), &Policy::default()).unwrap_err().to_string();
    assert!(text.contains("009") && text.contains("001 … 002"), "{text}");
}

fn not_empty(set: &MigrationSet) -> Ledger {
    Ledger {
        installed: false,
        existing: Existing { total: 2, sample: vec!["table public.users".into(), "table public.orders".into()] },
        ..ledger(set, &[])
    }
}

#[test]
fn a_database_with_tables_and_no_ledger_is_refused_with_what_was_found() {
    let set = set(&["001", "002"], &[]);
    let text = make(&set, &not_empty(&set), &Target::Latest, &Policy::default()).unwrap_err().to_string();
    for part in ["table public.users", "baselineVersion", "allowExisting"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn adoption_begins_at_the_baseline_or_at_the_first_version() {
    let set = set(&["001", "002", "003"], &[]);
    let baseline =
        |text| Policy { adoption: Adoption { baseline: Some(v(text)), allow_existing: false }, ..Policy::default() };
    let plan = make(&set, &not_empty(&set), &Target::Latest, &baseline("002")).unwrap();
    assert_eq!(shape(&plan), "=001 =002 +003");
    let plan = make(&set, &not_empty(&set), &to("001"), &baseline("002")).unwrap();
    assert_eq!(shape(&plan), "=001 =002", "what is there is recorded even when the target is older");
    let allow = Policy { adoption: Adoption { baseline: None, allow_existing: true }, ..Policy::default() };
    assert_eq!(shape(&make(&set, &not_empty(&set), &Target::Latest, &allow).unwrap()), "+001 +002 +003");
    let refusal = make(&set, &not_empty(&set), &Target::Latest, &baseline("007")).unwrap_err();
    assert!(matches!(refusal, Refusal::UnknownBaseline { .. }), "{refusal}");
}

#[test]
fn a_baseline_matters_only_while_the_ledger_is_empty() {
    let set = set(&["001", "002", "003"], &[]);
    let policy = Policy { adoption: Adoption { baseline: Some(v("003")), allow_existing: false }, ..Policy::default() };
    let plan = make(&set, &ledger(&set, &["001"]), &Target::Latest, &policy).unwrap();
    assert_eq!(shape(&plan), "+002 +003");
}

#[test]
fn repeatable_scripts_run_after_the_versions_and_again_when_they_change() {
    let file = |path: &str, content: &str| RawFile::named(path, content);
    let one = file("V001__t.sql", "create table t (id int);");
    let set = read(&[one.clone(), file("R__views.sql", "create or replace view v as select 1;")]);
    assert_eq!(shape(&make(&set, &ledger(&set, &[]), &Target::Latest, &Policy::default()).unwrap()), "+001 ~R__views");
    let mut done = ledger(&set, &["001"]);
    done.entries.push(Entry {
        version: None,
        repeatable: Some("views".into()),
        kind: Kind::Repeatable,
        up_checksum: Some(set.repeatables[0].script.checksum.clone()),
        ..done.entries[0].clone()
    });
    assert_eq!(shape(&make(&set, &done, &Target::Latest, &Policy::default()).unwrap()), "");
    let changed = read(&[one, file("R__views.sql", "create or replace view v as select 2;")]);
    assert_eq!(shape(&make(&changed, &done, &Target::Latest, &Policy::default()).unwrap()), "~R__views");
}

/// A no-transaction script of two statements of which the first took effect.
fn begun(second: &str) -> (MigrationSet, Ledger) {
    let path = "V001__t.sql".to_owned();
    let content = format!("-- sluice:no-transaction\ncreate table a (id int);\n{second};\n");
    let set = read(&[RawFile::named(path, content)]);
    let mut ledger = ledger(&set, &["001"]);
    ledger.entries[0].status = EntryStatus::Failed;
    ledger.entries[0].journal = vec![
        JournalEntry { statement: 1, checksum: Checksum::of("create table a (id int)"), state: JournalState::Done },
        JournalEntry { statement: 2, checksum: Checksum::of("create tble b (id int)"), state: JournalState::Failed },
    ];
    (set, ledger)
}

#[test]
fn a_failed_statement_may_be_mended_and_an_executed_one_may_not_be_edited() {
    let (set, ledger) = begun("create table b (id int)");
    assert_eq!(shape(&make(&set, &ledger, &Target::Latest, &Policy::default()).unwrap()), "+001");
    let mut edited = ledger;
    edited.entries[0].journal[0].checksum = Checksum::of("create table other (id int)");
    let refusal = make(&set, &edited, &Target::Latest, &Policy::default()).unwrap_err();
    assert!(matches!(refusal, Refusal::EditedAfterExecution { statement: 1, .. }), "{refusal}");
}

#[test]
fn one_transaction_for_all_refuses_scripts_that_cannot_run_in_one() {
    let file = |path: &str, content: &str| RawFile::named(path, content);
    let set = read(&[
        file("V001__t.sql", "create table t (id int);"),
        file("V002__i.sql", "create index concurrently i on t (id);"),
    ]);
    let policy = Policy { one_transaction: true, ..Policy::default() };
    let text = make(&set, &ledger(&set, &[]), &Target::Latest, &policy).unwrap_err().to_string();
    assert!(text.contains("V002__i.sql"), "{text}");
}

#[test]
fn the_digest_changes_with_the_content_and_with_nothing_else() {
    let one = set(&["001", "002"], &["002"]);
    let again = set(&["001", "002"], &["002"]);
    let other = set(&["001", "002"], &["001", "002"]);
    let digest = |set: &MigrationSet| make(set, &ledger(set, &[]), &Target::Latest, &Policy::default()).unwrap().digest;
    assert_eq!(digest(&one), digest(&again));
    assert_ne!(digest(&one), digest(&other), "the way back is part of the plan");
    assert!(digest(&one).starts_with("sha256:"));
}

#[test]
fn the_digest_of_what_is_applied_tells_same_from_different_scripts() {
    let one = set(&["001", "002"], &[]);
    let with_downs = set(&["001", "002"], &["001", "002"]);
    assert_eq!(ledger(&one, &[]).digest(), None);
    assert_eq!(ledger(&one, &["001", "002"]).digest(), ledger(&with_downs, &["001", "002"]).digest());
    assert_ne!(ledger(&one, &["001", "002"]).digest(), ledger(&one, &["001"]).digest());
    let other = read(&[RawFile::named("V001__t.sql", "select 1;")]);
    assert_ne!(ledger(&one, &["001"]).digest(), ledger(&other, &["001"]).digest());
}

#[test]
fn the_digest_that_will_be_is_the_digest_that_is_once_the_plan_is_carried_out() {
    let set = set(&["001", "002", "003"], &["001", "002", "003"]);
    let after = |applied: &[&str], target: &Target, policy: &Policy| {
        let ledger = ledger(&set, applied);
        ledger.digest_after(&make(&set, &ledger, target, policy).unwrap())
    };
    let up = Policy::default();
    assert_eq!(after(&[], &Target::Latest, &up), ledger(&set, &["001", "002", "003"]).digest());
    assert_eq!(after(&["001"], &to("002"), &up), ledger(&set, &["001", "002"]).digest());
    assert_eq!(after(&["001", "002"], &to("002"), &up), ledger(&set, &["001", "002"]).digest(), "nothing to do");
    assert_eq!(after(&["001", "002", "003"], &to("001"), &down_allowed()), ledger(&set, &["001"]).digest());
    assert_eq!(after(&["001"], &to("0"), &down_allowed()), None);
    let late = Policy { out_of_order: OutOfOrder::Run, ..Policy::default() };
    assert_eq!(after(&["001", "003"], &Target::Latest, &late), ledger(&set, &["001", "002", "003"]).digest());
    let adopted = Policy { adoption: Adoption { baseline: Some(v("002")), allow_existing: false }, ..up };
    assert_eq!(after(&[], &Target::Latest, &adopted), ledger(&set, &["001", "002", "003"]).digest());
}

#[test]
fn repeatable_scripts_leave_no_trace_in_the_digest_of_what_is_in_effect() {
    let file = |path: &str, content: &str| RawFile::named(path, content);
    let set = read(&[file("V001__t.sql", "select 1;"), file("R__views.sql", "select 2;")]);
    let empty = ledger(&set, &[]);
    let plan = make(&set, &empty, &Target::Latest, &Policy::default()).unwrap();
    assert_eq!(shape(&plan), "+001 ~R__views");
    assert_eq!(empty.digest_after(&plan), ledger(&set, &["001"]).digest());
}
