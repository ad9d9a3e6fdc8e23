-- Switches foreign keys off by a function
-- Lint: dangerous-setting
-- Server: 42501
SELECT set_config('session_replication_role', 'replica', false);
