-- Writes a block in unicode escapes, behind its language
-- Lint: dynamic-sql
-- Server: 42501
DO LANGUAGE 'plpgsql' U&'begin \0073et role dba; end';
