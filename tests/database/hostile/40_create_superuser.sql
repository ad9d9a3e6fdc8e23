-- Creates a superuser
-- Lint: role-change
-- Server: 42501
CREATE ROLE hostile SUPERUSER LOGIN;
