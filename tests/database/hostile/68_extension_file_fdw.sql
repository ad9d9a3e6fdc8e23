-- Installs what reads files
-- Lint: dangerous-extension
-- Server: 42501
CREATE EXTENSION IF NOT EXISTS file_fdw;
