-- Up Migration

-- Shards, scopes and delta CRLs. What exists keeps its meaning: one shard 0 an issuer that speaks of
-- all its certificates, complete CRLs only.

-- How the issuer tells status, see StatusPolicy in src/domain.
ALTER TABLE issuers ADD COLUMN status_policy jsonb NOT NULL
  DEFAULT '{"crl": {"shards": 1, "scopes": "all", "keepExpired": false}, "ocsp": {"extendedRevoke": false}}';

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
  RAISE EXCEPTION 'issuer % is %: it is kept as it is', OLD.name, OLD.state
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'issuers_transition';
END
$$;

CREATE OR REPLACE VIEW ocsp_issuers AS
  SELECT tenant, issuer_id, name, certificate, chain, name_hashes, key_hashes, status_policy
  FROM issuers WHERE state = 'active';

ALTER TABLE crl_shards
  -- What the CRLs of the shard speak of (RFC 5280 section 5.2.5); never changes: it stands in them.
  ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'endEntity', 'ca')),
  ADD COLUMN opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- From then on no new certificate gets the shard.
  ADD COLUMN retired_at timestamptz,
  -- The latest notAfter among its certificates, settled once no issuance that saw it open can be under way.
  ADD COLUMN last_not_after timestamptz,
  -- A CRL later than last_not_after is published: nobody needs another (RFC 5280 section 3.3).
  ADD COLUMN ended_at timestamptz,
  ADD CONSTRAINT crl_shards_end CHECK (
    (last_not_after IS NULL OR retired_at IS NOT NULL) AND (ended_at IS NULL OR last_not_after IS NOT NULL)
  );

INSERT INTO crl_shards (tenant, issuer_id, shard, last_number, opened_at)
  SELECT tenant, issuer_id, 0, 0, created_at FROM issuers ON CONFLICT DO NOTHING;

-- Numbers never go back; scope stays; a retirement and what follows it are told once.
CREATE OR REPLACE FUNCTION check_crl_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.tenant, NEW.issuer_id, NEW.shard, NEW.scope, NEW.opened_at)
      IS NOT DISTINCT FROM (OLD.tenant, OLD.issuer_id, OLD.shard, OLD.scope, OLD.opened_at)
    AND NEW.last_number >= OLD.last_number
    AND (OLD.retired_at IS NULL OR NEW.retired_at = OLD.retired_at)
    AND (OLD.last_not_after IS NULL OR NEW.last_not_after = OLD.last_not_after)
    AND (NEW.last_number > OLD.last_number
      OR to_jsonb(NEW) <> to_jsonb(OLD))
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'crlNumber % does not follow %', NEW.last_number, OLD.last_number
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crl_shards_number';
END
$$;

ALTER TABLE crls
  ADD COLUMN kind text COLLATE "C" NOT NULL DEFAULT 'complete' CHECK (kind IN ('complete', 'delta')),
  -- The complete CRL that a delta builds upon (RFC 5280 section 5.2.4).
  ADD COLUMN base_crl_number bigint,
  -- Of a complete CRL that names where its deltas are (freshestCRL): how long each of them is valid.
  ADD COLUMN delta_seconds integer CHECK (delta_seconds IS NULL OR (delta_seconds > 0 AND kind = 'complete')),
  -- pg_current_snapshot of the reading of the entries: what it does not show changed since.
  ADD COLUMN snapshot text,
  -- Where that snapshot means something: the server's own identifier and the installation's serial
  -- prefix. A restore changes one of them, and the transaction ids of before say nothing any more.
  ADD COLUMN snapshot_epoch text,
  DROP CONSTRAINT crls_pkey,
  ADD PRIMARY KEY (tenant, issuer_id, shard, kind, crl_number),
  ADD CONSTRAINT crls_base CHECK ((kind = 'delta') = (base_crl_number IS NOT NULL)),
  ADD CONSTRAINT crls_base_not_later CHECK (base_crl_number <= crl_number),
  ADD CONSTRAINT crls_snapshot CHECK ((snapshot IS NULL) = (snapshot_epoch IS NULL));

-- Bases of deltas are few, and looked for at every turn of the schedule.
CREATE INDEX crls_announcing ON crls (tenant, issuer_id, shard, crl_number) WHERE delta_seconds IS NOT NULL;

CREATE OR REPLACE FUNCTION check_crl_publication() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.published_at IS NULL
    AND to_jsonb(NEW) - '{published_at,sha256,size,entries,covers_change,this_update,next_update,snapshot,snapshot_epoch}'::text[]
      = to_jsonb(OLD) - '{published_at,sha256,size,entries,covers_change,this_update,next_update,snapshot,snapshot_epoch}'::text[]
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'CRL % of % is kept as it was published', OLD.crl_number, OLD.issuer_id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crls_publication';
END
$$;
