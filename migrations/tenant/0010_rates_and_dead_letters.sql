-- Pausing and trying again, what needs a person, and how fast texts may leave: the sending side of messages.
-- Accepts index-blocks-writes, scans-under-lock: older than the first release, when no table is large.
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

-- What needs a person. A text whose fate is unknown is watched first: most are settled by the carrier's report within the day.
CREATE TABLE dead_letter_queue (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  category text NOT NULL CHECK (category IN ('sms_send', 'webhook_inbound', 'subscription_update', 'payment', 'integration')),
  status text NOT NULL CHECK (status IN ('watched', 'pending', 'resolved', 'dead')),
  -- Of sms_send: the recipient.
  message_id uuid,
  phone_hash bytea,
  -- Of everything else: what it came from, once each.
  source text,
  payload_cipher bytea,
  error text NOT NULL,
  attempts integer NOT NULL DEFAULT 1,
  outcome text CHECK (outcome IN ('settled', 'resent', 'delivered', 'failed', 'handled', 'dismissed')),
  note text,
  resolved_by uuid REFERENCES admins ON DELETE SET NULL,
  resolved_at timestamptz,
  added_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (message_id, phone_hash),
  UNIQUE (category, source),
  CHECK (CASE category WHEN 'sms_send' THEN message_id IS NOT NULL AND phone_hash IS NOT NULL AND source IS NULL ELSE message_id IS NULL AND phone_hash IS NULL AND source IS NOT NULL END),
  CHECK (status <> 'watched' OR category = 'sms_send'),
  CHECK ((status IN ('resolved', 'dead')) = (outcome IS NOT NULL))
);

CREATE INDEX dead_letter_queue_watched ON dead_letter_queue (created_at) WHERE status = 'watched';

-- The dead letter whose text this message sends once more: never twice.
ALTER TABLE messages ADD COLUMN resends uuid UNIQUE REFERENCES dead_letter_queue ON DELETE SET NULL;

-- Down Migration

ALTER TABLE messages DROP COLUMN resends;
DROP TABLE dead_letter_queue;
DROP INDEX message_queue_due;
CREATE INDEX message_queue_due ON message_queue (lane, not_before, message_id) WHERE claim_token IS NULL;
ALTER TABLE message_recipients DROP COLUMN retried_in;
ALTER TABLE messages DROP CONSTRAINT messages_paused, DROP COLUMN retry_of, DROP COLUMN paused_from;
