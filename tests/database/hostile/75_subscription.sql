-- Lets another server write here
-- Lint: credentials remote-access
-- Server: 42501
CREATE SUBSCRIPTION hostile CONNECTION 'host=10.0.0.1 password=hunter2' PUBLICATION p WITH (connect = false);
