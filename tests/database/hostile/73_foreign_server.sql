-- Names another server
-- Lint: remote-access
-- Server: 42704
CREATE SERVER hostile FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '10.0.0.1');
