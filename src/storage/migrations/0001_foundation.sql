-- Up Migration

-- The first migration carries what could not be added truthfully later. Everything is created in the
-- schema that stands first on the search_path; grants are applied apart from it, after every run.
--
-- How ten million certificates stay affordable:
--   certificates              inserted once at `prepared`, never updated but for owner and tags
--   issuance_outcomes         inserted once when a certificate is settled: issued or abandoned
--   prepared_certificates     the few that are not settled
--   certificate_status        only certificates that ever were not good
-- so that no wide row is written twice and no search index is touched twice.
--
-- Serial numbers, identifiers and hashes in hex are text in the "C" collation: compared as bytes.
-- Algorithms are OIDs or names of the registry as text: no length or list is assumed.

CREATE TABLE installation (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  id text NOT NULL,
  -- First bit 0 and first octet not 0: a serial number that begins with it is positive and minimal.
  serial_prefix text NOT NULL CHECK (serial_prefix ~ '^([1-7][0-9a-f]|0[1-9a-f])[0-9a-f]{2}$'),
  generation bigint NOT NULL CHECK (generation >= 0)
);

CREATE TABLE keys (
  tenant text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL CHECK (key_id ~ '^[0-9a-f]+$'),
  label text NOT NULL,
  token_role text NOT NULL CHECK (token_role IN ('root', 'issuing', 'responder', 'software')),
  key_algorithm text NOT NULL,
  signature_algorithm text NOT NULL,
  purposes text[] NOT NULL,
  subject_public_key_info bytea NOT NULL,
  token jsonb NOT NULL,
  attributes jsonb NOT NULL,
  owner text NOT NULL,
  origin text NOT NULL CHECK (origin IN ('generated', 'adopted')),
  created_at timestamptz NOT NULL,
  blocked_reason text,
  PRIMARY KEY (tenant, key_id)
);

CREATE TABLE issuers (
  tenant text COLLATE "C" NOT NULL,
  issuer_id text COLLATE "C" NOT NULL CHECK (issuer_id ~ '^[0-9a-f]+$'),
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('root', 'subordinate', 'external')),
  state text NOT NULL CHECK (state IN ('pending', 'active')),
  key_id text COLLATE "C" NOT NULL,
  token_role text NOT NULL CHECK (token_role IN ('root', 'issuing')),
  parent_issuer_id text COLLATE "C",
  certificate bytea,
  chain bytea[] NOT NULL,
  certification_request bytea,
  subject bytea NOT NULL,
  signature_algorithm text NOT NULL,
  profile_name text NOT NULL,
  urls jsonb NOT NULL,
  crl_lifetime_seconds integer NOT NULL CHECK (crl_lifetime_seconds > 0),
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  -- {"sha1": hex, "sha256": hex, ...}: how certIDs name an issuer (RFC 6960 section 4.1.1).
  name_hashes jsonb NOT NULL,
  key_hashes jsonb NOT NULL,
  PRIMARY KEY (tenant, issuer_id),
  -- A key's identifier is of one tenant only.
  CONSTRAINT issuers_issuer_id_key UNIQUE (issuer_id),
  CONSTRAINT issuers_name_key UNIQUE (tenant, name),
  CONSTRAINT issuers_active_has_certificate CHECK ((state = 'active') = (certificate IS NOT NULL))
);

CREATE TABLE certificates (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  requested_at timestamptz NOT NULL,
  not_before timestamptz NOT NULL,
  not_after timestamptz NOT NULL,
  shard integer NOT NULL DEFAULT 0 CHECK (shard >= 0),
  tenant text COLLATE "C" NOT NULL,
  -- No foreign key: its check would lock the issuer's row once for every certificate.
  issuer_id text COLLATE "C" NOT NULL CHECK (issuer_id <> ''),
  -- Hex without leading zeros, 20 octets at most (RFC 5280 section 4.1.2.2).
  serial_number text COLLATE "C" NOT NULL CHECK (serial_number ~ '^[1-9a-f][0-9a-f]{0,39}$'),
  type text COLLATE "C" NOT NULL CHECK (type IN ('endEntity', 'ca', 'ocspSigning')),
  profile_name text COLLATE "C" NOT NULL,
  profile_hash bytea NOT NULL,
  subject text NOT NULL,
  names text[] NOT NULL,
  spki_hash bytea NOT NULL,
  key_algorithm text COLLATE "C" NOT NULL,
  signature_algorithm text COLLATE "C" NOT NULL,
  policies text[] NOT NULL,
  requested_by text NOT NULL,
  owner text NOT NULL,
  tags text[] NOT NULL,
  approval text,
  idempotency_key text,
  retention_class text COLLATE "C" NOT NULL,
  replaces text COLLATE "C",
  requested jsonb NOT NULL,
  granted jsonb NOT NULL,
  tbs_certificate bytea NOT NULL,
  -- Serial number first: it is looked up without the issuer, too.
  CONSTRAINT certificates_issuer_serial_key UNIQUE (serial_number, issuer_id, tenant),
  -- An issuer is of one tenant, so this is what RFC 5280 section 4.1.2.2 asks for.
  CONSTRAINT certificates_validity CHECK (not_after >= not_before)
);

CREATE INDEX certificates_spki_hash ON certificates (spki_hash);
CREATE INDEX certificates_owner ON certificates (owner);
CREATE INDEX certificates_requested_by ON certificates (requested_by);
CREATE INDEX certificates_profile_name ON certificates (profile_name);
CREATE INDEX certificates_not_after ON certificates (not_after);
-- Rows arrive in the order of time: block ranges find them for next to nothing.
CREATE INDEX certificates_requested_at ON certificates USING brin (requested_at);
-- A small pending list: a writer that must empty a large one waits for hundreds of milliseconds.
CREATE INDEX certificates_tags ON certificates USING gin (tags)
  WITH (gin_pending_list_limit = 512) WHERE tags <> '{}';

-- What a substring search looks at. array_to_string is only STABLE for types in general; for text it is immutable.
CREATE FUNCTION certificate_search_text(subject text, names text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT pg_catalog.lower(subject || E'\n' || pg_catalog.array_to_string(names, E'\n')) $$;

-- Names and substrings are found by trigram where the extension can be had. Otherwise whole names
-- have an index of their own, and substrings are found by reading.
DO $$
DECLARE
  opclass_schema text;
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_trgm') THEN
    BEGIN
      CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
    EXCEPTION WHEN OTHERS THEN
      RAISE NOTICE 'pg_trgm is not installed: %', SQLERRM;
    END;
  END IF;
  SELECT n.nspname INTO opclass_schema
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
  IF opclass_schema IS NOT NULL THEN
    EXECUTE format(
      'CREATE INDEX certificates_search_text ON certificates USING gin '
      '(certificate_search_text(subject, names) %I.gin_trgm_ops) WITH (gin_pending_list_limit = 512)',
      opclass_schema);
  ELSE
    CREATE INDEX certificates_names ON certificates USING gin (names)
      WITH (gin_pending_list_limit = 512);
  END IF;
END
$$;

CREATE TABLE prepared_certificates (
  certificate_id bigint PRIMARY KEY REFERENCES certificates (id),
  requested_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX prepared_certificates_requested_at ON prepared_certificates (requested_at);

-- prepared -> issued | abandoned, once: the primary key refuses a second outcome.
CREATE TABLE issuance_outcomes (
  certificate_id bigint PRIMARY KEY REFERENCES certificates (id),
  state text COLLATE "C" NOT NULL CHECK (state IN ('issued', 'abandoned')),
  settled_at timestamptz NOT NULL,
  -- The certificate is head || certificates.tbs_certificate || tail: the TBS is kept once.
  certificate_head bytea,
  certificate_tail bytea,
  CONSTRAINT issuance_outcomes_issued_has_certificate CHECK (
    (state = 'issued') = (certificate_head IS NOT NULL)
    AND (state = 'issued') = (certificate_tail IS NOT NULL)
  ),
  -- SEQUENCE, its length and nothing else stands before the TBS (RFC 5280 section 4.1).
  CONSTRAINT issuance_outcomes_head CHECK (octet_length(certificate_head) BETWEEN 2 AND 6)
);

-- Status now, of certificates that ever were not good; no row means good. Carries what a CRL needs.
CREATE TABLE certificate_status (
  certificate_id bigint PRIMARY KEY REFERENCES certificates (id),
  not_after timestamptz NOT NULL,
  not_good_since timestamptz,
  invalidity_date timestamptz,
  hold_until timestamptz,
  hold_alarmed_at timestamptz,
  shard integer NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  issuer_id text COLLATE "C" NOT NULL,
  serial_number text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('good', 'onHold', 'revoked')),
  reason_code text COLLATE "C",
  hold_cause text COLLATE "C",
  hold_then text COLLATE "C" CHECK (hold_then IN ('release', 'revoke', 'alarm')),
  CONSTRAINT certificate_status_good CHECK (
    (status = 'good') = (not_good_since IS NULL) AND (status = 'good') = (reason_code IS NULL)
  ),
  CONSTRAINT certificate_status_reason CHECK (
    (status = 'onHold') = (reason_code IS NOT DISTINCT FROM 'certificateHold')
    AND reason_code IS DISTINCT FROM 'removeFromCRL'
  ),
  CONSTRAINT certificate_status_hold CHECK (
    status = 'onHold' OR (hold_until IS NULL AND hold_cause IS NULL AND hold_then IS NULL)
  ),
  CONSTRAINT certificate_status_deadline CHECK ((hold_until IS NULL) = (hold_then IS NULL))
);
-- In the order of the serial number as a number: shorter first.
CREATE INDEX certificate_status_crl
  ON certificate_status (issuer_id, shard, length(serial_number), serial_number)
  WHERE status <> 'good';
CREATE INDEX certificate_status_due ON certificate_status (hold_until)
  WHERE status = 'onHold' AND hold_until IS NOT NULL AND hold_alarmed_at IS NULL;

-- The history: nothing is ever erased from it.
CREATE TABLE status_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  certificate_id bigint NOT NULL REFERENCES certificates (id),
  requested_at timestamptz NOT NULL,
  effective_at timestamptz NOT NULL,
  invalidity_date timestamptz,
  hold_until timestamptz,
  tenant text COLLATE "C" NOT NULL,
  act text COLLATE "C" NOT NULL CHECK (act IN ('hold', 'release', 'revoke')),
  status_after text COLLATE "C" NOT NULL CHECK (status_after IN ('good', 'onHold', 'revoked')),
  reason_code text COLLATE "C",
  cause text COLLATE "C",
  hold_then text COLLATE "C",
  comment text,
  requested_by text NOT NULL
);
CREATE INDEX status_changes_certificate ON status_changes (certificate_id, id);

-- The change feed. A reader compares transaction ids with snapshots (pg_snapshot_xmin,
-- pg_visible_in_snapshot): the order of ids is not the order of commits.
CREATE TABLE changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  certificate_id bigint NOT NULL REFERENCES certificates (id)
);
CREATE INDEX changes_xid ON changes (xid, id);

-- How many changes an issuer has seen. Its row lock is held until the commit, so that whoever reads
-- a number has read all changes up to it.
CREATE TABLE issuer_changes (
  tenant text COLLATE "C" NOT NULL,
  issuer_id text COLLATE "C" NOT NULL,
  last_change bigint NOT NULL,
  PRIMARY KEY (tenant, issuer_id)
) WITH (fillfactor = 20);

CREATE TABLE blocked_keys (
  tenant text COLLATE "C" NOT NULL,
  spki_hash bytea NOT NULL,
  reason_code text COLLATE "C" NOT NULL,
  blocked_at timestamptz NOT NULL,
  blocked_by text NOT NULL,
  PRIMARY KEY (tenant, spki_hash)
);

CREATE TABLE crl_shards (
  tenant text COLLATE "C" NOT NULL,
  issuer_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL CHECK (shard >= 0),
  last_number bigint NOT NULL,
  PRIMARY KEY (tenant, issuer_id, shard)
) WITH (fillfactor = 50);

CREATE TABLE crls (
  tenant text COLLATE "C" NOT NULL,
  issuer_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  crl_number bigint NOT NULL CHECK (crl_number > 0),
  this_update timestamptz NOT NULL,
  next_update timestamptz NOT NULL,
  published_at timestamptz,
  sha256 bytea,
  size bigint,
  entries bigint,
  covers_change bigint NOT NULL,
  PRIMARY KEY (tenant, issuer_id, shard, crl_number),
  CONSTRAINT crls_validity CHECK (next_update > this_update)
);

CREATE TABLE principals (
  id text COLLATE "C" PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  name text NOT NULL,
  role text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  disabled_at timestamptz,
  CONSTRAINT principals_name_key UNIQUE (tenant, name)
);

CREATE TABLE credentials (
  id text COLLATE "C" PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  principal_id text COLLATE "C" NOT NULL REFERENCES principals (id),
  token_hash bytea NOT NULL,
  scope text[],
  created_at timestamptz NOT NULL,
  not_after timestamptz NOT NULL,
  revoked_at timestamptz,
  CONSTRAINT credentials_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX credentials_principal ON credentials (principal_id);

CREATE TABLE certificate_bindings (
  certificate_hash bytea PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  principal_id text COLLATE "C" NOT NULL REFERENCES principals (id),
  issuer_id text COLLATE "C" NOT NULL,
  serial_number text COLLATE "C" NOT NULL,
  bound_at timestamptz NOT NULL,
  CONSTRAINT certificate_bindings_serial_key UNIQUE (serial_number, issuer_id)
);
CREATE INDEX certificate_bindings_principal ON certificate_bindings (principal_id);

CREATE TABLE idempotency (
  tenant text COLLATE "C" NOT NULL,
  principal_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  body_hash bytea NOT NULL,
  started_at timestamptz NOT NULL,
  certificate text COLLATE "C",
  PRIMARY KEY (tenant, principal_id, key)
);
CREATE INDEX idempotency_started_at ON idempotency (started_at);

-- Fencing numbers come from a sequence: a deleted row can't make them go back.
CREATE SEQUENCE lease_fence;
CREATE TABLE leases (
  name text COLLATE "C" PRIMARY KEY,
  holder text COLLATE "C" NOT NULL,
  fence bigint NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Insert-only. `canonical` (RFC 8785) holds every member, `details` among them.
CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  principal_id text COLLATE "C" NOT NULL,
  principal_name text NOT NULL,
  act text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  object text COLLATE "C" NOT NULL,
  canonical bytea NOT NULL
);
CREATE INDEX audit_act ON audit (act);
CREATE INDEX audit_object ON audit USING hash (object);
