-- Becomes another session user
-- Lint: set-role
-- Server: 42501
SET SESSION AUTHORIZATION dba;
