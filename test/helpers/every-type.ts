// A schema with every kind of column that PostgreSQL copies in a way of its own, and rows that are awkward in each.

export const everyTypeSchema = `
  CREATE TYPE mood AS ENUM ('glad', 'so, so', E'it''s "bad"');
  CREATE DOMAIN short_text AS text CHECK (length(value) < 20);
  CREATE TYPE point3 AS (x integer, label text);
  CREATE TABLE parents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, serial_no bigserial, name text NOT NULL, upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    twice integer GENERATED ALWAYS AS (length(name) * 2) VIRTUAL, boss bigint REFERENCES parents, favourite uuid
  );
  CREATE TABLE "Odd ""Name" (
    "select" uuid PRIMARY KEY DEFAULT uuidv7(), parent bigint NOT NULL REFERENCES parents ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    small smallint, big bigint, exact numeric(20, 6), single real, double double precision, money money, flag boolean, letter "char", fixed char(5),
    words text, bytes bytea, day date, clock time, clock_zone timetz, moment timestamp, instant timestamptz, span interval,
    tree jsonb, raw_tree json, path xml, address inet, network cidr, card macaddr, bits bit varying(9), feeling mood, feelings mood[], short short_text,
    many text[], grid integer[][], instants timestamptz[], blobs bytea[], period tstzrange, periods int4multirange, composite point3, search tsvector, place point, log_position pg_lsn
  );
  ALTER TABLE parents ADD FOREIGN KEY (favourite) REFERENCES "Odd ""Name" DEFERRABLE;
  CREATE TABLE no_key (words text, number integer);
  CREATE TABLE empty (id integer PRIMARY KEY);
  CREATE SEQUENCE untouched START 7;
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nothing may be written'; END $$;
  CREATE TRIGGER no_writing BEFORE INSERT OR DELETE OR TRUNCATE ON no_key FOR EACH STATEMENT EXECUTE FUNCTION refuse()`

export const everyTypeRows = `
  ALTER TABLE no_key DISABLE TRIGGER no_writing;
  INSERT INTO no_key VALUES (NULL, NULL), ('', 0), ('same', 1), ('same', 1), (E'tab\\tnew\\nline\\rback\\\\slash \\\\N \\\\. end', 2), ('ÅÄÖ 🙏 ‮rtl', 3);
  ALTER TABLE no_key ENABLE TRIGGER no_writing;
  INSERT INTO parents (name, boss) VALUES ('one', NULL), ('two', 1), ('three', 2);
  DELETE FROM parents WHERE name = 'three';
  SET TimeZone = 'America/Chicago';
  INSERT INTO "Odd ""Name" VALUES
    (DEFAULT, 1, -32768, 9223372036854775807, 12345678901234.123456, 'NaN', '-Infinity', '12.34', true, 'x', 'ab', E'\\\\x00 \\\\N', '\\x0001ff0a5c', 'infinity', '24:00', '01:02:03.000004-05:30',
     '-infinity', '2026-11-01 01:30:00.123456-06', '-1 year 2 days -03:04:05.6', '{"a": [1, 2.50, null, "\\u00e5"], "z": {"b": 1e400}}', '{"b":1, "b": 2 }', '<a>&lt;</a>', '::1/64', '10.0.0.0/8',
     '08:00:2b:01:02:03', B'101', E'it''s "bad"', ARRAY['glad', NULL]::mood[], 'short', ARRAY['a,b', '"', NULL, 'NULL', ''], ARRAY[[1, 2], [3, NULL]], ARRAY['infinity', '2000-01-01']::timestamptz[],
     ARRAY['\\x00', '\\x']::bytea[], '[2026-01-01, infinity)', '{[1,3),[5,7)}', ROW(3, 'a "quoted", one')::point3, 'a fat cat'::tsvector, '(0.1,-1e-300)', '16/B374D848');
  INSERT INTO "Odd ""Name" (parent) VALUES (2);
  INSERT INTO "Odd ""Name" (parent, bytes, words) SELECT 1, decode((SELECT string_agg(md5(random()::text || n || i), '') FROM generate_series(1, 20000) n), 'hex'), repeat('long ' || i, 20000) FROM generate_series(1, 5) i;
  UPDATE parents SET favourite = (SELECT min("select"::text)::uuid FROM "Odd ""Name") WHERE id = 1;
  SELECT nextval('parents_serial_no_seq')`
