-- base
create table t(id int primary key, v text not null, w text); insert into t select n, 'v' || n, 'w' || n from generate_series(1, 6) n;
-- up
delete from t where id > 4; alter table t drop column v; update t set w = 'x' where id = 1;
-- down
alter table t add column v text; alter table t alter column v set not null;
