-- base
create table t(id bigint generated always as identity (start 10 increment by -1 minvalue -100 maxvalue 100) primary key, v text); insert into t(v) values ('a'), ('b'), ('c');
create table u(id bigint generated always as identity (start -50 minvalue -100 maxvalue -1) primary key, v text); insert into u(v) values ('a'), ('b');
-- up
truncate t, u restart identity;
-- down
select 1;
