-- Switches off foreign keys for everybody
-- Lint: dangerous-setting role-change
-- Server: 42501
ALTER ROLE ALL IN DATABASE shop SET session_replication_role = 'replica';
