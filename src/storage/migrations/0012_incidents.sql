-- Up Migration

-- Compromises and other incidents: what is affected is fixed when the incident is opened, what was done
-- is told by rows that only come, and how many subscribers have replaced theirs is counted from the
-- register whenever somebody asks. The jobs that hold or revoke are those of 0007.
CREATE TABLE incidents (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL CHECK (id ~ '^[0-9a-f]{16}$'),
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('keyCompromise', 'issuerCompromise', 'query')),
  -- As it was asked for; for people.
  selection jsonb NOT NULL,
  reason text NOT NULL CHECK (reason <> ''),
  reason_code text COLLATE "C",
  invalidity_date timestamptz,
  -- A rehearsal: no status, no key and no window is changed.
  drill boolean NOT NULL,
  -- SHA-256 of the compromised key, its record in the key inventory, and the issuer whose key it is.
  spki_hash bytea CHECK (octet_length(spki_hash) = 32),
  key_id text COLLATE "C",
  issuer_id text COLLATE "C",
  -- Who issues instead of a compromised issuer.
  reissue_by text COLLATE "C",
  -- Clients that ask for renewal information are told to renew between these (RFC 9773).
  renew_from timestamptz NOT NULL,
  renew_until timestamptz NOT NULL,
  explanation_url text,
  state text COLLATE "C" NOT NULL CHECK (state IN ('opened', 'acting', 'waiting', 'closed')),
  affected integer NOT NULL CHECK (affected >= 0),
  -- The job at work, or the last one.
  job text COLLATE "C",
  opened_at timestamptz NOT NULL,
  opened_by text NOT NULL,
  closed_at timestamptz,
  closed_by text,
  CONSTRAINT incidents_id_key UNIQUE (tenant, id),
  CONSTRAINT incidents_window CHECK (renew_until > renew_from),
  CONSTRAINT incidents_closed CHECK ((state = 'closed') = (closed_at IS NOT NULL)
    AND (closed_at IS NULL) = (closed_by IS NULL)),
  CONSTRAINT incidents_kind CHECK ((kind = 'query') = (spki_hash IS NULL)
    AND (kind = 'issuerCompromise') = (issuer_id IS NOT NULL))
);
CREATE INDEX incidents_open ON incidents (tenant) WHERE state <> 'closed';

CREATE FUNCTION check_incident_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(NEW) - '{state,affected,job,reason_code,reissue_by,closed_at,closed_by}'::text[]
      = to_jsonb(OLD) - '{state,affected,job,reason_code,reissue_by,closed_at,closed_by}'::text[]
    AND NEW.affected >= OLD.affected
    AND (NEW.state = OLD.state AND OLD.state <> 'closed'
      OR (OLD.state, NEW.state) IN (('opened', 'acting'), ('opened', 'closed'), ('acting', 'waiting'),
        ('waiting', 'acting'), ('waiting', 'closed')))
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'incident %: state % does not follow %', OLD.id, NEW.state, OLD.state
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'incidents_transition';
END
$$;
CREATE TRIGGER incident_change BEFORE UPDATE ON incidents
  FOR EACH ROW EXECUTE FUNCTION check_incident_change();
CREATE TRIGGER no_delete BEFORE DELETE ON incidents FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON incidents FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What is affected. One who has to replace a certificate is known by owner and names; NULL: nobody has
-- to, since it was revoked, expired or abandoned before, or the contents were purged.
CREATE TABLE incident_certificates (
  incident bigint NOT NULL REFERENCES incidents (sequence),
  -- No foreign key: rows of certificates are never deleted, and its check would lock each of them.
  certificate_id bigint NOT NULL,
  spki_hash bytea,
  subscriber bytea CHECK (octet_length(subscriber) = 32),
  PRIMARY KEY (incident, certificate_id)
);
-- Asked for each renewal information.
CREATE INDEX incident_certificates_certificate ON incident_certificates (certificate_id);
CREATE INDEX incident_certificates_subscriber ON incident_certificates (incident, subscriber)
  WHERE subscriber IS NOT NULL;
CREATE INDEX incident_certificates_key ON incident_certificates (incident, spki_hash);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON incident_certificates
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON incident_certificates
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE incident_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  incident bigint NOT NULL REFERENCES incidents (sequence),
  at timestamptz NOT NULL,
  by_principal text NOT NULL,
  event text COLLATE "C" NOT NULL CHECK (event ~ '^[a-z][A-Za-z]+$'),
  details jsonb NOT NULL
);
CREATE INDEX incident_events_incident ON incident_events (incident, id);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON incident_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON incident_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Owner and names, in any order; the subject stands for names that are not there.
CREATE FUNCTION incident_subscriber(owner text, names text[], subject text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(owner || E'\n' || COALESCE(NULLIF(array_to_string(ARRAY(
  SELECT n FROM unnest(names) AS n ORDER BY n COLLATE "C"), E'\n'), ''), subject), 'UTF8'));

-- Whoever answers for an issuer learns when its key was compromised, whatever its certificate's parent
-- says: nothing that it signed is good from then on (RFC 6960 section 2.7). It learns so of an issuer
-- that is closed as well: what a copy of its key signs may say any date.
CREATE OR REPLACE VIEW ocsp_issuers AS
  SELECT i.tenant, i.issuer_id, i.name, i.certificate, i.chain, i.name_hashes, i.key_hashes,
    i.status_policy,
    (SELECT min(t.at) FROM key_transitions t
      WHERE t.tenant = i.tenant AND t.key_id = i.key_id AND t.to_state = 'compromised') AS compromised_at
  FROM issuers i LEFT JOIN keys k ON k.tenant = i.tenant AND k.key_id = i.key_id
  WHERE i.state = 'active' AND k.private_state IS DISTINCT FROM 'pre-activation'
    AND (i.closed_at IS NULL OR EXISTS (SELECT FROM key_transitions t
      WHERE t.tenant = i.tenant AND t.key_id = i.key_id AND t.to_state = 'compromised'));
