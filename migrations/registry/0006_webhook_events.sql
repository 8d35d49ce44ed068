-- The ledger of what providers posted: written before the answer, so it is also the queue. The payload holds a tenant's words and is cleared once processed.
-- Up Migration

CREATE TABLE webhook_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider text NOT NULL CHECK (provider IN ('telnyx', 'stripe')),
  event_id text NOT NULL,
  -- The path's signed token on a status callback; null on what is routed by number.
  route_token text,
  tenant_id text,
  -- The raw bytes as signed: whatever a carrier sends can be stored, and verified again.
  payload bytea,
  status text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'processed', 'failed', 'ignored')),
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  not_before timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz,
  UNIQUE (provider, event_id)
);

CREATE INDEX webhook_events_waiting ON webhook_events (not_before, id) WHERE status = 'received';
CREATE INDEX webhook_events_age ON webhook_events (created_at);

-- Down Migration

DROP TABLE webhook_events;
