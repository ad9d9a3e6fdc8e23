-- Opens the rows of others
-- Lint: row-security-off
-- Server: 42501
ALTER TABLE victim.accounts DISABLE ROW LEVEL SECURITY;
