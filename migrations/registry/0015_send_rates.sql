-- How fast texts may leave over the whole carrier account, which all organizations and processes share: token buckets that survive a restart.
-- Up Migration

CREATE TABLE send_rates (
  kind text PRIMARY KEY CHECK (kind IN ('sms', 'mms')),
  -- Parts that may leave, as of filled_at; below zero what answers have taken in advance.
  tokens double precision NOT NULL DEFAULT 0,
  filled_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO send_rates (kind) VALUES ('sms'), ('mms');

-- Down Migration

DROP TABLE send_rates;
