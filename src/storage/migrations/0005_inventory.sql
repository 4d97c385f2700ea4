-- Up Migration

-- Ten million certificates and more. What must be known for good is a narrow register that is never
-- deleted from; all that is said about a certificate (names, owner, the TBS) stands in partitions by the
-- month of its request, which can be emptied and dropped when the time of its retention class is over.
--
--   certificates              the register: who, which key, how long, which hashes; kept for good
--   certificate_contents      one partition a month; purged when the retention class says so
--   issuance_outcomes         the outcome for good; the signature until the purge

DROP VIEW ocsp_status;
DROP VIEW ocsp_changes;

ALTER TABLE prepared_certificates DROP CONSTRAINT prepared_certificates_certificate_id_fkey;
ALTER TABLE issuance_outcomes DROP CONSTRAINT issuance_outcomes_certificate_id_fkey;
ALTER TABLE certificate_status DROP CONSTRAINT certificate_status_certificate_id_fkey;
ALTER TABLE status_changes DROP CONSTRAINT status_changes_certificate_id_fkey;
ALTER TABLE changes DROP CONSTRAINT changes_certificate_id_fkey;

ALTER TABLE certificates RENAME TO former_certificates;
ALTER SEQUENCE certificates_id_seq RENAME TO former_certificates_id_seq;
ALTER TABLE former_certificates DROP CONSTRAINT certificates_issuer_serial_key;
ALTER INDEX certificates_pkey RENAME TO former_certificates_pkey;
DROP INDEX certificates_spki_hash, certificates_owner, certificates_requested_by,
  certificates_profile_name, certificates_not_after, certificates_requested_at, certificates_tags;
DROP INDEX IF EXISTS certificates_search_text, certificates_names;

CREATE TABLE certificates (
  id bigint GENERATED ALWAYS AS IDENTITY,
  requested_at timestamptz NOT NULL,
  not_before timestamptz NOT NULL,
  not_after timestamptz NOT NULL,
  purged_at timestamptz,
  shard integer NOT NULL DEFAULT 0 CHECK (shard >= 0),
  tenant text COLLATE "C" NOT NULL,
  -- No foreign key: its check would lock the issuer's row once for every certificate.
  issuer_id text COLLATE "C" NOT NULL CHECK (issuer_id <> ''),
  -- Hex without leading zeros, 20 octets at most (RFC 5280 section 4.1.2.2).
  serial_number text COLLATE "C" NOT NULL CHECK (serial_number ~ '^[1-9a-f][0-9a-f]{0,39}$'),
  type text COLLATE "C" NOT NULL CHECK (type IN ('endEntity', 'ca', 'ocspSigning')),
  retention_class text COLLATE "C" NOT NULL,
  origin text COLLATE "C" NOT NULL DEFAULT 'issued' CHECK (origin IN ('issued', 'imported')),
  -- Not known of a certificate of which only the serial number is.
  spki_hash bytea,
  -- Of the exact bytes that were committed before the signature: what is signed must have it.
  tbs_sha256 bytea CHECK (octet_length(tbs_sha256) = 32),
  -- Set by the purge, when the bytes go; of a certificate whose bytes are here they say it themselves.
  certificate_sha256 bytea CHECK (octet_length(certificate_sha256) = 32),
  CONSTRAINT certificates_validity CHECK (not_after >= not_before),
  CONSTRAINT certificates_purged CHECK (purged_at IS NULL OR purged_at > not_after)
);

INSERT INTO certificates (id, requested_at, not_before, not_after, shard, tenant, issuer_id,
    serial_number, type, retention_class, spki_hash, tbs_sha256)
  OVERRIDING SYSTEM VALUE
  SELECT id, requested_at, not_before, not_after, shard, tenant, issuer_id, serial_number, type,
    retention_class, spki_hash,
    CASE WHEN octet_length(tbs_certificate) > 0 THEN sha256(tbs_certificate) END
  FROM former_certificates ORDER BY id;
SELECT setval(pg_get_serial_sequence('certificates', 'id'),
  (SELECT COALESCE(max(id), 0) + 1 FROM former_certificates), false);

ALTER TABLE certificates
  ADD CONSTRAINT certificates_pkey PRIMARY KEY (id),
  -- Serial number first: it is looked up without the issuer, too. An issuer is of one tenant, so this
  -- is what RFC 5280 section 4.1.2.2 asks for.
  ADD CONSTRAINT certificates_issuer_serial_key UNIQUE (serial_number, issuer_id, tenant);
CREATE INDEX certificates_spki_hash ON certificates (spki_hash);
-- What the purge looks for, and what is about to expire: what is purged has expired.
CREATE INDEX certificates_not_after ON certificates (not_after) WHERE purged_at IS NULL;
CREATE INDEX certificates_purged_at ON certificates (id) WHERE purged_at IS NOT NULL;
-- Rows arrive in the order of time: block ranges find them for next to nothing.
CREATE INDEX certificates_requested_at ON certificates USING brin (requested_at);

-- No foreign key to the register: to attach a partition would then stop all issuance. A row comes in
-- one statement with its register row, and that is never deleted.
CREATE TABLE certificate_contents (
  certificate_id bigint NOT NULL,
  requested_at timestamptz NOT NULL,
  profile_name text COLLATE "C" NOT NULL,
  profile_hash bytea NOT NULL,
  subject text NOT NULL,
  names text[] NOT NULL,
  key_algorithm text COLLATE "C" NOT NULL,
  signature_algorithm text COLLATE "C" NOT NULL,
  policies text[] NOT NULL,
  requested_by text NOT NULL,
  owner text NOT NULL,
  tags text[] NOT NULL,
  notes text,
  approval text,
  idempotency_key text,
  replaces text COLLATE "C",
  requested jsonb NOT NULL,
  granted jsonb NOT NULL,
  tbs_certificate bytea NOT NULL
) PARTITION BY RANGE (requested_at);

-- The net below the partitions: what comes for a month that has none.
CREATE TABLE certificate_contents_default PARTITION OF certificate_contents DEFAULT;

CREATE FUNCTION content_partition_name(of_month date) RETURNS text LANGUAGE sql IMMUTABLE
RETURN 'certificate_contents_' || to_char(of_month, 'YYYY_MM');

CREATE FUNCTION attach_content_partition(of_month date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE certificate_contents ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
    content_partition_name(of_month),
    of_month::timestamp AT TIME ZONE 'UTC', (of_month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
END
$$;

-- Makes the partition of a month (UTC), detached from nothing: ATTACH lets others read and write on.
CREATE FUNCTION make_content_partition(of_month date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  name text := content_partition_name(of_month);
BEGIN
  IF to_regclass(format('%I', name)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE certificate_contents INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  PERFORM attach_content_partition(of_month);
  RETURN true;
END
$$;

DO $$
DECLARE
  of_month date;
BEGIN
  FOR of_month IN
    SELECT DISTINCT date_trunc('month', requested_at AT TIME ZONE 'UTC')::date FROM former_certificates
    UNION SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n))::date
      FROM generate_series(0, 3) n
    ORDER BY 1
  LOOP
    PERFORM make_content_partition(of_month);
  END LOOP;
END
$$;

INSERT INTO certificate_contents (certificate_id, requested_at, profile_name, profile_hash, subject,
    names, key_algorithm, signature_algorithm, policies, requested_by, owner, tags, approval,
    idempotency_key, replaces, requested, granted, tbs_certificate)
  SELECT id, requested_at, profile_name, profile_hash, subject, names, key_algorithm,
    signature_algorithm, policies, requested_by, owner, tags, approval, idempotency_key, replaces,
    requested, granted, tbs_certificate
  FROM former_certificates ORDER BY id;
DROP TABLE former_certificates;

-- Indexes of the parent are those of every partition.
ALTER TABLE certificate_contents ADD PRIMARY KEY (certificate_id, requested_at);
CREATE INDEX certificate_contents_owner ON certificate_contents (owner);
CREATE INDEX certificate_contents_requested_by ON certificate_contents (requested_by);
CREATE INDEX certificate_contents_profile_name ON certificate_contents (profile_name);
-- A small pending list: a writer that must empty a large one waits for hundreds of milliseconds.
CREATE INDEX certificate_contents_tags ON certificate_contents USING gin (tags)
  WITH (gin_pending_list_limit = 512) WHERE tags <> '{}';

-- Names and substrings are found by trigram where the extension can be had (0001 tried to make it).
DO $$
DECLARE
  opclass_schema text;
BEGIN
  SELECT n.nspname INTO opclass_schema
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
  IF opclass_schema IS NOT NULL THEN
    EXECUTE format(
      'CREATE INDEX certificate_contents_search_text ON certificate_contents USING gin '
      '(certificate_search_text(subject, names) %I.gin_trgm_ops) WITH (gin_pending_list_limit = 512)',
      opclass_schema);
  ELSE
    CREATE INDEX certificate_contents_names ON certificate_contents USING gin (names)
      WITH (gin_pending_list_limit = 512);
  END IF;
END
$$;

-- prepared_certificates goes without: its row comes in one statement with the register's.
ALTER TABLE issuance_outcomes ADD FOREIGN KEY (certificate_id) REFERENCES certificates (id);
ALTER TABLE certificate_status ADD FOREIGN KEY (certificate_id) REFERENCES certificates (id);
ALTER TABLE status_changes ADD FOREIGN KEY (certificate_id) REFERENCES certificates (id);
ALTER TABLE changes ADD FOREIGN KEY (certificate_id) REFERENCES certificates (id);

-- An issued certificate without its signature was purged, or only its serial number was imported.
ALTER TABLE issuance_outcomes DROP CONSTRAINT issuance_outcomes_issued_has_certificate;
ALTER TABLE issuance_outcomes ADD CONSTRAINT issuance_outcomes_certificate CHECK (
  (certificate_head IS NULL) = (certificate_tail IS NULL)
  AND (state = 'issued' OR certificate_head IS NULL)
);

-- Keeps the partitions of a moment's month and of the three after it, and empties the net below them.
-- A fixed form for the application, which may make no tables: it chooses a moment and nothing else.
-- Each lock is waited for a second at most: whoever reads or writes meanwhile must not queue behind it.
CREATE FUNCTION keep_content_partitions(moment timestamptz, OUT made integer, OUT moved bigint)
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$
DECLARE
  of_month date;
  one_month boolean;
BEGIN
  made := 0;
  moved := 0;
  -- Whoever sets its clock at will must not fill the catalogue.
  IF (SELECT count(*) FROM pg_catalog.pg_inherits WHERE inhparent = 'certificate_contents'::regclass) > 1200 THEN
    RAISE EXCEPTION 'certificate_contents has more than 1200 partitions: no more are made'
      USING ERRCODE = 'program_limit_exceeded';
  END IF;
  IF EXISTS (SELECT FROM certificate_contents_default) THEN
    ALTER TABLE certificate_contents DETACH PARTITION certificate_contents_default;
    ALTER TABLE certificate_contents_default RENAME TO certificate_contents_outside;
    SELECT min(of) = max(of), min(of), count(*) INTO one_month, of_month, moved
      FROM (SELECT date_trunc('month', requested_at AT TIME ZONE 'UTC')::date AS of
        FROM certificate_contents_outside) found;
    IF one_month THEN
      -- As it comes when the schedule stood still: the net itself becomes the partition. To copy a
      -- month of certificates would keep everybody waiting for minutes.
      EXECUTE format('ALTER TABLE certificate_contents_outside RENAME TO %I', content_partition_name(of_month));
      PERFORM attach_content_partition(of_month);
      made := made + 1;
    ELSE
      FOR of_month IN
        SELECT DISTINCT date_trunc('month', requested_at AT TIME ZONE 'UTC')::date
        FROM certificate_contents_outside
      LOOP
        IF make_content_partition(of_month) THEN made := made + 1; END IF;
      END LOOP;
      INSERT INTO certificate_contents SELECT * FROM certificate_contents_outside;
      DROP TABLE certificate_contents_outside;
    END IF;
    CREATE TABLE certificate_contents_default PARTITION OF certificate_contents DEFAULT;
  END IF;
  FOR of_month IN
    SELECT (date_trunc('month', moment AT TIME ZONE 'UTC') + make_interval(months => n))::date
    FROM generate_series(0, 3) n
  LOOP
    IF make_content_partition(of_month) THEN made := made + 1; END IF;
  END LOOP;
END
$$;

-- Drops partitions that the purge has emptied, of months that ended before a moment.
CREATE FUNCTION drop_empty_content_partitions(before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$
DECLARE
  part regclass;
  empty boolean;
  dropped integer := 0;
BEGIN
  FOR part IN
    SELECT c.oid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'certificate_contents'::regclass AND c.relname ~ '^certificate_contents_\d{4}_\d{2}$'
      AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month')::timestamp AT TIME ZONE 'UTC'
        <= least(before, clock_timestamp() - interval '1 day')
  LOOP
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', part) INTO empty;
    CONTINUE WHEN NOT empty;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', part) INTO empty;
    CONTINUE WHEN NOT empty;
    EXECUTE format('DROP TABLE %s', part);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END
$$;

-- pg_temp last: a temporary table must not stand in for one of ours.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION attach_content_partition SET search_path = %I, pg_catalog, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION make_content_partition SET search_path = %I, pg_catalog, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION keep_content_partitions SET search_path = %I, pg_catalog, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION drop_empty_content_partitions SET search_path = %I, pg_catalog, pg_temp', current_schema());
END
$$;

-- What must not change is refused to everybody, the owner of the tables included.
CREATE TRIGGER no_delete BEFORE DELETE ON certificates
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON certificates
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION refuse_certificate_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'certificate % is kept as it was prepared: only owner, tags and notes may change', TG_ARGV[0]
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_insert_only';
END
$$;

-- The register: purged once, after its expiry by the database's own clock, and never otherwise changed.
CREATE TRIGGER only_purged BEFORE UPDATE ON certificates FOR EACH ROW
  WHEN (OLD.purged_at IS NOT NULL OR NEW.purged_at IS NULL
    OR NEW.not_after >= clock_timestamp()
    OR (OLD.tbs_sha256 IS NOT NULL AND NEW.tbs_sha256 IS DISTINCT FROM OLD.tbs_sha256)
    OR (OLD.certificate_sha256 IS NOT NULL AND NEW.certificate_sha256 IS DISTINCT FROM OLD.certificate_sha256)
    OR (NEW.id, NEW.requested_at, NEW.not_before, NEW.not_after, NEW.shard, NEW.tenant, NEW.issuer_id,
        NEW.serial_number, NEW.type, NEW.retention_class, NEW.origin, NEW.spki_hash)
      IS DISTINCT FROM (OLD.id, OLD.requested_at, OLD.not_before, OLD.not_after, OLD.shard, OLD.tenant,
        OLD.issuer_id, OLD.serial_number, OLD.type, OLD.retention_class, OLD.origin, OLD.spki_hash))
  EXECUTE FUNCTION refuse_certificate_change('of the register');

CREATE TRIGGER keep_as_prepared BEFORE UPDATE ON certificate_contents FOR EACH ROW
  WHEN ((NEW.certificate_id, NEW.requested_at, NEW.profile_name, NEW.profile_hash, NEW.subject,
      NEW.names, NEW.key_algorithm, NEW.signature_algorithm, NEW.policies, NEW.requested_by,
      NEW.approval, NEW.idempotency_key, NEW.replaces, NEW.requested, NEW.granted, NEW.tbs_certificate)
    IS DISTINCT FROM (OLD.certificate_id, OLD.requested_at, OLD.profile_name, OLD.profile_hash, OLD.subject,
      OLD.names, OLD.key_algorithm, OLD.signature_algorithm, OLD.policies, OLD.requested_by,
      OLD.approval, OLD.idempotency_key, OLD.replaces, OLD.requested, OLD.granted, OLD.tbs_certificate))
  EXECUTE FUNCTION refuse_certificate_change('with its contents');

-- Contents and signatures go with the purge alone, which the register has witnessed before.
CREATE FUNCTION refuse_unless_purged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM certificates c WHERE c.id = OLD.certificate_id AND c.purged_at IS NOT NULL) THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  RAISE EXCEPTION '% on % is refused: certificate % is not purged', TG_OP, TG_TABLE_NAME, OLD.certificate_id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_insert_only';
END
$$;
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION refuse_unless_purged SET search_path = %I, pg_catalog, pg_temp', current_schema());
END
$$;
CREATE TRIGGER no_delete BEFORE DELETE ON certificate_contents
  FOR EACH ROW EXECUTE FUNCTION refuse_unless_purged();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON certificate_contents
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

DROP TRIGGER insert_only ON issuance_outcomes;
CREATE TRIGGER insert_only BEFORE DELETE ON issuance_outcomes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept_as_inserted BEFORE UPDATE ON issuance_outcomes FOR EACH ROW
  WHEN (NEW.certificate_head IS NOT NULL OR NEW.certificate_tail IS NOT NULL
    OR (NEW.certificate_id, NEW.state, NEW.settled_at)
      IS DISTINCT FROM (OLD.certificate_id, OLD.state, OLD.settled_at))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_purged BEFORE UPDATE ON issuance_outcomes
  FOR EACH ROW EXECUTE FUNCTION refuse_unless_purged();

-- CAs elsewhere whose certificates stand in this inventory: nothing is signed for them.
CREATE TABLE foreign_issuers (
  tenant text COLLATE "C" NOT NULL,
  issuer_id text COLLATE "C" NOT NULL CHECK (issuer_id ~ '^[0-9a-f]+$'),
  name text NOT NULL,
  certificate bytea NOT NULL,
  name_hashes jsonb NOT NULL,
  key_hashes jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (tenant, issuer_id),
  CONSTRAINT foreign_issuers_issuer_id_key UNIQUE (issuer_id),
  CONSTRAINT foreign_issuers_name_key UNIQUE (tenant, name)
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON foreign_issuers
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Changes are counted by shard, so that only shards that changed are built again. Before now there was one.
ALTER TABLE issuer_changes ADD COLUMN shard integer NOT NULL DEFAULT 0 CHECK (shard >= 0);
ALTER TABLE issuer_changes ALTER COLUMN shard DROP DEFAULT;
ALTER TABLE issuer_changes DROP CONSTRAINT issuer_changes_pkey;
ALTER TABLE issuer_changes ADD PRIMARY KEY (tenant, issuer_id, shard);

ALTER TABLE changes ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE changes ADD COLUMN shard integer NOT NULL DEFAULT 0;

-- The feed is pruned. Up to which transaction something is gone: whoever has not read so far starts anew.
CREATE TABLE feed_pruning (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  pruned_xid xid8 NOT NULL
);
INSERT INTO feed_pruning (pruned_xid) VALUES ('0');
CREATE TRIGGER no_delete BEFORE DELETE ON feed_pruning
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- What a responder may not have read yet is kept; rows of another cluster's transactions are none of ours.
CREATE TRIGGER no_delete BEFORE DELETE ON changes FOR EACH ROW
  WHEN (OLD.at > clock_timestamp() - interval '1 day'
    AND OLD.xid < pg_snapshot_xmax(pg_current_snapshot()))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept_as_inserted BEFORE UPDATE ON changes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE VIEW ocsp_status AS
  SELECT c.id AS certificate_id, c.tenant, c.issuer_id, c.serial_number, c.not_after,
    COALESCE(o.state, 'prepared') AS issuance_state,
    COALESCE(s.status, 'good') AS status,
    s.reason_code, s.not_good_since, s.invalidity_date
  FROM certificates c
    LEFT JOIN issuance_outcomes o ON o.certificate_id = c.id
    LEFT JOIN certificate_status s ON s.certificate_id = c.id;

CREATE VIEW ocsp_changes AS SELECT id, xid, certificate_id, at FROM changes;

CREATE VIEW ocsp_feed AS SELECT pruned_xid FROM feed_pruning;
