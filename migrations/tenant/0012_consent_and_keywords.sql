-- Only a person's own text undoes their opt-out, whatever writes to the database; topics; what the organization says by itself.
-- Accepts index-blocks-writes, scans-under-lock: older than the first release, when no table is large.
-- Up Migration

ALTER TABLE consent_logs ADD CHECK (topic ~ '^[a-z][a-z0-9-]{0,49}$');
CREATE INDEX consent_logs_member ON consent_logs (member_id);
-- A text opens consent once: an old START is no evidence against a later STOP.
CREATE UNIQUE INDEX consent_logs_text ON consent_logs ((evidence ->> 'providerMessageId'))
  WHERE action = 'granted' AND source = 'keyword' AND topic = 'messages';

CREATE FUNCTION has_opted_out(number_hash bytea) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT action <> 'granted' FROM consent_logs WHERE phone_hash = number_hash AND topic = 'messages' ORDER BY id DESC LIMIT 1), false)
$$;

CREATE FUNCTION refuse_unasked_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF has_opted_out(NEW.phone_hash) AND NOT (NEW.topic = 'messages' AND NEW.source = 'keyword' AND EXISTS (
    SELECT FROM conversation_messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.provider_message_id = NEW.evidence ->> 'providerMessageId' AND m.direction = 'inbound' AND m.keyword = 'start' AND c.address_hash = NEW.phone_hash
  )) THEN
    RAISE EXCEPTION 'This number''s owner has opted out: only their own START opts in again.'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_logs_own_word', TABLE = 'consent_logs';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER consent_logs_own_word BEFORE INSERT ON consent_logs
  FOR EACH ROW WHEN (NEW.action = 'granted') EXECUTE FUNCTION refuse_unasked_consent();

CREATE FUNCTION opt_out_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE members SET opt_in_state = 'opted_out', updated_at = now()
  WHERE phone_hash = NEW.phone_hash AND deleted_at IS NULL AND opt_in_state <> 'opted_out';
  RETURN NULL;
END
$$;

CREATE TRIGGER consent_logs_opt_out AFTER INSERT ON consent_logs
  FOR EACH ROW WHEN (NEW.topic = 'messages' AND NEW.action <> 'granted') EXECUTE FUNCTION opt_out_member();

CREATE FUNCTION refuse_unasked_opt_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF has_opted_out(NEW.phone_hash) THEN
    RAISE EXCEPTION 'This number''s owner has opted out.' USING ERRCODE = 'check_violation', CONSTRAINT = 'members_opted_out', TABLE = 'members';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER members_opted_out BEFORE INSERT OR UPDATE OF opt_in_state, phone_hash, deleted_at ON members
  FOR EACH ROW WHEN (NEW.opt_in_state = 'opted_in' AND NEW.deleted_at IS NULL) EXECUTE FUNCTION refuse_unasked_opt_in();

-- The organization's own texts: one row, or none. A text that is null is ours.
CREATE TABLE messaging_settings (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  welcome_enabled boolean NOT NULL DEFAULT false,
  welcome_text text CHECK (length(welcome_text) BETWEEN 1 AND 480),
  help_text text CHECK (length(help_text) BETWEEN 1 AND 480),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- A number is welcomed once for ever, whatever becomes of its member.
CREATE TABLE welcomed_numbers (
  phone_hash bytea PRIMARY KEY CHECK (length(phone_hash) = 32),
  message_id uuid NOT NULL REFERENCES messages ON DELETE RESTRICT,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE keywords (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  -- In the spelling in which texts are compared: upper case, single spaces, letters and digits alone.
  word text NOT NULL CHECK (length(word) BETWEEN 1 AND 50),
  action text NOT NULL CHECK (action IN ('reply', 'opt_in', 'add_tag')),
  reply_text text CHECK (length(reply_text) BETWEEN 1 AND 480),
  tag_id uuid REFERENCES tags ON DELETE RESTRICT,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT keywords_reserved CHECK (word NOT IN (
    'STOP', 'STOPALL', 'STOP ALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT', 'OPT OUT', 'START', 'UNSTOP', 'YES', 'HELP', 'INFO'
  )),
  CONSTRAINT keywords_answer CHECK (action <> 'reply' OR reply_text IS NOT NULL),
  CONSTRAINT keywords_tag CHECK ((action = 'add_tag') = (tag_id IS NOT NULL))
);

CREATE UNIQUE INDEX keywords_word ON keywords (word);
CREATE INDEX keywords_tag_id ON keywords (tag_id);

-- A keyword of the organization's own is `custom`, as is the text that answers it.
ALTER TABLE conversation_messages DROP CONSTRAINT conversation_messages_keyword_check,
  ADD CONSTRAINT conversation_messages_keyword_check CHECK (keyword IN ('stop', 'start', 'help', 'custom'));

-- Down Migration

ALTER TABLE conversation_messages DROP CONSTRAINT conversation_messages_keyword_check;
UPDATE conversation_messages SET keyword = NULL WHERE keyword = 'custom';
ALTER TABLE conversation_messages ADD CONSTRAINT conversation_messages_keyword_check CHECK (keyword IN ('stop', 'start', 'help'));
DROP TABLE keywords, welcomed_numbers, messaging_settings;
DROP TRIGGER members_opted_out ON members;
DROP TRIGGER consent_logs_opt_out ON consent_logs;
DROP TRIGGER consent_logs_own_word ON consent_logs;
DROP FUNCTION refuse_unasked_opt_in, opt_out_member, refuse_unasked_consent, has_opted_out;
DROP INDEX consent_logs_text, consent_logs_member;
ALTER TABLE consent_logs DROP CONSTRAINT consent_logs_topic_check;
