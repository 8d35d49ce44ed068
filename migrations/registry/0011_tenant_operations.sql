-- What is being done to a tenant over several steps (deleted, archived, moved …): written before each step, so that whoever finds it after a crash goes on.
-- Up Migration

CREATE TABLE tenant_operations (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  -- No reference: what became of a tenant outlives it.
  tenant_id text NOT NULL,
  kind text NOT NULL CHECK (kind ~ '^[a-z]+(-[a-z]+)*$'),
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'undone', 'failed')),
  -- The last step that has been done; null before the first.
  step text,
  -- From here on its steps are taken back, the last one first.
  undoing boolean NOT NULL DEFAULT false,
  state jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(state) = 'object'),
  -- The process at work on it, and until when nobody else takes it up.
  owner text,
  lease_expires_at timestamptz,
  -- Not before: the end of a grace, or of a pause after a failure.
  run_after timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  -- Of the step under way, in whatever it counts.
  progress_done bigint NOT NULL DEFAULT 0,
  progress_total bigint NOT NULL DEFAULT 0,
  error text,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((status IN ('done', 'undone')) = (finished_at IS NOT NULL)),
  CHECK ((owner IS NULL) = (lease_expires_at IS NULL)),
  CHECK (status <> 'failed' OR error IS NOT NULL)
);

-- One at a time for each tenant. A failed one waits for a person and holds its place.
CREATE UNIQUE INDEX tenant_operations_unfinished ON tenant_operations (tenant_id) WHERE status IN ('running', 'failed');
CREATE INDEX tenant_operations_due ON tenant_operations (run_after) WHERE status = 'running';
CREATE INDEX tenant_operations_tenant ON tenant_operations (tenant_id, id);

-- Every command notes its own name, so that a new one needs no migration.
ALTER TABLE operator_audit DROP CONSTRAINT operator_audit_action_check,
  ADD CONSTRAINT operator_audit_action_check CHECK (action ~ '^[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)?$');

-- Down Migration

ALTER TABLE operator_audit DROP CONSTRAINT operator_audit_action_check,
  ADD CONSTRAINT operator_audit_action_check CHECK (action IN ('tenants.create', 'tenants.suspend', 'tenants.resume', 'migrate')) NOT VALID;
DROP TABLE tenant_operations;
