-- Sign-up's two writes to the registry as one statement each, and the name by which this registry knows its own databases on a shared server.
-- Up Migration

-- A copy of this database is another registry: it notices by the fingerprint of where it lives, and takes an id of its own.
CREATE TABLE registry_identity (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id uuid NOT NULL DEFAULT uuidv7(),
  lives_in text NOT NULL
);

CREATE FUNCTION claim_spare (
  new_owner text, lease_seconds integer, least_version integer,
  new_kind text, new_name text, new_email text, new_time_zone text, new_trial_ends_at timestamptz
) RETURNS TABLE (tenant_id text, organization_id uuid) ROWS 1 LANGUAGE sql AS $$
  WITH spare AS (
    SELECT t.id FROM tenants t JOIN database_servers s ON s.id = t.server_id
    WHERE t.status = 'spare' AND t.schema_version >= least_version AND s.state <> 'draining'
    ORDER BY t.created_at
    FOR UPDATE OF t SKIP LOCKED
    LIMIT 1
  ), organization AS (
    INSERT INTO organizations (kind, name, email, time_zone, trial_ends_at)
    SELECT new_kind, new_name, new_email, new_time_zone, new_trial_ends_at FROM spare
    RETURNING id
  )
  UPDATE tenants SET status = 'creating', organization_id = organization.id, provisioning_owner = new_owner,
    provisioning_expires_at = now() + make_interval(secs => lease_seconds), updated_at = now()
  FROM spare, organization
  WHERE tenants.id = spare.id
  RETURNING tenants.id, organization.id
$$;

-- True also when it has been done before, so a caller that heard no answer may ask again. False: the sign-up expired and is being undone.
CREATE FUNCTION activate_tenant (claimed text, claimed_by text, new_email_hash bytea, new_admin_id uuid)
RETURNS boolean LANGUAGE sql AS $$
  WITH activated AS (
    UPDATE tenants SET status = 'active', provisioning_owner = NULL, provisioning_expires_at = NULL, updated_at = now()
    WHERE id = claimed AND status = 'creating' AND provisioning_owner = claimed_by AND organization_id IS NOT NULL
    RETURNING id
  ), indexed AS (
    INSERT INTO admin_email_index (email_hash, tenant_id, admin_id)
    SELECT new_email_hash, id, new_admin_id FROM activated
    RETURNING tenant_id
  )
  SELECT EXISTS (SELECT FROM indexed) OR EXISTS (
    SELECT FROM admin_email_index WHERE tenant_id = claimed AND email_hash = new_email_hash AND admin_id = new_admin_id
  )
$$;

-- Down Migration

DROP FUNCTION activate_tenant, claim_spare;
DROP TABLE registry_identity;
