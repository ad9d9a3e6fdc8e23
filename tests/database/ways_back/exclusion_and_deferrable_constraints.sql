-- base
create extension btree_gist; create table t(id int primary key, room int, during tsrange, exclude using gist (room with =, during with &&));
create table u(id int primary key, pos int, unique (pos) deferrable initially deferred); create table w(pos int unique deferrable initially immediate, v text);
insert into t select n, n % 2, tsrange('2020-01-01'::timestamp + n * interval '1 d', '2020-01-02'::timestamp + n * interval '1 d') from generate_series(1, 6) n;
insert into u select n, n from generate_series(1, 6) n; insert into w select n, 'w' || n from generate_series(1, 6) n;
-- up
alter table t drop column during; update u set pos = 7 - pos; update w set pos = pos + 1; delete from w where pos = 3;
-- down
alter table t add column during tsrange; alter table t add constraint t_room_during_excl exclude using gist (room with =, during with &&);
-- told
rows of public.w
-- differs
gone public.w
new public.w
