-- Leaves a trigger that another role would run
-- Lint: role-change
-- Server: harmless: the trigger runs with the rights of whoever writes, and nobody else may write there
CREATE TABLE app.t (id int);
CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE tenant SUPERUSER; RETURN new; END $$;
CREATE TRIGGER t BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();
