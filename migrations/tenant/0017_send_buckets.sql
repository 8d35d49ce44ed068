-- How fast texts may leave: what the carrier or a limit has closed for a while, and token buckets that survive a restart.
-- Up Migration

CREATE TABLE send_buckets (
  name text PRIMARY KEY,
  -- Parts that may leave now, as of filled_at; below zero what was overdrawn.
  tokens double precision,
  filled_at timestamptz,
  -- Nothing is taken for it before.
  closed_until timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((tokens IS NULL) = (filled_at IS NULL))
);

COMMENT ON COLUMN send_buckets.name IS 'number:+1… for broadcasts from it, answers:+1… for answers from it, campaign, brand';

-- Down Migration

DROP TABLE send_buckets;
