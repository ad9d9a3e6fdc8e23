//! Whatever the text, nothing panics or overflows a stack.

use proptest::prelude::*;

use super::*;
use crate::migration::Script;
use crate::plan::Direction;

/// Judges a text as it is, whether a set would take it or not.
fn judge(sql: &str) -> Option<Effect> {
    let script = Script::parse(Dialect::Postgres, "x.sql", 1, sql, false).ok()?;
    let mut plan = plan(&[("V1__x.sql", "select 1")]);
    let step = plan.steps.first_mut()?;
    step.action = crate::plan::Action::Repeat { script: std::sync::Arc::new(script) };
    let assessment = assess(&plan, &shop());
    assert!(assessment.steps.iter().all(|step| step.direction == Direction::Up));
    effects(&assessment).pop()
}

#[test]
fn deep_nesting_is_not_read_and_ends_nothing() {
    let deep = 200_000;
    for sql in [
        format!("select {}1{}", "(".repeat(deep), ")".repeat(deep)),
        format!("select {}", "(".repeat(deep)),
        format!("select {}1", "- ".repeat(deep)),
        format!("select {}true", "not ".repeat(deep)),
        format!("select {}1", "case when ".repeat(deep)),
        format!("select 1{}", " union select 1, 2".repeat(deep)),
        format!("select 1{}", " + 1".repeat(deep)),
        format!("select a{}", "[1".repeat(deep)),
        format!("select {}", "array[".repeat(deep)),
        format!("select * from {}", "(select * from ".repeat(deep / 4)),
        format!("select * from a{}", " join b on true".repeat(deep / 4)),
        format!("select 1{}", "::int".repeat(deep)),
        format!("do $$ begin {} end $$", "if true then ".repeat(deep / 4)),
        format!("create function f() returns int language sql as $$ select {}1 $$", "(".repeat(deep)),
        format!("create function f() returns int language sql as 'select {}1'", "(".repeat(deep)),
        format!("create table t (x int{})", "[]".repeat(deep)),
        format!("explain {} select 1", "explain ".repeat(deep / 4)),
    ] {
        judge(&sql);
    }
}

#[test]
fn what_is_nested_as_people_nest_is_read() {
    let sql = format!("delete from orders where id = {}1{}", "(".repeat(300), ")".repeat(300));
    assert_eq!(judge(&sql).unwrap().opaque, None);
    let sql = format!("delete from orders where {}", vec!["id = 1"; 2000].join(" or "));
    assert_eq!(judge(&sql).unwrap().opaque, None);
    let sql = format!("insert into orders (id, note) values {}", vec!["(1, 'a')"; 20_000].join(", "));
    assert_eq!(judge(&sql).unwrap().opaque, None);
}

#[test]
fn the_deepest_that_is_read_fits_the_stack() {
    for sql in [
        format!("select {}1{}", "(".repeat(490), ")".repeat(490)),
        format!("select {}1", "- ".repeat(490)),
        format!("select {}1", "not ".repeat(490)),
        format!("select 1{}", " union select 1".repeat(3_000)),
        format!("select 1{}", " + 1".repeat(4_900)),
        format!("select {}", "case when ".repeat(4_900)),
        format!("select 1{}", "::int".repeat(4_900)),
        format!("select * from a{}", " join b on true".repeat(1_900)),
        format!("select * from {}", "(select * from ".repeat(490)),
        format!("create table t (x int{})", "[]".repeat(4_900)),
    ] {
        judge(&sql);
    }
}

#[test]
fn a_text_that_is_too_long_is_said_not_to_have_been_read() {
    let effect = judge(&format!("insert into orders (note) values ('{}')", "x".repeat(2 * 1024 * 1024))).unwrap();
    assert_eq!(effect.kind, "INSERT");
    assert_eq!(effect.opaque.as_deref(), Some("it is longer than 1024 KiB"));
}

#[test]
fn hundreds_of_scripts_are_judged_at_once() {
    let files: Vec<(String, String)> = (1..=700)
        .map(|number| {
            let sql = format!(
                "create table t{number} (id bigserial primary key, name text not null, other int references t{} (id));
                create index on t{number} (name);
                alter table t{number} add column note varchar(20) default 'x', add constraint c{number} check (id > 0);
                comment on table t{number} is 'x'; insert into t{number} (name) select name from t1 where id < 10;",
                number.max(2) - 1
            );
            (format!("V{number}__x.sql"), sql)
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    let set = set(&files);
    let assessment = judge_set(&set, &Catalog::default());
    assert_eq!(assessment.steps.len(), 700);
}

const PIECES: &[&str] = &[
    "alter table",
    "orders",
    "add column",
    "x",
    "int",
    "default",
    "random()",
    "not null",
    "references",
    "small",
    "(",
    ")",
    ",",
    ";",
    "drop",
    "table",
    "cascade",
    "create",
    "index",
    "concurrently",
    "on",
    "unique",
    "using",
    "select",
    "from",
    "where",
    "insert into",
    "values",
    "update",
    "set",
    "delete",
    "truncate",
    "view",
    "materialized",
    "as",
    "partition of",
    "for values",
    "in",
    "do $$",
    "$$",
    "begin",
    "end",
    "'text'",
    "\"Quoted\"",
    "1",
    "type",
    "varchar(",
    "alter column",
    "constraint",
    "check",
    "primary key",
    "foreign key",
    "trigger",
    "function",
    "schema",
    ".",
    "*",
    "::",
    "--",
    "/*",
    "*/",
    "if exists",
    "only",
    "rename to",
    "validate",
    "é",
    "\0",
    "E'\\",
    "$1",
    "grant",
    "to",
    "comment on",
    "is null",
    "with",
    "merge into",
    "lock",
    "reindex",
    "cluster",
    "copy",
];

const SCRIPTS: &[&str] = &[
    "alter table orders add column x int default 5 not null, drop column note cascade, alter total type numeric(12,2) using total::numeric",
    "create table if not exists public.t (id bigint generated always as identity primary key, o int references orders (id) on delete cascade, check (id > 0)) partition by range (id)",
    "with gone as (delete from orders where id < 10 returning *) insert into small (id, order_id) select id, id from gone on conflict (id) do update set order_id = excluded.order_id",
    "create or replace function f(a int) returns trigger language plpgsql as $f$ begin execute format('drop table %I', tg_table_name); return new; end $f$",
    "create unique index concurrently if not exists i on only public.orders using btree (lower(note) desc nulls last) include (id) where note is not null",
    "grant select, insert on all tables in schema public to app, reader with grant option",
    "comment on column public.orders.note is 'x'",
    "alter table part attach partition part1 for values from ('2020-01-01') to (maxvalue)",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn any_soup_of_keywords_is_judged(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        judge(&pieces.join(" "));
    }

    #[test]
    fn any_cut_of_a_script_is_judged(index in 0..SCRIPTS.len(), from in 0..300_usize, to in 0..300_usize) {
        let script: Vec<char> = SCRIPTS[index].chars().collect();
        let text: String = script.iter().skip(from.min(script.len())).take(to).collect();
        judge(&text);
        let text: String = script.iter().take(to).collect();
        judge(&text);
    }

    #[test]
    fn any_script_with_a_piece_put_in_is_judged(index in 0..SCRIPTS.len(), at in 0..300_usize, piece in proptest::sample::select(PIECES)) {
        let mut script: Vec<char> = SCRIPTS[index].chars().collect();
        let at = at.min(script.len());
        script.splice(at..at, format!(" {piece} ").chars());
        judge(&script.into_iter().collect::<String>());
    }
}
