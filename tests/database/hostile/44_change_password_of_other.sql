-- Changes the password of another role
-- Lint: credentials role-change
-- Server: 42501
ALTER ROLE other PASSWORD 'hunter2';
