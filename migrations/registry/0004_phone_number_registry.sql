-- Who owns a service number: the one look-up that routes an inbound text to its tenant.
-- Up Migration

CREATE TABLE phone_number_registry (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  phone_number text NOT NULL CHECK (phone_number ~ '^\+[1-9][0-9]{6,14}$'),
  channel text NOT NULL DEFAULT 'sms' CHECK (channel IN ('sms', 'voice', 'whatsapp')),
  tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
  provider_number_id text,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'releasing', 'released')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (phone_number, channel)
);

CREATE INDEX phone_number_registry_tenant ON phone_number_registry (tenant_id);

-- Down Migration

DROP TABLE phone_number_registry;
