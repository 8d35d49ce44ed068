-- What was answered to a POST that carried an Idempotency-Key, so that asking again gives the same answer and does nothing twice.
-- Up Migration

CREATE TABLE idempotency_keys (
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  route text NOT NULL,
  request_hash bytea NOT NULL,
  -- Null while the first request is still being answered.
  response_status integer,
  -- Sealed: an answer may hold a phone number.
  response_cipher bytea,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (key, route)
);

CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- Down Migration

DROP TABLE idempotency_keys;
