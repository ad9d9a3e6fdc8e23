-- Empties the ledger in a query
-- Lint: ledger-write
-- Server: 42501
WITH gone AS (DELETE FROM ONLY sluice . schema_migrations RETURNING version) SELECT * FROM gone;
