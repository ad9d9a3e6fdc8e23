-- Makes a language of a handler
-- Lint: untrusted-language
-- Server: 42501
CREATE TRUSTED LANGUAGE hostile HANDLER plpgsql_call_handler;
