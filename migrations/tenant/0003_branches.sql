-- The places of an organization: campuses of a church, locations of a studio.
-- Up Migration

CREATE TABLE branches (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  address text,
  time_zone text,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX branches_name ON branches (lower(name));

-- Down Migration

DROP TABLE branches;
