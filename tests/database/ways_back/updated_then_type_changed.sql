-- base
create table t(id int primary key, a text, n text); insert into t select n, 'v' || n, n::text from generate_series(1, 6) n;
-- up
update t set n = '0' where id > 4; alter table t alter n type int using n::int; 
-- down
alter table t alter n type text;
