-- How often someone tried to sign in or up, shared by all processes. Unlogged: after a crash of the server counting starts anew, and no sign-in waits for the disk.
-- Up Migration

CREATE UNLOGGED TABLE attempt_counts (
  kind text NOT NULL CHECK (kind IN ('sign_in_address', 'sign_in_email', 'sign_up_address')),
  -- A keyed hash of the address or e-mail.
  subject_hash bytea NOT NULL CHECK (length(subject_hash) = 32),
  attempts integer NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (kind, subject_hash)
);

CREATE INDEX attempt_counts_expiry ON attempt_counts (expires_at);

-- Down Migration

DROP TABLE attempt_counts;
