-- base
create table t(id int primary key, v text); create table s(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n; insert into s select n, 's' || n from generate_series(5, 8) n;
-- up
merge into t using s on t.id = s.id when matched and s.id = 5 then delete when matched then update set v = s.v when not matched then do nothing;
-- down
select 1;
