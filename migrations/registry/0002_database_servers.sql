-- The PostgreSQL servers that tenant databases may live on. The administrator's URL is never stored: only the name of the setting that holds it.
-- Up Migration

CREATE TABLE database_servers (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  name text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
  host text NOT NULL,
  port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  admin_secret_ref text NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'full', 'draining')),
  max_tenants integer NOT NULL DEFAULT 5000 CHECK (max_tenants > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration

DROP TABLE database_servers;
