-- base
create function touch() returns trigger language plpgsql as $$ begin new.touched := coalesce(new.touched, 0) + 1; return new; end $$;
create table t(id int primary key, a int[], b varchar(12) not null, touched int default 0); create trigger touches before update on t for each row execute function touch();
insert into t select n, array[n], 'v' || n, n from generate_series(1, 3) n;
-- up
alter table t drop column a; update t set b = 'v' || (id + 1); alter table t drop column b;
-- down
alter table t add column b varchar(12); alter table t alter b set not null; select 1; alter table t add column a int[];
