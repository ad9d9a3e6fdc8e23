-- Drops another role
-- Lint: role-change
-- Server: 42501
DROP ROLE other;
