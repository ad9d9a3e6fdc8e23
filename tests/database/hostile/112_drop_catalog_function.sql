-- Drops a function of the server's own
-- Lint: system-catalog
-- Server: 42501
DROP FUNCTION IF EXISTS pg_catalog.pg_relation_size(regclass) CASCADE;
