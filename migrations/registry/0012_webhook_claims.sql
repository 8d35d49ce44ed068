-- A claim names the process that made it, so that a dead one's is taken over at once; and a wake-up that waits is enough for every commit until then.
-- Up Migration

-- The second half of the advisory lock that the process holds on its listening connection for as long as it lives; null when it has none.
ALTER TABLE webhook_events ADD COLUMN claimed_by integer;

CREATE TABLE webhook_wake_up (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- Whether a run that has yet to look for events is sure to come.
  waiting boolean NOT NULL
);

INSERT INTO webhook_wake_up (waiting) VALUES (false);

-- Down Migration

DROP TABLE webhook_wake_up;
ALTER TABLE webhook_events DROP COLUMN claimed_by;
