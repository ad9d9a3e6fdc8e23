-- base
create table t(id int primary key, v text); create table archive(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n;
-- up
with gone as (delete from t where id > 4 returning *), changed as (update t set v = 'x' where id = 1 returning id) insert into archive select * from gone;
-- down
delete from archive;
