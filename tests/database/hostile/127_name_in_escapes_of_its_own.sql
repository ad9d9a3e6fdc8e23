-- Writes the name of a function with another sign for escapes
-- Lint: dynamic-sql
-- Server: 42501
SELECT U&"pg!005fread!005ffile" UESCAPE '!' ('/etc/passwd');
