-- Lets sessions load a library
-- Lint: dangerous-setting
-- Server: 55P02
SET local_preload_libraries = 'hostile';
