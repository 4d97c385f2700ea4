-- Up Migration

-- Issuer rollover: where an issuer stands between its preparation and its last CRL, what follows it, and
-- the certificates that others of our issuers, or CAs elsewhere, made for its key.

ALTER TABLE issuers
  -- prepared: its certificate is out, it issues nothing yet. issuing. retiring: CRLs and OCSP delegates
  -- only. retired: its last certificate has expired and its last CRL is out.
  ADD COLUMN standing text COLLATE "C" NOT NULL DEFAULT 'issuing'
    CHECK (standing IN ('prepared', 'issuing', 'retiring', 'retired')),
  ADD COLUMN predecessor_id text COLLATE "C",
  ADD COLUMN successor_id text COLLATE "C",
  -- When a prepared issuer begins to issue.
  ADD COLUMN activate_at timestamptz,
  -- Of a retiring one: since when; the latest notAfter of what it issued, settled once no issuance that
  -- saw it issuing can be under way; and from when on not even delegates are certified.
  ADD COLUMN retiring_since timestamptz,
  ADD COLUMN last_not_after timestamptz,
  ADD COLUMN closed_at timestamptz,
  ADD CONSTRAINT issuers_retiring CHECK (
    (retiring_since IS NOT NULL) = (standing IN ('retiring', 'retired'))
    AND (last_not_after IS NULL OR retiring_since IS NOT NULL)
    AND (closed_at IS NULL OR last_not_after IS NOT NULL)
    AND (standing <> 'retired' OR closed_at IS NOT NULL)
  ),
  ADD CONSTRAINT issuers_predecessor FOREIGN KEY (tenant, predecessor_id) REFERENCES issuers (tenant, issuer_id),
  ADD CONSTRAINT issuers_successor FOREIGN KEY (tenant, successor_id) REFERENCES issuers (tenant, issuer_id);
ALTER TABLE issuers ALTER COLUMN standing DROP DEFAULT;

CREATE OR REPLACE FUNCTION check_issuer_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'pending' AND NEW.state = 'active'
    AND to_jsonb(NEW) - '{state,certificate,chain,parent_issuer_id,subject,name_hashes}'::text[]
      = to_jsonb(OLD) - '{state,certificate,chain,parent_issuer_id,subject,name_hashes}'::text[]
  THEN
    RETURN NEW;
  END IF;
  IF NEW.status_policy <> OLD.status_policy
    AND to_jsonb(NEW) - 'status_policy' = to_jsonb(OLD) - 'status_policy'
  THEN
    RETURN NEW;
  END IF;
  -- Forward only, one step at a time; what was settled stays.
  IF to_jsonb(NEW) - '{standing,successor_id,activate_at,retiring_since,last_not_after,closed_at}'::text[]
      = to_jsonb(OLD) - '{standing,successor_id,activate_at,retiring_since,last_not_after,closed_at}'::text[]
    AND to_jsonb(NEW) <> to_jsonb(OLD)
    AND (OLD.standing = NEW.standing
      OR (OLD.standing, NEW.standing) IN (('prepared', 'issuing'), ('issuing', 'retiring'), ('retiring', 'retired')))
    AND (OLD.state = 'active' OR OLD.standing = NEW.standing)
    AND (OLD.successor_id IS NOT DISTINCT FROM NEW.successor_id OR OLD.standing = 'issuing')
    AND (OLD.activate_at IS NOT DISTINCT FROM NEW.activate_at OR OLD.standing = 'prepared')
    AND (OLD.retiring_since IS NULL OR OLD.retiring_since IS NOT DISTINCT FROM NEW.retiring_since)
    AND (OLD.last_not_after IS NULL OR OLD.last_not_after IS NOT DISTINCT FROM NEW.last_not_after)
    AND (OLD.closed_at IS NULL OR OLD.closed_at IS NOT DISTINCT FROM NEW.closed_at)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'issuer % is % and %: it is kept as it is', OLD.name, OLD.state, OLD.standing
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'issuers_transition';
END
$$;

-- Certificates for the key of one of our issuers beside its own: link certificates of a root that is
-- followed (RFC 4210 section 4.4) and cross-certificates.
CREATE TABLE cross_certificates (
  tenant text COLLATE "C" NOT NULL,
  -- Whose key is certified.
  subject_issuer_id text COLLATE "C" NOT NULL,
  -- Stands in the address under which it is published; from 1, by subject.
  number integer NOT NULL CHECK (number > 0),
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('newWithOld', 'oldWithNew', 'cross')),
  -- Which of our issuers signed it; NULL: a CA elsewhere.
  signer_issuer_id text COLLATE "C",
  certificate bytea NOT NULL,
  -- Above it, its issuer first.
  chain bytea[] NOT NULL,
  not_after timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (tenant, subject_issuer_id, number),
  FOREIGN KEY (tenant, subject_issuer_id) REFERENCES issuers (tenant, issuer_id)
);
CREATE UNIQUE INDEX cross_certificates_certificate
  ON cross_certificates (tenant, subject_issuer_id, sha256(certificate));
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON cross_certificates
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON cross_certificates
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Status is told for issuers whose key is in use, until their last certificate has expired.
CREATE OR REPLACE VIEW ocsp_issuers AS
  SELECT i.tenant, i.issuer_id, i.name, i.certificate, i.chain, i.name_hashes, i.key_hashes, i.status_policy
  FROM issuers i LEFT JOIN keys k ON k.tenant = i.tenant AND k.key_id = i.key_id
  WHERE i.state = 'active' AND k.private_state IS DISTINCT FROM 'pre-activation' AND i.closed_at IS NULL;
