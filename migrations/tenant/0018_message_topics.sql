-- A message names the topic it belongs to, and goes to those who have consented to that.
-- Accepts rewrites-table, scans-under-lock: older than the first release, when no table is large.
-- Up Migration

-- What consent has been put on record for, one name each; none is ever removed.
CREATE TABLE topics (
  name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9-]{0,49}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO topics (name) VALUES ('messages');
INSERT INTO topics (name, created_at) SELECT topic, min(created_at) FROM consent_logs WHERE topic <> 'messages' GROUP BY topic;

-- In place of a foreign key, whose trigger an import of opted-in members would pay for row by row.
CREATE FUNCTION add_topic() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO topics (name) VALUES (NEW.topic) ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;

CREATE TRIGGER consent_logs_topic AFTER INSERT ON consent_logs FOR EACH ROW WHEN (NEW.topic <> 'messages') EXECUTE FUNCTION add_topic();

ALTER TABLE messages
  ADD COLUMN topic text NOT NULL DEFAULT 'messages' REFERENCES topics ON DELETE RESTRICT,
  -- Answers and welcomes are nobody's choice of topic.
  ADD CONSTRAINT messages_topic_kind CHECK (topic = 'messages' OR kind = 'broadcast');

ALTER TABLE recurring_messages ADD COLUMN topic text NOT NULL GENERATED ALWAYS AS (coalesce(message ->> 'topic', 'messages')) STORED REFERENCES topics ON DELETE RESTRICT;

-- Down Migration

ALTER TABLE recurring_messages DROP COLUMN topic;
ALTER TABLE messages DROP CONSTRAINT messages_topic_kind, DROP COLUMN topic;
DROP TRIGGER consent_logs_topic ON consent_logs;
DROP FUNCTION add_topic();
DROP TABLE topics;
