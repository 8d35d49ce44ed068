-- Pictures and files: what was uploaded to be sent, and what members sent. The bytes lie in the storage, here is what they are.
-- Accepts index-blocks-writes, scans-under-lock: older than the first release, when no table is large.
-- Up Migration

CREATE TABLE media_files (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  origin text NOT NULL CHECK (origin IN ('upload', 'inbound')),
  -- Of the bytes as they came: the same ones twice are one file.
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  -- Of the bytes that are kept, which name them in the storage. Others than those that came when a picture was made smaller.
  content_sha256 bytea NOT NULL CHECK (length(content_sha256) = 32),
  content_type text NOT NULL CHECK (content_type ~ '^[a-z]+/[a-z0-9.+-]+$'),
  size integer NOT NULL CHECK (size > 0),
  original_size integer NOT NULL CHECK (original_size > 0),
  width integer CHECK (width > 0),
  height integer CHECK (height > 0),
  name text CHECK (length(name) BETWEEN 1 AND 255),
  created_by uuid REFERENCES admins ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((width IS NULL) = (height IS NULL)),
  UNIQUE (sha256, origin)
);

CREATE INDEX media_files_content ON media_files (content_sha256);

ALTER TABLE messages
  ADD COLUMN media_ids uuid[] NOT NULL DEFAULT '{}',
  ADD CONSTRAINT messages_most_media CHECK (cardinality(media_urls) + cardinality(media_ids) <= 10),
  DROP CONSTRAINT messages_check,
  ADD CONSTRAINT messages_content CHECK (text <> '' OR cardinality(media_urls) + cardinality(media_ids) > 0);

ALTER TABLE conversation_messages ADD CONSTRAINT conversation_messages_media_list CHECK (jsonb_typeof(media) = 'array');
-- Finds the texts that show a file when it is deleted. Most texts have no media and are not in it.
CREATE INDEX conversation_messages_media ON conversation_messages USING gin (media jsonb_path_ops) WHERE media <> '[]';

-- Down Migration

DROP INDEX conversation_messages_media;
ALTER TABLE conversation_messages DROP CONSTRAINT conversation_messages_media_list;
ALTER TABLE messages
  DROP CONSTRAINT messages_content,
  DROP CONSTRAINT messages_most_media,
  DROP COLUMN media_ids,
  ADD CONSTRAINT messages_check CHECK (text <> '' OR cardinality(media_urls) > 0);
DROP TABLE media_files;
