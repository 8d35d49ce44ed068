-- The files that tenants were archived and backed up in: where each lies, what is in it, and when it was last proved readable.
-- Up Migration

CREATE TABLE tenant_backups (
  id uuid PRIMARY KEY,
  -- No reference: the file of an archived tenant may be all that is left of it.
  tenant_id text NOT NULL,
  -- An archive is the only copy of its tenant, so no retention ever takes it.
  kind text NOT NULL CHECK (kind IN ('archive', 'backup')),
  storage_key text NOT NULL UNIQUE,
  size_bytes bigint NOT NULL CHECK (size_bytes > 0),
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  schema_version integer NOT NULL,
  -- Table → rows and checksum.
  tables jsonb NOT NULL CHECK (jsonb_typeof(tables) = 'object'),
  -- When the database was read.
  created_at timestamptz NOT NULL DEFAULT now(),
  verified_at timestamptz,
  verify_error text
);

CREATE INDEX tenant_backups_tenant ON tenant_backups (tenant_id, created_at);
CREATE UNIQUE INDEX tenant_backups_archive ON tenant_backups (tenant_id) WHERE kind = 'archive';

-- Down Migration

DROP TABLE tenant_backups;
