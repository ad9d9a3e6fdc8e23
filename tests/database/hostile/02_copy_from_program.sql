-- Reads what a program says
-- Lint: copy-program
-- Server: 42501
CREATE TABLE app.loot (line text);
COPY app.loot FROM PROGRAM 'cat /etc/passwd';
