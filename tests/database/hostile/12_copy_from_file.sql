-- Reads a file of the server
-- Lint: copy-file
-- Server: 42501
CREATE TABLE app.loot (line text);
COPY app.loot FROM '/etc/passwd';
