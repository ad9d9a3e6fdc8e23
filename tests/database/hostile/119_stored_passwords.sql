-- Takes the passwords of roles along
-- Lint: stored-passwords
-- Server: 42501
CREATE TABLE app.stolen AS SELECT usename, passwd FROM pg_catalog.pg_shadow;
