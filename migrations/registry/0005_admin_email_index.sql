-- Which tenants an admin e-mail may sign in to. Only a keyed hash is stored, so a stolen registry names no one.
-- Up Migration

CREATE TABLE admin_email_index (
  email_hash bytea NOT NULL CHECK (length(email_hash) = 32),
  tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
  admin_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (email_hash, tenant_id)
);

CREATE INDEX admin_email_index_tenant ON admin_email_index (tenant_id);

-- Down Migration

DROP TABLE admin_email_index;
