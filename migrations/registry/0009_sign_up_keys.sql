-- What was answered to a sign-up that carried an Idempotency-Key, so that asking again makes no second organization.
-- Up Migration

CREATE TABLE sign_up_keys (
  -- Keyed hashes: the key is the caller's, and the request holds a password.
  key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
  request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
  -- The one request that may answer under the key: a slower one, whose time ran out, finds another's here and undoes what it made.
  claim_id uuid NOT NULL,
  -- What the claim made, from before its activation on. It goes when the sign-up is undone, by a failure or after a crash, and frees the key.
  tenant_id text UNIQUE REFERENCES tenants ON DELETE CASCADE,
  -- Sealed: it holds tokens. Only a 201 is ever kept.
  answer_cipher bytea,
  -- Until there is an answer: when the key is free again if none comes.
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((tenant_id IS NULL) = (answer_cipher IS NULL))
);

CREATE INDEX sign_up_keys_expiry ON sign_up_keys (expires_at);

-- Down Migration

DROP TABLE sign_up_keys;
