-- One row for each run over the fleet, and on each tenant who is migrating it and how it went: runners share the work, and a run outlives its runner.
-- Up Migration

CREATE TABLE fleet_migrations (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  direction text NOT NULL CHECK (direction IN ('up', 'down')),
  target_version integer NOT NULL CHECK (target_version >= 0),
  canary integer NOT NULL CHECK (canary >= 0),
  -- Tenants migrated first: chosen when the run begins, so that all its runners wait for the same.
  canaries text[] NOT NULL DEFAULT '{}',
  -- Databases at a time on each server; null: by cores and connections of each runner.
  concurrency integer CHECK (concurrency > 0),
  on_error text NOT NULL CHECK (on_error IN ('stop', 'continue')),
  -- Null: every tenant.
  only_tenants text[],
  migrated integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  -- When a runner was last heard of: a run that nobody has spoken for in a while was cut off, and is taken up by the next.
  heard_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  outcome text CHECK (outcome IN ('done', 'failed', 'stopped', 'superseded')),
  CHECK ((finished_at IS NULL) = (outcome IS NULL))
);

CREATE UNIQUE INDEX fleet_migrations_open ON fleet_migrations ((true)) WHERE finished_at IS NULL;

ALTER TABLE tenants
  -- The run that last touched it; one that failed in a run is left alone until the next.
  ADD COLUMN migration_run uuid REFERENCES fleet_migrations ON DELETE SET NULL,
  -- The runner that is at it, until it says so no more.
  ADD COLUMN migration_owner text,
  ADD COLUMN migration_expires_at timestamptz,
  ADD COLUMN migration_ms integer CHECK (migration_ms >= 0),
  ADD CONSTRAINT tenants_migration_lease CHECK ((migration_owner IS NULL) = (migration_expires_at IS NULL));

CREATE INDEX tenants_migration_run ON tenants (migration_run) WHERE migration_status IN ('running', 'failed');

-- Down Migration

DROP INDEX tenants_migration_run;
ALTER TABLE tenants DROP CONSTRAINT tenants_migration_lease, DROP COLUMN migration_ms, DROP COLUMN migration_expires_at, DROP COLUMN migration_owner, DROP COLUMN migration_run;
DROP TABLE fleet_migrations;
