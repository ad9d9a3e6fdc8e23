-- Becomes a superuser by a function
-- Lint: set-role
-- Server: 42501
SELECT set_config('role', 'dba', false);
