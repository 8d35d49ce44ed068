-- Imports of members from CSV files: how far each has come, and what became of each row; where phone numbers without a country code are.
-- Accepts scans-under-lock: messaging_settings has one row.
-- Up Migration

CREATE TABLE member_imports (
  id uuid PRIMARY KEY,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'cancelled', 'failed')),
  failure text CHECK (length(failure) <= 500),
  dry_run boolean NOT NULL,
  file_name text CHECK (length(file_name) BETWEEN 1 AND 255),
  encoding text NOT NULL,
  -- How its rows are read: the options as given, the columns and the separator as found.
  options jsonb NOT NULL,
  columns jsonb NOT NULL,
  delimiter text NOT NULL CHECK (length(delimiter) = 1),
  -- Who asked, for the evidence of consent and the audit log.
  requested_by jsonb NOT NULL,
  rows integer NOT NULL CHECK (rows > 0),
  created integer NOT NULL DEFAULT 0 CHECK (created >= 0),
  updated integer NOT NULL DEFAULT 0 CHECK (updated >= 0),
  unchanged integer NOT NULL DEFAULT 0 CHECK (unchanged >= 0),
  duplicates integer NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
  invalid integer NOT NULL DEFAULT 0 CHECK (invalid >= 0),
  rows_done integer NOT NULL GENERATED ALWAYS AS (created + updated + unchanged + duplicates + invalid) STORED,
  -- Where the next batch begins: a byte of the stored file, and the number of the row before it.
  next_offset bigint NOT NULL CHECK (next_offset >= 0),
  last_row integer NOT NULL CHECK (last_row >= 0),
  claim_token uuid,
  claimed_until timestamptz,
  created_by uuid REFERENCES admins ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  expires_at timestamptz NOT NULL,
  CHECK ((finished_at IS NULL) = (status IN ('queued', 'running'))),
  CHECK (created + updated + unchanged + duplicates + invalid <= rows),
  CHECK (status <> 'completed' OR created + updated + unchanged + duplicates + invalid = rows)
);

-- One at a time: two would change the same people in turns.
CREATE UNIQUE INDEX member_imports_unfinished ON member_imports ((true)) WHERE finished_at IS NULL;

CREATE TABLE member_import_rows (
  import_id uuid NOT NULL REFERENCES member_imports ON DELETE CASCADE,
  row_number integer NOT NULL CHECK (row_number > 0),
  outcome text NOT NULL CHECK (outcome IN ('created', 'updated', 'unchanged', 'duplicate', 'invalid')),
  reason text CHECK (length(reason) <= 200),
  -- No foreign key: what a row became stays true when the member is erased.
  member_id uuid,
  -- Of the first row with this number; a further one is a duplicate.
  phone_hash bytea CHECK (length(phone_hash) = 32),
  PRIMARY KEY (import_id, row_number),
  CHECK (phone_hash IS NULL OR outcome NOT IN ('duplicate', 'invalid'))
);

CREATE UNIQUE INDEX member_import_rows_phone ON member_import_rows (import_id, phone_hash) WHERE phone_hash IS NOT NULL;

-- ISO 3166. Null: the country of the organization's time zone.
ALTER TABLE messaging_settings ADD COLUMN country text CHECK (country ~ '^[A-Z]{2}$');

-- Down Migration

ALTER TABLE messaging_settings DROP COLUMN country;
DROP TABLE member_import_rows, member_imports;
