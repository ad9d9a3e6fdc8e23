-- base
create type pair as (a int, b text); create table t(id int primary key, p pair); insert into t values (1, row(1, 'x')), (2, row(2, 'y'));
-- up
alter type pair drop attribute b cascade;
-- down
alter type pair add attribute b text cascade;
