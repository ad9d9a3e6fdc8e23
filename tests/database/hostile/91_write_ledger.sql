-- Rewrites what was applied
-- Lint: ledger-write
-- Server: 42501
DELETE FROM sluice.schema_migrations;
