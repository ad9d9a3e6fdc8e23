-- Installs what connects to other servers
-- Lint: dangerous-extension
-- Server: 42501
CREATE EXTENSION dblink;
