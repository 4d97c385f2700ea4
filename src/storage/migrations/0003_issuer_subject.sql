-- Up Migration

-- A parent elsewhere may write our subject in another string type than our request (RFC 5280 section
-- 7.1 calls both the same name). What stands in the certificate counts, to the byte, so subject and
-- its hashes may be settled when the chain is installed, and never after.
CREATE OR REPLACE FUNCTION check_issuer_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'pending' AND NEW.state = 'active'
    AND to_jsonb(NEW) - '{state,certificate,chain,parent_issuer_id,subject,name_hashes}'::text[]
      = to_jsonb(OLD) - '{state,certificate,chain,parent_issuer_id,subject,name_hashes}'::text[]
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'issuer % is %: it is kept as it is', OLD.name, OLD.state
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'issuers_transition';
END
$$;
