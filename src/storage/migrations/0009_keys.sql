-- Up Migration

-- The key inventory (SP 800-57 Part 1 sections 6.2.3, 7, 9.2.1): what a key is for, where it stands, since
-- when, for how long, who holds it, and how it came there.

ALTER TABLE keys
  ADD COLUMN type text COLLATE "C" NOT NULL DEFAULT 'ca' CHECK (type IN
    ('ca', 'ocspResponder', 'httpsServer', 'selfTest', 'transcript', 'audit', 'trustBundle', 'notice', 'wrapping')),
  -- Versions under one record: a key that rotates keeps the record's name.
  ADD COLUMN record text COLLATE "C",
  ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version > 0),
  ADD COLUMN private_state text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (private_state IN
    ('pre-activation', 'active', 'suspended', 'deactivated', 'compromised', 'destroyed')),
  ADD COLUMN public_state text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (public_state IN
    ('pre-activation', 'active', 'suspended', 'deactivated', 'compromised', 'destroyed')),
  ADD COLUMN state_since timestamptz,
  ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT 'full' CHECK (scope IN ('full', 'status')),
  -- Cryptoperiod (section 5.3): protection is applied until the first, verified until the second.
  ADD COLUMN activated_at timestamptz,
  ADD COLUMN originator_usage_end timestamptz,
  ADD COLUMN recipient_usage_end timestamptz,
  -- Why the period is longer than the policy's.
  ADD COLUMN period_reason text,
  ADD COLUMN signature_limit bigint CHECK (signature_limit > 0),
  -- The issuer that it belongs to (its own, or whose status it answers), and the node that holds it.
  ADD COLUMN issuer_id text COLLATE "C",
  ADD COLUMN node text COLLATE "C",
  -- {"kind": "secondToken" | "tokenBackup" | "none", ...}: where copies of the private half are.
  ADD COLUMN backup jsonb;
UPDATE keys SET record = key_id, state_since = created_at, activated_at = created_at,
  issuer_id = (SELECT i.issuer_id FROM issuers i WHERE i.tenant = keys.tenant AND i.key_id = keys.key_id);
-- An issuer that waits for its certificate has not used its key; installing the chain activates it.
UPDATE keys SET private_state = 'pre-activation', public_state = 'pre-activation', activated_at = NULL
  WHERE NOT EXISTS (
    SELECT FROM issuers i WHERE i.tenant = keys.tenant AND i.key_id = keys.key_id AND i.state = 'active');
ALTER TABLE keys
  ALTER COLUMN record SET NOT NULL,
  ALTER COLUMN state_since SET NOT NULL,
  ALTER COLUMN type DROP DEFAULT,
  ALTER COLUMN private_state SET DEFAULT 'pre-activation',
  ALTER COLUMN public_state SET DEFAULT 'pre-activation',
  ADD CONSTRAINT keys_record_version_key UNIQUE (tenant, record, version);

-- Each step of each half, dated, attributed, reasoned; insert-only.
CREATE TABLE key_transitions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  half text COLLATE "C" NOT NULL CHECK (half IN ('private', 'public')),
  -- The number in SP 800-57 Part 1 section 7.
  number integer NOT NULL CHECK (number BETWEEN 1 AND 15),
  from_state text COLLATE "C",
  to_state text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  by_principal text NOT NULL,
  reason text NOT NULL CHECK (reason <> ''),
  approvals text[] NOT NULL DEFAULT '{}',
  details jsonb NOT NULL DEFAULT '{}',
  FOREIGN KEY (tenant, key_id) REFERENCES keys (tenant, key_id)
);
CREATE INDEX key_transitions_key ON key_transitions (tenant, key_id, id);
-- Keys of an older version were made and used before their life was recorded.
INSERT INTO key_transitions (tenant, key_id, half, number, from_state, to_state, at, by_principal, reason)
  SELECT k.tenant, k.key_id, h.half, s.number, s.from_state, s.to_state, k.created_at, k.owner,
    'recorded when the key inventory was introduced'
  FROM keys k, (VALUES ('private'), ('public')) AS h (half),
    (VALUES (1, NULL, 'pre-activation'), (4, 'pre-activation', 'active')) AS s (number, from_state, to_state)
  WHERE s.number = 1 OR k.private_state = 'active'
  ORDER BY k.created_at, k.key_id, h.half, s.number;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON key_transitions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON key_transitions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The transitions of SP 800-57 Part 1 section 7, exactly these.
CREATE FUNCTION is_key_transition(number integer, from_state text, to_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT EXISTS (SELECT FROM (VALUES
    (1, NULL, 'pre-activation'), (2, 'pre-activation', 'destroyed'), (3, 'pre-activation', 'compromised'),
    (4, 'pre-activation', 'active'), (5, 'active', 'destroyed'), (6, 'active', 'compromised'),
    (7, 'active', 'suspended'), (8, 'active', 'deactivated'), (9, 'suspended', 'destroyed'),
    (10, 'suspended', 'active'), (11, 'suspended', 'compromised'), (12, 'suspended', 'deactivated'),
    (13, 'deactivated', 'destroyed'), (14, 'deactivated', 'compromised'), (15, 'compromised', 'destroyed')
  ) AS t (n, a, b) WHERE t.n = number AND t.a IS NOT DISTINCT FROM from_state AND t.b = to_state)
$$;

-- A step begins where the key stands: the key's row is changed after its steps are written.
CREATE FUNCTION check_key_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  stands text;
BEGIN
  IF NEW.number <> 1 THEN
    SELECT CASE NEW.half WHEN 'private' THEN private_state ELSE public_state END INTO stands
      FROM keys WHERE tenant = NEW.tenant AND key_id = NEW.key_id FOR NO KEY UPDATE;
  END IF;
  IF NEW.from_state IS DISTINCT FROM stands
    OR NOT is_key_transition(NEW.number, NEW.from_state, NEW.to_state) THEN
    RAISE EXCEPTION 'key %: transition % from % to % is none of SP 800-57', NEW.key_id, NEW.number,
      NEW.from_state, NEW.to_state
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'key_transitions_step';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER key_step BEFORE INSERT ON key_transitions
  FOR EACH ROW EXECUTE FUNCTION check_key_step();

CREATE FUNCTION check_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  one text;
  before_state text;
  after_state text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.private_state, NEW.public_state) IS DISTINCT FROM ('pre-activation', 'pre-activation') THEN
      RAISE EXCEPTION 'key % begins in pre-activation', NEW.key_id
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'keys_transition';
    END IF;
    RETURN NEW;
  END IF;
  -- What a key is does not change; what may: its state, scope, period, limit, backup, block, place.
  IF to_jsonb(NEW) - '{private_state,public_state,state_since,scope,activated_at,originator_usage_end,recipient_usage_end,period_reason,signature_limit,backup,blocked_reason,attributes,token,node}'::text[]
    <> to_jsonb(OLD) - '{private_state,public_state,state_since,scope,activated_at,originator_usage_end,recipient_usage_end,period_reason,signature_limit,backup,blocked_reason,attributes,token,node}'::text[]
    OR (OLD.scope = 'status' AND NEW.scope <> 'status')
    OR (OLD.activated_at IS NOT NULL AND NEW.activated_at IS DISTINCT FROM OLD.activated_at)
  THEN
    RAISE EXCEPTION 'key % is kept as it was recorded', NEW.key_id
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'keys_transition';
  END IF;
  FOREACH one IN ARRAY ARRAY['private', 'public'] LOOP
    before_state := CASE one WHEN 'private' THEN OLD.private_state ELSE OLD.public_state END;
    after_state := CASE one WHEN 'private' THEN NEW.private_state ELSE NEW.public_state END;
    -- The step that leads there was written in this transaction, and is the last of that half.
    IF before_state <> after_state AND NOT EXISTS (
      SELECT FROM (
        SELECT t.from_state, t.to_state FROM key_transitions t
        WHERE t.tenant = NEW.tenant AND t.key_id = NEW.key_id AND t.half = one
        ORDER BY t.id DESC LIMIT 1
      ) AS last WHERE last.from_state = before_state AND last.to_state = after_state
    ) THEN
      RAISE EXCEPTION 'key %: its % half does not go from % to % without a record of it', NEW.key_id, one,
        before_state, after_state
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'keys_transition';
    END IF;
  END LOOP;
  RETURN NEW;
END
$$;
CREATE TRIGGER key_change BEFORE INSERT OR UPDATE ON keys
  FOR EACH ROW EXECUTE FUNCTION check_key_change();
CREATE TRIGGER no_delete BEFORE DELETE ON keys FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON keys FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who can use a key and who could (section 9.3): holders of a token's PIN, from when to when.
CREATE TABLE key_custodians (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  -- Of a token's keys all, or of one key.
  token_role text COLLATE "C" NOT NULL CHECK (token_role IN ('root', 'issuing', 'responder', 'software')),
  key_id text COLLATE "C",
  person text NOT NULL CHECK (person <> ''),
  -- holdsPin, holdsSecurityOfficerPin, holdsBackup, operatesModule ...
  duty text NOT NULL CHECK (duty <> ''),
  since timestamptz NOT NULL,
  until timestamptz,
  recorded_by text NOT NULL,
  ended_by text,
  comment text,
  CONSTRAINT key_custodians_end CHECK ((until IS NULL) = (ended_by IS NULL) AND (until IS NULL OR until >= since))
);
CREATE TRIGGER only_ended BEFORE UPDATE ON key_custodians FOR EACH ROW
  WHEN (OLD.until IS NOT NULL OR (to_jsonb(OLD) - '{until,ended_by}'::text[]) <> (to_jsonb(NEW) - '{until,ended_by}'::text[]))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON key_custodians FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Signatures by key and node. `signatures` is what the node's signer process counted, at least;
-- `allotted` what it may count up to: their sum never passes the key's limit.
CREATE TABLE key_usage (
  tenant text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  node text COLLATE "C" NOT NULL,
  signatures bigint NOT NULL DEFAULT 0 CHECK (signatures >= 0),
  allotted bigint NOT NULL DEFAULT 0 CHECK (allotted >= 0),
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, key_id, node),
  FOREIGN KEY (tenant, key_id) REFERENCES keys (tenant, key_id)
);
CREATE FUNCTION check_key_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'signatures of key % are only counted up', NEW.key_id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'key_usage_count';
END
$$;
CREATE TRIGGER counted_up BEFORE UPDATE ON key_usage FOR EACH ROW
  WHEN (NEW.signatures < OLD.signatures OR NEW.allotted < OLD.allotted
    OR (NEW.tenant, NEW.key_id, NEW.node) IS DISTINCT FROM (OLD.tenant, OLD.key_id, OLD.node))
  EXECUTE FUNCTION check_key_usage();
CREATE TRIGGER no_delete BEFORE DELETE ON key_usage FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Where and since when a public key is to be had by those who rely on it (section 8.1.5.1.1).
CREATE TABLE key_distributions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  -- caCertificate, trustBundle, parentCertificate, confirmed ...
  channel text NOT NULL,
  location text NOT NULL,
  sha256 bytea,
  at timestamptz NOT NULL,
  by_principal text NOT NULL,
  FOREIGN KEY (tenant, key_id) REFERENCES keys (tenant, key_id)
);
CREATE INDEX key_distributions_key ON key_distributions (tenant, key_id, id);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON key_distributions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What is kept to be shown: destructions, reconciliations, drills, backups, ceremonies, reports.
CREATE TABLE evidence (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind ~ '^[a-z][A-Za-z.]+$'),
  subject text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  by_principal text NOT NULL,
  document jsonb NOT NULL
);
CREATE INDEX evidence_kind ON evidence (tenant, kind, id);
CREATE INDEX evidence_subject ON evidence (tenant, subject, id);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON evidence
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON evidence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Where a key of the responder stands: it signs with it only while it is active.
CREATE VIEW ocsp_keys AS
  SELECT tenant, key_id, issuer_id, private_state, activated_at, originator_usage_end, signature_limit
  FROM keys
  WHERE type = 'ocspResponder';

-- They name tables without their schema, which no connection has on its search_path.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION check_key_step SET search_path = %I, pg_catalog, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION check_key_change SET search_path = %I, pg_catalog, pg_temp', current_schema());
END
$$;
