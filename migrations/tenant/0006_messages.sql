-- What is sent. Every text that leaves is a recipient row with an outbox row while it waits: one send path, one set of states.
-- Up Migration

CREATE TABLE messages (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  kind text NOT NULL CHECK (kind IN ('broadcast', 'reply', 'welcome', 'auto_reply', 'confirmation')),
  text text NOT NULL,
  media_urls text[] NOT NULL DEFAULT '{}' CHECK (cardinality(media_urls) <= 10),
  audience jsonb,
  from_number text NOT NULL,
  status text NOT NULL DEFAULT 'sending' CHECK (status IN ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled', 'failed')),
  send_at timestamptz,
  created_by uuid REFERENCES admins ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (text <> '' OR cardinality(media_urls) > 0)
);

CREATE INDEX messages_unfinished ON messages (id) WHERE status IN ('scheduled', 'sending', 'paused');

-- One person once, by phone, members and unknown senders alike. The one foreign key is the one that a delete needs:
-- each further key is a trigger per row, and a broadcast of ten thousand pays for it.
CREATE TABLE message_recipients (
  message_id uuid NOT NULL,
  phone_hash bytea NOT NULL,
  member_id uuid REFERENCES members ON DELETE SET NULL,
  phone_cipher bytea NOT NULL,
  rendered_text text,
  parts smallint NOT NULL,
  encoding text NOT NULL CHECK (encoding IN ('gsm7', 'ucs2')),
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'suppressed', 'cancelled', 'unknown')),
  provider_message_id text,
  error_code text,
  error_detail text,
  sent_at timestamptz,
  delivered_at timestamptz,
  failed_at timestamptz,
  price_cents numeric(10, 4),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (message_id, phone_hash)
);

CREATE UNIQUE INDEX message_recipients_provider ON message_recipients (provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE INDEX message_recipients_member ON message_recipients (member_id);

-- The outbox: exactly one row for each recipient still to be sent, none afterwards.
CREATE TABLE message_queue (
  message_id uuid NOT NULL,
  phone_hash bytea NOT NULL,
  lane smallint NOT NULL DEFAULT 2 CHECK (lane BETWEEN 0 AND 2),
  not_before timestamptz NOT NULL DEFAULT now(),
  attempts smallint NOT NULL DEFAULT 0,
  claim_token uuid,
  claimed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (message_id, phone_hash)
);

COMMENT ON COLUMN message_queue.lane IS '0 confirmation, 1 reply, 2 broadcast: the lower goes first';
CREATE INDEX message_queue_due ON message_queue (lane, not_before, message_id) WHERE claim_token IS NULL;
CREATE INDEX message_queue_claimed ON message_queue (claimed_at) WHERE claim_token IS NOT NULL;
CREATE INDEX message_queue_phone ON message_queue (phone_hash);

-- Down Migration

DROP TABLE message_queue, message_recipients, messages;
