-- Who a message is for, settled when it starts: a message that could not start says why.
-- Up Migration

ALTER TABLE messages ADD COLUMN error_code text;
-- Of many finished messages the few that wait for their time.
CREATE INDEX messages_scheduled ON messages (send_at) WHERE status = 'scheduled';

-- Down Migration

DROP INDEX messages_scheduled;
ALTER TABLE messages DROP COLUMN error_code;
