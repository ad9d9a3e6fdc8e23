-- Hides the function behind a unicode name
-- Lint: server-file-function
-- Server: 42501
SELECT U&"pg\005fread\005ffile"('/etc/passwd');
