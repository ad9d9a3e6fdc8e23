-- Gives itself rights on a schema of others
-- Lint: grant-beyond-need
-- Server: 42501
GRANT ALL ON SCHEMA victim TO tenant;
