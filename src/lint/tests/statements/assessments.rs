//! Whole plans and sets.

use super::*;
use crate::lint::world::World;
use crate::lint::{Object, ObjectKind, names};
use crate::plan::Direction;

#[test]
fn steps_follow_each_other_in_one_run() {
    let files = [("V1__a.sql", "create table t (id int)"), ("V2__b.sql", "alter table t add column x serial")];
    let assessment = assess(&plan(&files), &shop());
    assert_eq!(assessment.steps.iter().map(|step| step.label.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(assessment.strongest, None, "the same run creates it");
    let assessment = judge_set(&set(&files), &Catalog::default());
    assert_eq!(assessment.strongest, Some(LockMode::AccessExclusive), "each version is a run of its own");
}

#[test]
fn a_set_is_judged_both_ways() {
    let files = [
        ("V1__a.sql", "create table t (id int)"),
        ("U1__a.sql", "drop table t"),
        ("R__v.sql", "create or replace view v as select 1"),
    ];
    let assessment = judge_set(&set(&files), &Catalog::default());
    let steps: Vec<_> =
        assessment.steps.iter().map(|step| (step.label.as_str(), step.direction, step.file.as_str())).collect();
    assert_eq!(
        steps,
        [("1", Direction::Up, "V1__a.sql"), ("1", Direction::Down, "U1__a.sql"), ("R__v", Direction::Up, "R__v.sql")]
    );
    assert_eq!(assessment.steps[1].effects[0].destroys, ["table t"]);
}

#[test]
fn positions_are_those_of_the_file() {
    let assessment = unknown("-- a comment\n\n  create table t (id int);\ndrop table u;");
    let places: Vec<_> =
        effects(&assessment).iter().map(|effect| (effect.number, effect.line, effect.column)).collect();
    assert_eq!(places, [(1, 3, 3), (2, 4, 1)]);
}

#[test]
fn the_names_to_ask_for_are_those_in_the_scripts() {
    let plan = plan(&[(
        "V1__x.sql",
        "set search_path = billing; alter table orders add column x int references app.users (id);
        drop schema shop cascade; select setval('seq', 1); do $$ begin perform hidden.thing(); end $$",
    )]);
    let names = names(&plan);
    for name in ["orders", "billing.orders", "app.users", "shop", "seq"] {
        assert!(names.iter().any(|one| one == name), "{name}: {names:?}");
    }
}

#[test]
fn what_is_created_and_dropped_is_known_by_full_names() {
    let script = set(&[(
        "V1__x.sql",
        "create table t (id serial); create index i on t (id); create trigger tr before insert on t for each row execute function f();
        alter table t add column x int, add constraint ck check (x > 0); drop view app.v; drop function f(int); create type ty as enum ('a');
        drop trigger tr on t; create schema s; drop policy p on t",
    )]);
    let catalog = Catalog::default();
    let mut world = World::of(&catalog);
    let (mut created, mut dropped) = (Vec::new(), Vec::new());
    for statement in &script.migrations[0].up.statements {
        let (judged, changes) = crate::lint::classify::classify(statement, &world, true);
        created.extend(judged.creates.clone());
        dropped.extend(judged.drops.clone());
        world.learn(changes, statement.number);
    }
    let names = |objects: &[Object]| objects.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        names(&created),
        [
            "table public.t",
            "sequence public.t_id_seq",
            "index public.i",
            "trigger public.t.tr",
            "column public.t.x",
            "constraint public.t.ck",
            "type public.ty",
            "schema s"
        ]
    );
    assert_eq!(names(&dropped), ["view app.v", "function public.f", "trigger public.t.tr", "policy public.t.p"]);
    assert!(world.created.has(&Object::new(ObjectKind::Table, "public.t")));
    assert!(world.created.before(&Object::new(ObjectKind::Table, "public.t"), 2));
    assert!(!world.created.before(&Object::new(ObjectKind::Table, "public.t"), 1));
    assert!(!world.created.has(&Object::new(ObjectKind::Trigger, "public.t.tr")));
}
