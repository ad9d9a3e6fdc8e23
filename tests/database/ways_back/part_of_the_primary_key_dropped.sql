-- base
create table t(a int, b int, v text, primary key (a, b));
insert into t select n / 4, n % 4, 'v' || n from generate_series(1, 12) n;
-- up
alter table t drop column b;
-- down
alter table t add column b int; 
-- differs
gone catalog     ADD CONSTRAINT t_pkey
gone catalog ALTER TABLE ONLY public.t
gone catalog     b integer NOT NULL
new catalog     b integer
