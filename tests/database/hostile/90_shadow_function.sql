-- Puts a function in front of the server's own
-- Lint: system-catalog
-- Server: 42501
CREATE FUNCTION pg_catalog.lower(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1';
