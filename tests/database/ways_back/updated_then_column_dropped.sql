-- base
create table t(id int primary key, a text, b text); insert into t select n, 'v' || n, 'b' || n from generate_series(1, 6) n;
-- up
update t set a = b where id > 2; alter table t drop column b;
-- down
alter table t add column b text;
