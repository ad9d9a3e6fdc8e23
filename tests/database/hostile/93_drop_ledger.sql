-- Drops the ledger
-- Lint: ledger-write
-- Server: 42501
DROP SCHEMA sluice CASCADE;
