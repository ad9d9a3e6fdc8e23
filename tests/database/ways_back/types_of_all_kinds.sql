-- base
create type mood as enum ('ok', 'bad'); create domain pos as int check (value > 0); create type pair as (a int, b text); create extension citext; create extension hstore; create type span as range (subtype = numeric);
create table t(id int primary key, a mood, b pos, c pair, d mood[], e jsonb, f bytea, g int4range, h xml, i tsvector, j citext, k tstzmultirange, l interval, m inet, n point, o bit(5), p "char", q char(10), r money, s uuid, u hstore, v span, w pair[], x int[][], y json, z time with time zone, a1 oid, a2 regclass, a3 box, a4 macaddr, a5 tsquery, a6 pg_lsn, a7 varbit, a8 name, a9 jsonpath, b1 pos[]);
insert into t values (1, 'ok', 3, row(1, 'x "y", (z)'), '{ok,bad}', '{"a": [1, null]}', '\xdeadbeef', '[1,5)', '<a b="c">d</a>', 'a:1 b:2', 'MiXed', '{[2020-01-01,2021-01-01)}', '1 mon 3 days 00:00:01.5', '10.0.0.1/8', '(1.5,2)', '10101', 'x', 'pad', 12.50, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a=>1,"b c"=>NULL', '[1.5,2.5]', array[row(1, 'a')::pair, null], '{{1,2},{3,4}}', '{"dup":1, "dup":2}', '10:00:00+02', 5, 'pg_class', '((0,0),(1,1))', '08:00:2b:01:02:03', 'a & b', '0/16B3748', '101', 'nm', '$.a[*]', '{1,2}');
insert into t(id) values (2);
-- up
create table keep as select id from t; alter table keep add primary key (id);
drop table t;
-- down
drop table keep;
create table t(id int primary key, a mood, b pos, c pair, d mood[], e jsonb, f bytea, g int4range, h xml, i tsvector, j citext, k tstzmultirange, l interval, m inet, n point, o bit(5), p "char", q char(10), r money, s uuid, u hstore, v span, w pair[], x int[][], y json, z time with time zone, a1 oid, a2 regclass, a3 box, a4 macaddr, a5 tsquery, a6 pg_lsn, a7 varbit, a8 name, a9 jsonpath, b1 pos[]);
