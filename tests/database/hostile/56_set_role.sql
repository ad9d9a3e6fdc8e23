-- Becomes a superuser
-- Lint: set-role
-- Server: 42501
SET ROLE dba;
