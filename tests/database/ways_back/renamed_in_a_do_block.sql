-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
do $$ begin alter table t rename column a to b; alter table t rename to u; end $$; alter table u drop column b; delete from u where id = 3;
-- down
alter table u add column b text; alter table u rename to t; alter table t rename column b to a;
