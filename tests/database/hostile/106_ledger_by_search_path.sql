-- Reaches the ledger without naming its schema
-- Lint: ledger-write
-- Server: 42P01
SET search_path = sluice;
DELETE FROM schema_migrations WHERE version = '1';
