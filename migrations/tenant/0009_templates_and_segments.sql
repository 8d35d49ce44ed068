-- Who a message is for and what it says: saved segments, and why a message could not start.
-- Accepts index-blocks-writes, whole-table-update: older than the first release, when no table is large.
-- Up Migration

CREATE TABLE segments (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  -- As the API has it, checked before it is written; compiled to SQL each time it is asked.
  filter jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX segments_name ON segments (lower(name));

CREATE TABLE message_templates (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  category text NOT NULL CHECK (length(category) BETWEEN 1 AND 50),
  -- With its variables, as it was written.
  text text NOT NULL CHECK (text <> ''),
  smart_replace boolean NOT NULL DEFAULT false,
  -- Came with the organization, and has not been changed since.
  is_default boolean NOT NULL DEFAULT false,
  use_count integer NOT NULL DEFAULT 0 CHECK (use_count >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX message_templates_name ON message_templates (lower(name));

ALTER TABLE messages
  ADD COLUMN error_code text,
  ADD COLUMN smart_replace boolean NOT NULL DEFAULT false,
  ADD COLUMN template_id uuid REFERENCES message_templates ON DELETE SET NULL;
CREATE INDEX messages_template ON messages (template_id) WHERE template_id IS NOT NULL;
-- Of many finished messages the few that wait for their time.
CREATE INDEX messages_scheduled ON messages (send_at) WHERE status = 'scheduled';

-- When a person last wrote, kept where each inbound text is counted anyway, and found by member through conversations_member.
ALTER TABLE conversations ADD COLUMN last_inbound_at timestamptz;
UPDATE conversations c SET last_inbound_at = (
  SELECT max(m.sent_at) FROM conversation_messages m WHERE m.conversation_id = c.id AND m.direction = 'inbound'
);

-- Down Migration

ALTER TABLE conversations DROP COLUMN last_inbound_at;
DROP INDEX messages_scheduled;
ALTER TABLE messages DROP COLUMN template_id, DROP COLUMN smart_replace, DROP COLUMN error_code;
DROP TABLE message_templates, segments;
