-- The people who run the organization, and the refresh tokens they hold.
-- Up Migration

CREATE TABLE admins (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  email text NOT NULL,
  password_hash text NOT NULL,
  first_name text NOT NULL,
  last_name text NOT NULL,
  role text NOT NULL CHECK (role IN ('primary', 'co_admin', 'staff')),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('invited', 'active', 'disabled')),
  last_login_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX admins_email ON admins (lower(email));
CREATE UNIQUE INDEX admins_one_primary ON admins (role) WHERE role = 'primary';

-- One row a refresh token. A family is one sign-in on one device: rotating adds a row, and using a rotated token again revokes the family.
CREATE TABLE sessions (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  family_id uuid NOT NULL,
  admin_id uuid NOT NULL REFERENCES admins ON DELETE CASCADE,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  rotated_at timestamptz,
  revoked_at timestamptz,
  expires_at timestamptz NOT NULL,
  ip inet,
  user_agent text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX sessions_family ON sessions (family_id);
CREATE INDEX sessions_admin ON sessions (admin_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Down Migration

DROP TABLE sessions, admins;
