-- Sends everything away
-- Lint: remote-access
-- Server: 42501
CREATE PUBLICATION hostile FOR ALL TABLES;
