-- Lets the server write elsewhere
-- Lint: server-wide-object
-- Server: 42501
-- sluice:no-transaction
CREATE TABLESPACE hostile LOCATION '/tmp';
