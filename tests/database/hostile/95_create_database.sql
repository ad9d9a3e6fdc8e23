-- Creates a database
-- Lint: server-wide-object
-- Server: 42501
-- sluice:no-transaction
CREATE DATABASE hostile;
