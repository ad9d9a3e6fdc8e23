-- Gives itself what another role will make
-- Lint: grant-beyond-need
-- Server: 42501
ALTER DEFAULT PRIVILEGES FOR ROLE other GRANT ALL ON TABLES TO tenant;
