-- base
create table t(id int primary key, a text unique); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
insert into t values (1, 'x'), (9, 'nine') on conflict (id) do update set a = excluded.a;
-- down
delete from t where id = 9;
