-- Drops the ledger among others
-- Lint: ledger-write
-- Server: 42501
DROP SCHEMA IF EXISTS "sluice", sluice_undo CASCADE;
