-- Becomes a superuser by a quoted setting
-- Lint: set-role
-- Server: 42501
SET LOCAL "role" TO dba;
SET SESSION "role" = dba;
