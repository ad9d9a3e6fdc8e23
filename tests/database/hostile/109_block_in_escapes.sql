-- Writes a block in escapes
-- Lint: dynamic-sql
-- Server: 42501
DO E'begin \x73et role dba; end';
