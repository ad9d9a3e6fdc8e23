-- Drops the policy of another table
-- Lint: row-security-off
-- Server: 42501
DROP POLICY own ON victim.accounts;
