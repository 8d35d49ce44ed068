-- What happens, told to those who listen at GET /api/events: ids and counts, for seven days.
-- Up Migration

CREATE SEQUENCE event_numbers AS bigint;

CREATE TABLE events (
  -- Below zero until the transaction commits.
  id bigint PRIMARY KEY DEFAULT -nextval('event_numbers'),
  type text NOT NULL CHECK (type IN ('message.progress', 'message.received', 'conversation.changed', 'import.progress', 'dead_letter.added')),
  data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Whoever has read as far as an id must have missed none below it. So numbers are given at the commit, one transaction after another:
-- the lock is the last one a transaction takes, so that it is held for no longer than the commit and can't close a circle.
CREATE FUNCTION number_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('events'), 0);
  UPDATE events SET id = nextval('event_numbers') WHERE id = NEW.id;
  -- Oldest first and under the lock: what is left has no gaps. A tenant where nothing happens keeps what it has.
  DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id > 0 ORDER BY id LIMIT 3) AND created_at < now() - interval '7 days';
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER events_number AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number_event();

-- Down Migration

DROP TABLE events;
DROP FUNCTION number_event();
DROP SEQUENCE event_numbers;
