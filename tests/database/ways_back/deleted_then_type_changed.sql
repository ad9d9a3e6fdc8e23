-- base
create table t(id int primary key, n text); insert into t select n, n::text from generate_series(1, 6) n; insert into t values (7, 'junk');
-- up
delete from t where n !~ '^[0-9]+$'; alter table t alter n type int using n::int;
-- down
alter table t alter n type text;
