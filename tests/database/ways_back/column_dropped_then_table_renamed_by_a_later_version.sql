-- base
create table t(id int primary key, a text, b text); insert into t select n, 'v' || n, 'b' from generate_series(1, 6) n;
-- up
alter table t drop column a; update t set b = 'c';
-- down
alter table t add column a text;
-- up
alter table t rename to u; alter table u rename column b to c; alter table u rename column id to key;
-- down
alter table u rename column key to id; alter table u rename column c to b; alter table u rename to t;
