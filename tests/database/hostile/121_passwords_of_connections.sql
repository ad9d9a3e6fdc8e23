-- Reads the passwords of connections to other servers
-- Lint: stored-passwords
-- Server: harmless: the options of others are not shown
CREATE TABLE app.stolen AS SELECT umoptions FROM pg_user_mappings;
