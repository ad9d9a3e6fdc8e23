-- Runs a program as the server's user
-- Lint: copy-program
-- Server: 42501
COPY (SELECT 1) TO PROGRAM 'cat > /tmp/hostile';
