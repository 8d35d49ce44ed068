-- The people an organization texts. A phone number is stored encrypted, and found again by a keyed hash.
-- Up Migration

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE members (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  first_name text NOT NULL CHECK (length(first_name) <= 100),
  last_name text NOT NULL CHECK (length(last_name) <= 100),
  phone_cipher bytea NOT NULL,
  phone_hash bytea NOT NULL CHECK (length(phone_hash) = 32),
  email text,
  birthday date,
  opt_in_state text NOT NULL DEFAULT 'pending' CHECK (opt_in_state IN ('pending', 'opted_in', 'opted_out')),
  time_zone text,
  preferred_channel text NOT NULL DEFAULT 'sms' CHECK (preferred_channel IN ('sms', 'whatsapp', 'email')),
  custom jsonb NOT NULL DEFAULT '{}',
  external_source text,
  external_id text,
  search_text text GENERATED ALWAYS AS (lower(first_name || ' ' || last_name || ' ' || coalesce(email, ''))) STORED,
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((external_source IS NULL) = (external_id IS NULL))
);

CREATE UNIQUE INDEX members_phone ON members (phone_hash) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX members_external ON members (external_source, external_id) WHERE deleted_at IS NULL;
-- The order of every list of members.
CREATE INDEX members_order ON members (lower(last_name), lower(first_name), id) WHERE deleted_at IS NULL;
CREATE INDEX members_search ON members USING gin (search_text gin_trgm_ops) WHERE deleted_at IS NULL;

CREATE TABLE member_branches (
  member_id uuid NOT NULL REFERENCES members ON DELETE CASCADE,
  branch_id uuid NOT NULL REFERENCES branches ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (member_id, branch_id)
);

CREATE INDEX member_branches_branch ON member_branches (branch_id, member_id);

CREATE TABLE tags (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 50),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX tags_name ON tags (lower(name));

CREATE TABLE member_tags (
  member_id uuid NOT NULL REFERENCES members ON DELETE CASCADE,
  tag_id uuid NOT NULL REFERENCES tags ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (member_id, tag_id)
);

CREATE INDEX member_tags_tag ON member_tags (tag_id, member_id);

-- Proof of every consent given and withdrawn, kept when the member is soft-deleted. Append-only.
CREATE TABLE consent_logs (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  member_id uuid REFERENCES members ON DELETE RESTRICT,
  phone_hash bytea NOT NULL CHECK (length(phone_hash) = 32),
  topic text NOT NULL DEFAULT 'messages',
  action text NOT NULL CHECK (action IN ('granted', 'denied', 'withdrawn')),
  source text NOT NULL CHECK (source IN ('keyword', 'form', 'import', 'admin', 'api')),
  evidence jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX consent_logs_phone ON consent_logs (phone_hash, id);
CREATE TRIGGER consent_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_logs
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Down Migration

DROP TABLE consent_logs, member_tags, tags, member_branches, members;
DROP EXTENSION pg_trgm;
