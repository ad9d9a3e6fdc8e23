-- Changes the settings of everybody who connects
-- Lint: server-wide-object
-- Server: 42501
ALTER DATABASE shop SET search_path = app, public;
