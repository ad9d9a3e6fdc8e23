-- Loads a library
-- Lint: untrusted-language
-- Server: 42501
LOAD '/tmp/hostile.so';
