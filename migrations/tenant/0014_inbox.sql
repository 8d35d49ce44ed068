-- The inbox for several people: put off until a time, notes among the texts, reactions to them, and words found in them.
-- Accepts index-blocks-writes, scans-under-lock: older than the first release, when no table is large.
-- Up Migration

ALTER TABLE conversations
  ADD COLUMN snoozed_until timestamptz,
  -- One that is closed waits for nothing.
  ADD CONSTRAINT conversations_snoozed_open CHECK (snoozed_until IS NULL OR status = 'open');

CREATE INDEX conversations_assigned ON conversations (assigned_admin_id, last_message_at DESC, id DESC);

-- internal: a note, which nobody is sent.
ALTER TABLE conversation_messages
  DROP CONSTRAINT conversation_messages_direction_check,
  DROP CONSTRAINT conversation_messages_check,
  ADD CONSTRAINT conversation_messages_direction CHECK (direction IN ('inbound', 'outbound', 'internal')),
  ADD CONSTRAINT conversation_messages_sent CHECK ((direction = 'outbound') = (message_id IS NOT NULL));

CREATE INDEX conversation_messages_words ON conversation_messages USING gin (text gin_trgm_ops);

CREATE TABLE conversation_reactions (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  conversation_message_id uuid NOT NULL REFERENCES conversation_messages ON DELETE CASCADE,
  -- Null: the person's own, by a text such as Liked "…".
  admin_id uuid REFERENCES admins ON DELETE CASCADE,
  -- Null: taken back, which an earlier text that comes later must not undo.
  reaction text CHECK (length(reaction) BETWEEN 1 AND 16),
  reacted_at timestamptz NOT NULL,
  CHECK (admin_id IS NULL OR reaction IS NOT NULL)
);

CREATE UNIQUE INDEX conversation_reactions_admin ON conversation_reactions (conversation_message_id, admin_id, reaction) WHERE admin_id IS NOT NULL;
CREATE UNIQUE INDEX conversation_reactions_person ON conversation_reactions (conversation_message_id) WHERE admin_id IS NULL;

-- Down Migration

DROP TABLE conversation_reactions;
DROP INDEX conversation_messages_words;
DELETE FROM conversation_messages WHERE direction = 'internal';
ALTER TABLE conversation_messages
  DROP CONSTRAINT conversation_messages_direction,
  DROP CONSTRAINT conversation_messages_sent,
  ADD CONSTRAINT conversation_messages_direction_check CHECK (direction IN ('inbound', 'outbound')),
  ADD CONSTRAINT conversation_messages_check CHECK ((direction = 'inbound') = (message_id IS NULL));
DROP INDEX conversations_assigned;
ALTER TABLE conversations DROP CONSTRAINT conversations_snoozed_open, DROP COLUMN snoozed_until;
