-- Makes the function of another role run with its rights
-- Lint: security-definer-without-search-path
-- Server: 42501
ALTER FUNCTION victim.balance() SECURITY DEFINER;
