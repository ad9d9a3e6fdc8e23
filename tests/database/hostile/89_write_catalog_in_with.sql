-- Deletes from the catalog in a WITH
-- Lint: system-catalog
-- Server: 42501
WITH gone AS (DELETE FROM pg_catalog.pg_proc WHERE proname = 'lower' RETURNING 1) SELECT count(*) FROM gone;
