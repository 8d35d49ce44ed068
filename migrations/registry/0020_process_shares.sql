-- How many connections each process may hold to each server, so that all processes together keep to DATABASE_SERVER_CONNECTIONS.
-- Up Migration

CREATE TABLE process_shares (
  process text NOT NULL,
  -- host:port
  server text NOT NULL,
  granted integer NOT NULL CHECK (granted >= 0),
  heartbeat_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (process, server)
);

-- Down Migration

DROP TABLE process_shares;
