-- base
create type mood as enum ('ok', 'bad'); create domain pos as int check (value > 0); create type pair as (a int, b text); create extension citext;
create table t(id int primary key, a mood, b pos, c pair, d mood[], e jsonb, f bytea, g int4range, h xml, i tsvector, j citext, y json, n point, s int);
insert into t values (1, 'ok', 3, row(1, 'x "y", (z)'), '{ok,bad}', '{"a": [1, null]}', '\xdeadbeef', '[1,5)', '<a b="c">d</a>', 'a:1 b:2', 'MiXed', '{"dup":1, "dup":2}', '(1,2)', 1);
insert into t(id, s) values (2, 2), (3, 3); insert into t select 4, a, b, c, d, e, f, g, h, i, j, y, n, 4 from t where id = 1;
-- up
update t set a = 'bad', b = 5, c = null, d = null, h = '<x/>', j = 'x', y = '{}', n = null where id < 3; delete from t where s = 4;
alter table t drop column a, drop column b, drop column c, drop column d; alter table t drop column e; alter table t drop column f, drop g, drop h, drop i, drop j, drop y, drop n;
-- down
alter table t add column a mood, add b pos, add c pair, add d mood[], add e jsonb, add f bytea, add g int4range, add h xml, add i tsvector, add j citext, add y json, add n point;
