-- Loads a library
-- Lint: untrusted-language
-- Server: 42501
CREATE FUNCTION app.f() RETURNS int LANGUAGE c AS '/tmp/hostile.so', 'f';
