-- Joins a superuser
-- Lint: grant-beyond-need
-- Server: 42501
GRANT dba TO tenant;
