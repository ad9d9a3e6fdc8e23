-- base
create unlogged table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
drop table t;
-- down
create unlogged table t(id int primary key, v text);
