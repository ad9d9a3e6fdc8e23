-- Asks for all rows
-- Lint: dangerous-setting
-- Server: 42501
SET row_security = off;
SELECT * FROM victim.accounts;
