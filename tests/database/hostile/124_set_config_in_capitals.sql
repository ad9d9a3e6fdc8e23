-- Sets the role by a function, in capitals
-- Lint: set-role
-- Server: 42501
SELECT set_config('ROLE', 'dba', false);
