-- base
create table t(id int primary key, j jsonb not null default '{}'); insert into t select n, jsonb_build_object('a', n, 'old', 'x') from generate_series(1, 6) n;
-- up
update t set j = jsonb_set(j - 'old', '{new}', j -> 'old') where j ? 'old';
-- down
select 1;
