-- base
do $$ begin if not exists (select from pg_roles where rolname = 'sluice_teller') then create role sluice_teller; end if; end $$;
grant create, usage on schema public to sluice_teller;
create table t(id int primary key, who name); insert into t values (1, 'sluice_teller'), (2, 'other'); alter table t owner to sluice_teller;
create table u(id int primary key, who name); insert into u select * from t; alter table u owner to sluice_teller;
create table p(id int primary key, who name); insert into p select * from t; alter table p owner to sluice_teller;
create function me() returns name language sql stable as 'select current_user';
-- up
set local role sluice_teller;
delete from t where who = current_user; update u set who = 'x' where who = me(); delete from p where id = 1;
-- down
select 1;
