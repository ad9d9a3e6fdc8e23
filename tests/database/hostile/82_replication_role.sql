-- Switches foreign keys off
-- Lint: dangerous-setting
-- Server: 42501
SET session_replication_role = replica;
