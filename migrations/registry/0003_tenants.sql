-- Each organization's database and how to reach it. Every process hears of a change at once, so a suspended tenant is refused at its next request.
-- Up Migration

CREATE TABLE tenants (
  id text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9]{7,31}$'),
  organization_id uuid UNIQUE REFERENCES organizations ON DELETE RESTRICT,
  server_id uuid NOT NULL REFERENCES database_servers ON DELETE RESTRICT,
  database_name text NOT NULL GENERATED ALWAYS AS ('tenant_' || id) STORED,
  role_name text NOT NULL GENERATED ALWAYS AS ('tenant_' || id) STORED,
  credential_version integer NOT NULL DEFAULT 1 CHECK (credential_version > 0),
  status text NOT NULL DEFAULT 'creating'
    CHECK (status IN ('creating', 'spare', 'active', 'suspended', 'moving', 'archived', 'deleting', 'deleted')),
  -- The sign-up that a creating tenant is for; a crash leaves it behind and the reconciler undoes it.
  provisioning_owner text,
  provisioning_expires_at timestamptz,
  schema_version integer NOT NULL DEFAULT 0,
  migration_status text NOT NULL DEFAULT 'pending' CHECK (migration_status IN ('pending', 'running', 'done', 'failed')),
  migration_error text,
  migration_attempted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (organization_id IS NOT NULL OR status IN ('creating', 'spare', 'deleting', 'deleted'))
);

CREATE INDEX tenants_spares ON tenants (server_id, created_at) WHERE status = 'spare';
CREATE INDEX tenants_unfinished ON tenants (updated_at) WHERE status IN ('creating', 'deleting', 'moving');
CREATE INDEX tenants_behind ON tenants (schema_version) WHERE status IN ('spare', 'active', 'suspended');

CREATE FUNCTION notify_tenant_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('tenant_changed', OLD.id);
  RETURN NULL;
END
$$;

-- A spare nobody has resolved needs no word to be spread: sign-up stays one UPDATE without a NOTIFY.
CREATE TRIGGER tenants_changed AFTER UPDATE ON tenants FOR EACH ROW
  WHEN (OLD.status NOT IN ('creating', 'spare') AND
        (OLD.status, OLD.server_id, OLD.credential_version, OLD.schema_version) IS DISTINCT FROM
        (NEW.status, NEW.server_id, NEW.credential_version, NEW.schema_version))
  EXECUTE FUNCTION notify_tenant_changed();
CREATE TRIGGER tenants_removed AFTER DELETE ON tenants FOR EACH ROW EXECUTE FUNCTION notify_tenant_changed();

-- Down Migration

DROP TABLE tenants;
DROP FUNCTION notify_tenant_changed;
