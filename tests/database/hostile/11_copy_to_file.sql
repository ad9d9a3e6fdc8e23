-- Writes a file of the server
-- Lint: copy-file
-- Server: 42501
COPY (SELECT 'x') TO '/tmp/hostile';
