-- Lets the server throw away pages
-- Lint: dangerous-setting
-- Server: 42501
SET zero_damaged_pages = on;
