-- Rewrites what was applied in a block
-- Lint: ledger-write
-- Server: 42501
DO $$ BEGIN UPDATE "sluice".schema_migrations SET version = '9'; END $$;
