-- Becomes a superuser by a setting whose name is put together
-- Lint: dynamic-sql
-- Server: 42501
SELECT set_config('ro' || 'le', 'dba', false);
