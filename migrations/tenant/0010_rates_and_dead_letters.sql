-- Pausing and trying again, what needs a person, and how fast texts may leave: the sending side of messages.
-- Up Migration

ALTER TABLE messages
  -- Where a paused message goes on: it has not begun, or it has.
  ADD COLUMN paused_from text CHECK (paused_from IN ('scheduled', 'sending')),
  -- The message whose failed recipients this one texts again.
  ADD COLUMN retry_of uuid REFERENCES messages ON DELETE SET NULL,
  ADD CONSTRAINT messages_paused CHECK ((status = 'paused') = (paused_from IS NOT NULL));

-- The message that texts this person again, after this one failed. Each recipient row is tried again once at most.
ALTER TABLE message_recipients ADD COLUMN retried_in uuid;

-- The outbox is looked at message by message: there are few unfinished ones, and what is paused is passed over as a whole, however much of it waits.
DROP INDEX message_queue_due;
CREATE INDEX message_queue_due ON message_queue (message_id, not_before) WHERE claim_token IS NULL;

-- Down Migration

DROP INDEX message_queue_due;
CREATE INDEX message_queue_due ON message_queue (lane, not_before, message_id) WHERE claim_token IS NULL;
ALTER TABLE message_recipients DROP COLUMN retried_in;
ALTER TABLE messages DROP CONSTRAINT messages_paused, DROP COLUMN retry_of, DROP COLUMN paused_from;
