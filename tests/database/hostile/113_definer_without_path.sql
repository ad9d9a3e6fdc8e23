-- Takes the search path away from a function that runs as its owner
-- Lint: security-definer-without-search-path
-- Server: harmless: the function is its own
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'select 1';
ALTER FUNCTION app.f() RESET search_path;
