-- The inbox: one conversation per person and channel, whether a member or a number nobody knows yet.
-- Up Migration

CREATE TABLE conversations (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  member_id uuid REFERENCES members ON DELETE SET NULL,
  address_hash bytea NOT NULL CHECK (length(address_hash) = 32),
  address_cipher bytea NOT NULL,
  channel text NOT NULL DEFAULT 'sms' CHECK (channel IN ('sms', 'whatsapp', 'voice', 'email', 'web')),
  our_number text NOT NULL,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'archived')),
  unread_count integer NOT NULL DEFAULT 0 CHECK (unread_count >= 0),
  assigned_admin_id uuid REFERENCES admins ON DELETE SET NULL,
  -- Why a person should look: words that may ask to stop, which no machine should settle.
  needs_attention text CHECK (needs_attention IN ('stop_request')),
  last_message_at timestamptz NOT NULL,
  last_message_preview text NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX conversations_open ON conversations (address_hash, channel) WHERE status = 'open';
CREATE INDEX conversations_address ON conversations (address_hash);
CREATE INDEX conversations_recent ON conversations (last_message_at DESC, id DESC);
CREATE INDEX conversations_member ON conversations (member_id);

CREATE TABLE conversation_messages (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
  direction text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  channel text NOT NULL DEFAULT 'sms' CHECK (channel IN ('sms', 'whatsapp', 'voice', 'email', 'web')),
  text text NOT NULL,
  media jsonb NOT NULL DEFAULT '[]',
  -- Inbound: the provider's id, once. Outbound: the message whose recipient row carries the state.
  provider_message_id text UNIQUE,
  message_id uuid REFERENCES messages ON DELETE RESTRICT,
  reply_to_id uuid REFERENCES conversation_messages ON DELETE SET NULL,
  sent_by uuid REFERENCES admins ON DELETE SET NULL,
  -- The keyword that an inbound text is, or that an outbound one answers by itself.
  keyword text CHECK (keyword IN ('stop', 'start', 'help')),
  -- Inbound: when the carrier got it, which need not be the order in which we hear of them.
  sent_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((direction = 'inbound') = (message_id IS NULL))
);

CREATE INDEX conversation_messages_order ON conversation_messages (conversation_id, sent_at DESC, id DESC);
CREATE INDEX conversation_messages_message ON conversation_messages (message_id);

-- Down Migration

DROP TABLE conversation_messages, conversations;
