-- Makes a way to other servers
-- Lint: remote-access
-- Server: 42501
CREATE FOREIGN DATA WRAPPER hostile;
