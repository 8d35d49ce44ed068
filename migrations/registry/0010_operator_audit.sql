-- What an operator did through the command line, by whom and from where. Append-only, so that nobody's doing can be unsaid by accident.
-- Up Migration

CREATE TABLE operator_audit (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  -- Of the operating system that the command ran on.
  user_name text NOT NULL,
  host text NOT NULL,
  action text NOT NULL CHECK (action IN ('tenants.create', 'tenants.suspend', 'tenants.resume', 'migrate')),
  -- A tenant's id, which outlives the tenant here; null where an act is about all of them, or made none.
  subject text,
  outcome text NOT NULL CHECK (outcome IN ('done', 'failed')),
  -- A code, or how many failed: never a name, an address or a number.
  reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (outcome = 'done' OR reason IS NOT NULL)
);

CREATE INDEX operator_audit_subject ON operator_audit (subject, id);

CREATE FUNCTION refuse_operator_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'operator_audit is append-only';
END
$$;

CREATE TRIGGER operator_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_audit
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_operator_audit_change();

-- Down Migration

DROP TABLE operator_audit;
DROP FUNCTION refuse_operator_audit_change;
