-- Makes strings mean something else
-- Lint: dangerous-setting
-- Server: harmless: only this session reads strings otherwise
SET standard_conforming_strings = off;
