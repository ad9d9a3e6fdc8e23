-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
/* first */ delete /* second */ from -- third
  only public.t where /* fourth */ id > 3 -- fifth
;
-- down
select 1;
