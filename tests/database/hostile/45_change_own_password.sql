-- Changes its own password
-- Lint: credentials role-change
-- Server: harmless: only the role itself is locked out
ALTER ROLE tenant PASSWORD 'hunter2';
