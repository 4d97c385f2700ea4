-- Up Migration

-- What must not change is refused to everybody, the owner of the tables included: grants bind only the others.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: its rows are kept as they were written', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_insert_only';
END
$$;

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON status_changes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON status_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON issuance_outcomes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON issuance_outcomes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON certificates
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON certificates
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON certificate_status
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON certificate_status
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON crls
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON crls
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON crl_shards
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_certificate_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'certificate % of % is kept as it was prepared: only owner and tags may change',
    OLD.serial_number, OLD.issuer_id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'certificates_insert_only';
END
$$;
CREATE TRIGGER keep_as_prepared BEFORE UPDATE ON certificates FOR EACH ROW
  WHEN ((to_jsonb(OLD) - '{owner,tags}'::text[]) IS DISTINCT FROM (to_jsonb(NEW) - '{owner,tags}'::text[]))
  EXECUTE FUNCTION refuse_certificate_change();

-- The status machine (RFC 5280 section 5.3.1): revoked is final; a hold that becomes a revocation
-- keeps the start of the hold; of a revocation only the reason may still become keyCompromise.
CREATE FUNCTION check_status_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before_status text := 'good';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    before_status := OLD.status;
    IF (NEW.certificate_id, NEW.tenant, NEW.issuer_id, NEW.serial_number, NEW.shard, NEW.not_after)
      IS DISTINCT FROM (OLD.certificate_id, OLD.tenant, OLD.issuer_id, OLD.serial_number, OLD.shard, OLD.not_after)
    THEN
      RAISE EXCEPTION 'the certificate of a status is kept'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'certificate_status_transition';
    END IF;
    -- The alarm of a hold that is due is remembered without a change of status.
    IF OLD.status = 'onHold' AND OLD.hold_alarmed_at IS NULL AND NEW.hold_alarmed_at IS NOT NULL
      AND to_jsonb(NEW) - 'hold_alarmed_at' = to_jsonb(OLD) - 'hold_alarmed_at' THEN
      RETURN NEW;
    END IF;
    IF OLD.status <> 'good' AND NEW.status = 'revoked' AND NEW.not_good_since <> OLD.not_good_since THEN
      RAISE EXCEPTION 'certificate % was not good since %: that moment stays', OLD.serial_number, OLD.not_good_since
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'certificate_status_transition';
    END IF;
    IF OLD.status = 'revoked' AND NEW.status = 'revoked'
      AND NEW.reason_code = 'keyCompromise' AND OLD.reason_code <> 'keyCompromise'
    THEN
      RETURN NEW;
    END IF;
  END IF;
  IF (before_status = 'good' AND NEW.status IN ('onHold', 'revoked'))
    OR (before_status = 'onHold' AND NEW.status IN ('good', 'revoked'))
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'certificate %: status % does not follow %', NEW.serial_number, NEW.status, before_status
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'certificate_status_transition';
END
$$;
CREATE TRIGGER status_transition BEFORE INSERT OR UPDATE ON certificate_status
  FOR EACH ROW EXECUTE FUNCTION check_status_transition();

CREATE FUNCTION check_issuer_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'pending' AND NEW.state = 'active'
    AND to_jsonb(NEW) - '{state,certificate,chain,parent_issuer_id}'::text[]
      = to_jsonb(OLD) - '{state,certificate,chain,parent_issuer_id}'::text[]
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'issuer % is %: it is kept as it is', OLD.name, OLD.state
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'issuers_transition';
END
$$;
CREATE TRIGGER issuer_transition BEFORE UPDATE ON issuers
  FOR EACH ROW EXECUTE FUNCTION check_issuer_transition();

-- Numbers never go back (RFC 5280 section 5.2.3); what was published stays as it was.
CREATE FUNCTION check_crl_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.last_number > OLD.last_number THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'crlNumber % does not follow %', NEW.last_number, OLD.last_number
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crl_shards_number';
END
$$;
CREATE TRIGGER crl_number BEFORE UPDATE ON crl_shards
  FOR EACH ROW EXECUTE FUNCTION check_crl_number();

CREATE FUNCTION check_crl_publication() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.published_at IS NULL
    AND to_jsonb(NEW) - '{published_at,sha256,size,entries,covers_change,this_update,next_update}'::text[]
      = to_jsonb(OLD) - '{published_at,sha256,size,entries,covers_change,this_update,next_update}'::text[]
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'CRL % of % is kept as it was published', OLD.crl_number, OLD.issuer_id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crls_publication';
END
$$;
CREATE TRIGGER crl_publication BEFORE UPDATE ON crls
  FOR EACH ROW EXECUTE FUNCTION check_crl_publication();

-- What the responder may read.
CREATE VIEW ocsp_issuers AS
  SELECT tenant, issuer_id, name, certificate, chain, name_hashes, key_hashes
  FROM issuers WHERE state = 'active';

CREATE VIEW ocsp_status AS
  SELECT c.id AS certificate_id, c.tenant, c.issuer_id, c.serial_number, c.not_after,
    COALESCE(o.state, 'prepared') AS issuance_state,
    COALESCE(s.status, 'good') AS status,
    s.reason_code, s.not_good_since, s.invalidity_date
  FROM certificates c
    LEFT JOIN issuance_outcomes o ON o.certificate_id = c.id
    LEFT JOIN certificate_status s ON s.certificate_id = c.id;

CREATE VIEW ocsp_changes AS SELECT id, xid, certificate_id FROM changes;
