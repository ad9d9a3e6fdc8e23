-- base
create table t(id int primary key, v text); insert into t values (1, 'a');
do $$ begin execute format('create role %I', current_database() || '_o'); execute format('alter table t owner to %I', current_database() || '_o'); end $$;
-- up
do $$ begin execute format('drop owned by %I', current_database() || '_o'); end $$;
-- down
create table t(id int primary key, v text); do $$ begin execute format('alter table t owner to %I', current_database() || '_o'); end $$;
-- told
up: whatever DO does
-- lost
DO: rows may have been written
-- differs
gone public.t
new public.t
