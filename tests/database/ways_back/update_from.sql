-- base
create table t(id int primary key, v text); create table s(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n; insert into s select n, 's' || n from generate_series(3, 9) n;
-- up
update t set v = s.v from s where s.id = t.id;
-- down
select 1;
