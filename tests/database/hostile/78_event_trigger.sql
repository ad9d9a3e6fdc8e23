-- Hooks into the statements of all roles
-- Lint: event-trigger
-- Server: 42501
CREATE FUNCTION app.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER hostile ON ddl_command_end EXECUTE FUNCTION app.e();
