-- The customers: who signed up, whether a church or a fitness studio, and until when the trial runs.
-- Up Migration

CREATE TABLE organizations (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  kind text NOT NULL CHECK (kind IN ('church', 'studio')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email text NOT NULL,
  domain text UNIQUE,
  time_zone text NOT NULL DEFAULT 'America/New_York',
  address text,
  trial_ends_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration

DROP TABLE organizations;
