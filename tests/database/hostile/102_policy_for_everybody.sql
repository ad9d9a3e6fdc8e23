-- Opens the rows of others by one more policy
-- Lint: row-security-off
-- Server: 42501
CREATE POLICY hostile ON victim.accounts USING (true);
