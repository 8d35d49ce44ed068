-- The numbers an organization texts from. The one it bought first is its default sender.
-- Up Migration

CREATE TABLE phone_numbers (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  number text NOT NULL UNIQUE CHECK (number ~ '^\+[1-9][0-9]{6,14}$'),
  capabilities text[] NOT NULL DEFAULT '{sms}',
  -- Names one purchase at the carrier: one that was cut short is found again by it instead of made twice.
  order_reference uuid NOT NULL DEFAULT uuidv7(),
  order_id text,
  -- One job at a time follows the order; the claim of one that died runs out.
  order_claim uuid,
  order_claimed_until timestamptz,
  requested_at timestamptz NOT NULL DEFAULT now(),
  provider_number_id text,
  messaging_profile_id text,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'failed', 'disconnected')),
  status_detail text,
  released_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (status <> 'active' OR (provider_number_id IS NOT NULL AND messaging_profile_id IS NOT NULL))
);

-- Down Migration

DROP TABLE phone_numbers;
