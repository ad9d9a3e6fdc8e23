-- Makes system tables writable
-- Lint: dangerous-setting
-- Server: 42501
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.hostile (id int);
