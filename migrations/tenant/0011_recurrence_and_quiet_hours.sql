-- When a text leaves: the zone and hours of each recipient, deadlines, local times, and messages that come again.
-- Accepts index-blocks-writes, scans-under-lock: older than the first release, when no table is large.
-- Up Migration

-- Where the number is at home: a zone of the IANA database, a state of the US. Derived from the number whenever it is written.
ALTER TABLE members ADD COLUMN phone_zone text, ADD COLUMN phone_region text CHECK (phone_region ~ '^[A-Z]{2}$');

-- Whose clocks decide for this text, and from when on they forbid it (null: it goes at any hour). Deferred: quiet hours have put it off.
ALTER TABLE message_queue
  ADD COLUMN time_zone text, ADD COLUMN region text, ADD COLUMN quiet_from timestamptz, ADD COLUMN deferred boolean NOT NULL DEFAULT false,
  ADD CHECK (quiet_from IS NULL OR time_zone IS NOT NULL);

-- What has waited past the end of its window is found at each visit, however much waits.
CREATE INDEX message_queue_quiet ON message_queue (quiet_from) WHERE claim_token IS NULL AND quiet_from IS NOT NULL;

-- The organization's own hours, within those of the law: one row, or none.
CREATE TABLE quiet_hours (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  opens text NOT NULL CHECK (opens ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
  closes text NOT NULL CHECK (closes ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' AND closes > opens),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE recurring_messages (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  rule text NOT NULL,
  start_date date NOT NULL,
  wall_time text NOT NULL CHECK (wall_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
  time_zone text NOT NULL,
  skipped_dates date[] NOT NULL DEFAULT '{}' CHECK (cardinality(skipped_dates) <= 1000),
  -- What is sent and to whom, as POST /messages takes it.
  message jsonb NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  -- Null: the rule has come to its end.
  next_occurrence_at timestamptz,
  last_error text,
  last_error_at timestamptz,
  created_by uuid REFERENCES admins ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- What became of each occurrence: the row makes it happen once.
CREATE TABLE recurring_occurrences (
  recurring_message_id uuid NOT NULL REFERENCES recurring_messages ON DELETE CASCADE,
  occurrence timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('sent', 'missed', 'failed')),
  message_id uuid REFERENCES messages ON DELETE SET NULL,
  error_code text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (recurring_message_id, occurrence)
);

ALTER TABLE messages
  -- Whatever of it has not left by then never does.
  ADD COLUMN send_before timestamptz,
  -- The wall time at which it leaves in each recipient's zone.
  ADD COLUMN local_date date, ADD COLUMN local_time text CHECK (local_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
  ADD COLUMN recurring_message_id uuid REFERENCES recurring_messages ON DELETE SET NULL,
  ADD COLUMN occurrence timestamptz,
  ADD CHECK ((local_date IS NULL) = (local_time IS NULL)),
  ADD CHECK (recurring_message_id IS NULL OR occurrence IS NOT NULL),
  ADD UNIQUE (recurring_message_id, occurrence);

-- Down Migration

ALTER TABLE messages DROP COLUMN occurrence, DROP COLUMN recurring_message_id, DROP COLUMN local_time, DROP COLUMN local_date, DROP COLUMN send_before;
DROP TABLE recurring_occurrences, recurring_messages, quiet_hours;
DROP INDEX message_queue_quiet;
ALTER TABLE message_queue DROP COLUMN deferred, DROP COLUMN quiet_from, DROP COLUMN region, DROP COLUMN time_zone;
ALTER TABLE members DROP COLUMN phone_region, DROP COLUMN phone_zone;
