-- A server taken out of service keeps its row, for what its tenants have left; and a spare is claimed on the servers given, the first first.
-- Up Migration

ALTER TABLE database_servers DROP CONSTRAINT database_servers_state_check,
  ADD CONSTRAINT database_servers_state_check CHECK (state IN ('open', 'full', 'draining', 'removed'));

DROP FUNCTION claim_spare (text, integer, integer, text, text, text, text, timestamptz);

-- `on_servers`: names, the best first; null: any.
CREATE FUNCTION claim_spare (
  new_owner text, lease_seconds integer, least_version integer,
  new_kind text, new_name text, new_email text, new_time_zone text, new_trial_ends_at timestamptz, on_servers text[] DEFAULT NULL
) RETURNS TABLE (tenant_id text, organization_id uuid) ROWS 1 LANGUAGE sql AS $$
  WITH spare AS (
    SELECT t.id FROM tenants t JOIN database_servers s ON s.id = t.server_id
    WHERE t.status = 'spare' AND t.schema_version >= least_version AND s.state IN ('open', 'full')
      AND (on_servers IS NULL OR s.name = ANY(on_servers))
    ORDER BY array_position(on_servers, s.name), t.created_at
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

-- Down Migration

DROP FUNCTION claim_spare (text, integer, integer, text, text, text, text, timestamptz, text[]);

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

UPDATE database_servers SET state = 'draining' WHERE state = 'removed';
ALTER TABLE database_servers DROP CONSTRAINT database_servers_state_check,
  ADD CONSTRAINT database_servers_state_check CHECK (state IN ('open', 'full', 'draining'));
