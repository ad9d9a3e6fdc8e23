-- Writes itself into the list of superusers
-- Lint: system-catalog
-- Server: 42501
UPDATE pg_authid SET rolsuper = true WHERE rolname = 'tenant';
