-- Takes over what another role owns
-- Lint: role-change
-- Server: 42501
REASSIGN OWNED BY other TO tenant;
