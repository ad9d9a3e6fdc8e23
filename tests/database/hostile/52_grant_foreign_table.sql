-- Gives everybody the rows of others
-- Lint: grant-beyond-need
-- Server: 42501
GRANT SELECT ON victim.accounts TO PUBLIC;
