-- Up Migration

-- ACME (RFC 8555). Rows that change often keep the changing columns out of indexes where they can, so
-- that most updates touch the table only. No index that is not unique begins with the tenant: on tables
-- without statistics the planner would take it for every look-up by key. What must not change is refused to everybody by triggers
-- whose condition is an expression: a legal change costs no call.

CREATE FUNCTION refuse_acme_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION '%: % does not follow %, or what must stay would change', TG_ARGV[0],
      to_jsonb(NEW) ->> TG_ARGV[1], to_jsonb(OLD) ->> TG_ARGV[1]
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_' || TG_NAME;
  END IF;
  RAISE EXCEPTION '%: % is refused', TG_ARGV[0], TG_OP
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_' || TG_NAME;
END
$$;

-- Credentials of external account binding (section 7.3.4). The MAC key is derived, never stored.
CREATE TABLE acme_external_accounts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kid text COLLATE "C" NOT NULL,
  directory text COLLATE "C" NOT NULL,
  owner text NOT NULL,
  secret_id text COLLATE "C" NOT NULL,
  allow text[] NOT NULL,
  challenge_required boolean NOT NULL,
  profiles text[],
  quota integer CHECK (quota >= 0),
  issued integer NOT NULL DEFAULT 0,
  single_use boolean NOT NULL,
  accounts integer NOT NULL DEFAULT 0,
  tags text[] NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  not_after timestamptz,
  revoked_at timestamptz,
  revoked_by text,
  CONSTRAINT acme_external_accounts_kid_key UNIQUE (tenant, kid),
  CONSTRAINT acme_external_accounts_quota CHECK (issued >= 0 AND issued <= quota),
  CONSTRAINT acme_external_accounts_single_use CHECK (accounts >= 0 AND (accounts <= 1 OR NOT single_use)),
  -- Names that need no challenge are named one by one.
  CONSTRAINT acme_external_accounts_allow CHECK (challenge_required OR cardinality(allow) > 0),
  CONSTRAINT acme_external_accounts_revocation CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
) WITH (fillfactor = 70);

CREATE TRIGGER only_revoked_and_counted BEFORE UPDATE ON acme_external_accounts FOR EACH ROW
  WHEN ((NEW.id, NEW.tenant, NEW.kid, NEW.directory, NEW.owner, NEW.secret_id, NEW.allow,
      NEW.challenge_required, NEW.profiles, NEW.quota, NEW.single_use, NEW.tags, NEW.created_at,
      NEW.created_by, NEW.not_after)
    IS DISTINCT FROM (OLD.id, OLD.tenant, OLD.kid, OLD.directory, OLD.owner, OLD.secret_id, OLD.allow,
      OLD.challenge_required, OLD.profiles, OLD.quota, OLD.single_use, OLD.tags, OLD.created_at,
      OLD.created_by, OLD.not_after)
    OR NEW.issued < OLD.issued OR NEW.accounts < OLD.accounts
    OR (OLD.revoked_at IS NOT NULL AND NEW IS DISTINCT FROM OLD))
  EXECUTE FUNCTION refuse_acme_change('a credential is only revoked and counted', 'revoked_at');
CREATE TRIGGER no_delete BEFORE DELETE ON acme_external_accounts
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON acme_external_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- `key` and `external_account_binding` are json, not jsonb: they come back to the letter.
CREATE TABLE acme_accounts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  directory text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('valid', 'deactivated', 'revoked')),
  key json NOT NULL,
  thumbprint text COLLATE "C" NOT NULL,
  spki_hash bytea NOT NULL,
  contact text[] NOT NULL,
  terms_agreed_at timestamptz,
  kid text COLLATE "C",
  external_account_binding json,
  created_at timestamptz NOT NULL,
  created_from text NOT NULL,
  CONSTRAINT acme_accounts_account_id_key UNIQUE (account_id, tenant),
  -- Section 7.3.1: one account a key, whatever became of it.
  CONSTRAINT acme_accounts_thumbprint_key UNIQUE (thumbprint, tenant, directory),
  -- An account is never taken for unbound because its credential is not found.
  CONSTRAINT acme_accounts_kid_fkey FOREIGN KEY (tenant, kid)
    REFERENCES acme_external_accounts (tenant, kid)
) WITH (fillfactor = 80);
CREATE INDEX acme_accounts_spki_hash ON acme_accounts (spki_hash);
CREATE INDEX acme_accounts_kid ON acme_accounts (kid) WHERE kid IS NOT NULL;

-- Section 7.1.6: deactivated and revoked are final. Whoever is bound stays bound to that credential.
CREATE TRIGGER created_valid BEFORE INSERT ON acme_accounts FOR EACH ROW
  WHEN (NEW.status <> 'valid')
  EXECUTE FUNCTION refuse_acme_change('an account begins valid', 'status');
CREATE TRIGGER account_transition BEFORE UPDATE ON acme_accounts FOR EACH ROW
  WHEN (OLD.status <> 'valid'
    OR (NEW.id, NEW.tenant, NEW.directory, NEW.account_id, NEW.kid, NEW.created_at, NEW.created_from)
      IS DISTINCT FROM (OLD.id, OLD.tenant, OLD.directory, OLD.account_id, OLD.kid, OLD.created_at, OLD.created_from)
    OR NEW.external_account_binding::text IS DISTINCT FROM OLD.external_account_binding::text)
  EXECUTE FUNCTION refuse_acme_change('an account that is not valid is kept as it is', 'status');
CREATE TRIGGER no_delete BEFORE DELETE ON acme_accounts
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON acme_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE acme_orders (
  id bigint GENERATED ALWAYS AS IDENTITY,
  tenant text COLLATE "C" NOT NULL,
  directory text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL
    CHECK (status IN ('pending', 'ready', 'processing', 'valid', 'invalid')),
  identifiers jsonb NOT NULL,
  authorizations text[] NOT NULL,
  profile text COLLATE "C" NOT NULL,
  not_before timestamptz,
  not_after timestamptz,
  replaces text COLLATE "C",
  -- RFC 9773 section 5: of orders that are not invalid only one replaces a certificate.
  replacing text COLLATE "C" GENERATED ALWAYS AS (CASE WHEN status <> 'invalid' THEN replaces END) STORED,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- When the row may be deleted: long after its expiry, or the certificate's.
  kept_until timestamptz NOT NULL,
  csr bytea,
  processing_since timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  issuer_id text COLLATE "C",
  serial_number text COLLATE "C",
  error jsonb,
  PRIMARY KEY (order_id, tenant),
  -- Each identifier has an authorization of its own, at the same place.
  CONSTRAINT acme_orders_authorizations CHECK (
    jsonb_typeof(identifiers) = 'array' AND jsonb_array_length(identifiers) > 0
    AND jsonb_array_length(identifiers) = cardinality(authorizations)
  ),
  CONSTRAINT acme_orders_processing CHECK ((status = 'processing') = (processing_since IS NOT NULL)),
  CONSTRAINT acme_orders_certificate CHECK (
    status NOT IN ('processing', 'valid')
    OR (csr IS NOT NULL AND issuer_id IS NOT NULL AND serial_number IS NOT NULL)
  )
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX acme_orders_replacing ON acme_orders (replacing, tenant) WHERE replacing IS NOT NULL;
CREATE INDEX acme_orders_account ON acme_orders (account_id, id);
CREATE INDEX acme_orders_serial_number ON acme_orders (serial_number) WHERE serial_number IS NOT NULL;
CREATE INDEX acme_orders_processing_since ON acme_orders (processing_since, tenant)
  WHERE processing_since IS NOT NULL;
CREATE INDEX acme_orders_kept_until ON acme_orders (kept_until, tenant);

-- Section 7.1.6. Processing follows processing when an attempt came to nothing: with another serial
-- number, for the same CSR.
CREATE TRIGGER created_pending BEFORE INSERT ON acme_orders FOR EACH ROW
  WHEN (NEW.status NOT IN ('pending', 'ready') OR NEW.attempts <> 0)
  EXECUTE FUNCTION refuse_acme_change('an order begins pending or ready', 'status');
CREATE TRIGGER order_transition BEFORE UPDATE ON acme_orders FOR EACH ROW
  WHEN ((OLD.status, NEW.status) NOT IN (('pending', 'ready'), ('pending', 'invalid'),
      ('ready', 'processing'), ('ready', 'invalid'), ('processing', 'processing'),
      ('processing', 'valid'), ('processing', 'invalid'))
    OR (NEW.id, NEW.tenant, NEW.directory, NEW.order_id, NEW.account_id, NEW.identifiers,
        NEW.authorizations, NEW.profile, NEW.not_before, NEW.not_after, NEW.replaces, NEW.created_at,
        NEW.expires_at)
      IS DISTINCT FROM (OLD.id, OLD.tenant, OLD.directory, OLD.order_id, OLD.account_id, OLD.identifiers,
        OLD.authorizations, OLD.profile, OLD.not_before, OLD.not_after, OLD.replaces, OLD.created_at,
        OLD.expires_at)
    OR (OLD.csr IS NOT NULL AND NEW.csr IS DISTINCT FROM OLD.csr)
    OR (NEW.status = 'processing') <> (NEW.attempts = OLD.attempts + 1)
    OR (NEW.status <> 'processing' AND (NEW.attempts, NEW.csr, NEW.issuer_id, NEW.serial_number)
      IS DISTINCT FROM (OLD.attempts, OLD.csr, OLD.issuer_id, OLD.serial_number)))
  EXECUTE FUNCTION refuse_acme_change('an order', 'status');
CREATE TRIGGER no_delete BEFORE DELETE ON acme_orders FOR EACH ROW
  WHEN (OLD.status = 'processing')
  EXECUTE FUNCTION refuse_acme_change('an order that is processing', 'status');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON acme_orders
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE acme_authorizations (
  tenant text COLLATE "C" NOT NULL,
  directory text COLLATE "C" NOT NULL,
  authorization_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  identifier_type text COLLATE "C" NOT NULL CHECK (identifier_type IN ('dns', 'ip')),
  identifier_value text COLLATE "C" NOT NULL,
  wildcard boolean NOT NULL,
  status text COLLATE "C" NOT NULL
    CHECK (status IN ('pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked')),
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  kept_until timestamptz NOT NULL,
  token text COLLATE "C" NOT NULL,
  offered text[] NOT NULL CHECK (offered <@ ARRAY['http-01', 'dns-01', 'tls-alpn-01']),
  attempted text COLLATE "C" CHECK (attempted IS NULL OR attempted = ANY (offered)),
  challenge_status text COLLATE "C" NOT NULL
    CHECK (challenge_status IN ('pending', 'processing', 'valid', 'invalid')),
  attempts integer NOT NULL DEFAULT 0,
  errors jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(errors) = 'array'),
  next_attempt_at timestamptz,
  -- The node that took the challenge has it until then.
  claimed_until timestamptz,
  validated_at timestamptz,
  preauthorized_by text COLLATE "C",
  PRIMARY KEY (authorization_id, tenant),
  -- Section 7.1.4: the identifier stands without its `*.`.
  CONSTRAINT acme_authorizations_identifier CHECK (identifier_value NOT LIKE '*%' AND identifier_value <> ''),
  -- Sections 7.1.3 and 8: a wildcard is shown by dns-01 alone.
  CONSTRAINT acme_authorizations_wildcard CHECK (
    NOT wildcard OR (identifier_type = 'dns' AND offered <@ ARRAY['dns-01'])
  ),
  CONSTRAINT acme_authorizations_claim CHECK (
    claimed_until IS NULL OR (status = 'pending' AND challenge_status = 'processing')
  ),
  -- A challenge is valid when its authorization became so, and invalid alike.
  CONSTRAINT acme_authorizations_challenge CHECK (
    (status <> 'pending' OR challenge_status IN ('pending', 'processing'))
    AND (status <> 'invalid' OR challenge_status = 'invalid')
    AND (status <> 'valid' OR challenge_status = 'valid' OR preauthorized_by IS NOT NULL)
  )
) WITH (fillfactor = 70);
CREATE INDEX acme_authorizations_account
  ON acme_authorizations (account_id, identifier_value, expires_at);
CREATE INDEX acme_authorizations_claimed_until ON acme_authorizations (claimed_until, tenant)
  WHERE claimed_until IS NOT NULL;
CREATE INDEX acme_authorizations_kept_until ON acme_authorizations (kept_until, tenant);

CREATE TRIGGER created_pending BEFORE INSERT ON acme_authorizations FOR EACH ROW
  WHEN (NOT (NEW.status = 'pending' AND NEW.challenge_status = 'pending' AND NEW.attempted IS NULL
    OR NEW.status = 'valid' AND NEW.preauthorized_by IS NOT NULL))
  EXECUTE FUNCTION refuse_acme_change('an authorization begins pending, or authorised beforehand', 'status');
CREATE TRIGGER authorization_transition BEFORE UPDATE ON acme_authorizations FOR EACH ROW
  WHEN ((NEW.tenant, NEW.directory, NEW.authorization_id, NEW.account_id, NEW.identifier_type,
      NEW.identifier_value, NEW.wildcard, NEW.created_at, NEW.token, NEW.offered, NEW.preauthorized_by)
    IS DISTINCT FROM (OLD.tenant, OLD.directory, OLD.authorization_id, OLD.account_id, OLD.identifier_type,
      OLD.identifier_value, OLD.wildcard, OLD.created_at, OLD.token, OLD.offered, OLD.preauthorized_by)
    OR (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (('pending', 'valid'),
      ('pending', 'invalid'), ('pending', 'deactivated'), ('valid', 'deactivated'), ('valid', 'expired'),
      ('valid', 'revoked')))
    OR (OLD.challenge_status <> NEW.challenge_status AND (OLD.challenge_status, NEW.challenge_status)
      NOT IN (('pending', 'processing'), ('processing', 'valid'), ('processing', 'invalid')))
    OR (OLD.attempted IS NOT NULL AND NEW.attempted IS DISTINCT FROM OLD.attempted)
    OR (NEW.challenge_status <> 'pending' AND OLD.challenge_status = 'pending' AND NEW.attempted IS NULL)
    OR (OLD.status <> 'pending' AND (NEW.expires_at, NEW.attempted, NEW.challenge_status, NEW.attempts,
        NEW.errors, NEW.validated_at)
      IS DISTINCT FROM (OLD.expires_at, OLD.attempted, OLD.challenge_status, OLD.attempts,
        OLD.errors, OLD.validated_at))
    OR (NEW.status <> 'valid' AND NEW.expires_at <> OLD.expires_at)
    OR NEW.attempts < OLD.attempts OR jsonb_array_length(NEW.errors) < jsonb_array_length(OLD.errors))
  EXECUTE FUNCTION refuse_acme_change('an authorization', 'status');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON acme_authorizations
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which orders wait for an authorization.
CREATE TABLE acme_order_authorizations (
  tenant text COLLATE "C" NOT NULL,
  authorization_id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (authorization_id, order_id, tenant)
);
CREATE TRIGGER kept_as_inserted BEFORE UPDATE ON acme_order_authorizations
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Nonces that were spent; those that were not are nowhere.
CREATE TABLE acme_nonces (
  tenant text COLLATE "C" NOT NULL,
  nonce text COLLATE "C" NOT NULL,
  not_after timestamptz NOT NULL,
  PRIMARY KEY (nonce, tenant)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX acme_nonces_not_after ON acme_nonces (not_after, tenant);

-- The generic cell rate algorithm: of each key only the theoretical arrival time of the next request.
CREATE TABLE acme_rate_limits (
  tenant text COLLATE "C" NOT NULL,
  limit_name text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  theoretical_arrival timestamptz NOT NULL,
  PRIMARY KEY (key, limit_name, tenant)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE acme_rate_limit_overrides (
  tenant text COLLATE "C" NOT NULL,
  limit_name text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  interval_milliseconds double precision NOT NULL CHECK (interval_milliseconds >= 0),
  burst integer NOT NULL CHECK (burst >= 0),
  not_after timestamptz NOT NULL,
  comment text,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (tenant, limit_name, key)
);

-- Takes one from each limit or from none, and tells of the one that makes wait longest. Rows are made
-- and locked in the order of their keys, so that two calls never wait for each other; what is judged is
-- read after the locks. A function, because that takes several snapshots and must be one round trip.
CREATE FUNCTION acme_take_rate_limits(
  of_tenant text, moment timestamptz,
  limits text[], keys text[], intervals double precision[], bursts integer[]
) RETURNS TABLE (limited_by text, limited_key text, retry_at timestamptz)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  wanted integer;
  locked integer;
BEGIN
  SELECT count(*) INTO wanted FROM (SELECT DISTINCT l, k FROM unnest(limits, keys) AS r (l, k)) AS d;
  LOOP
    INSERT INTO acme_rate_limits (tenant, limit_name, key, theoretical_arrival)
      SELECT DISTINCT of_tenant, l COLLATE "C" AS l, k COLLATE "C" AS k, moment
      FROM unnest(limits, keys) AS r (l, k) ORDER BY k, l
      ON CONFLICT DO NOTHING;
    SELECT count(*) INTO locked FROM (
      SELECT FROM acme_rate_limits n
      WHERE n.tenant = of_tenant
        AND (n.key, n.limit_name) IN (SELECT k, l FROM unnest(limits, keys) AS r (l, k))
      ORDER BY n.key, n.limit_name FOR UPDATE
    ) AS rows;
    -- An idle row may have been deleted between the two.
    EXIT WHEN locked = wanted;
  END LOOP;
  RETURN QUERY
    WITH requested AS (
      SELECT DISTINCT ON (r.l, r.k) r.l, r.k,
        make_interval(secs => COALESCE(o.interval_milliseconds, r.i) / 1000) AS every,
        COALESCE(o.burst, r.b) AS burst
      FROM unnest(limits, keys, intervals, bursts) AS r (l, k, i, b)
        LEFT JOIN acme_rate_limit_overrides o ON o.tenant = of_tenant AND o.limit_name = r.l
          AND o.key = r.k AND o.not_after > moment
      ORDER BY r.l, r.k
    ), judged AS MATERIALIZED (
      SELECT q.l, q.k, greatest(n.theoretical_arrival, moment) + q.every AS arrival,
        greatest(n.theoretical_arrival, moment) + q.every - q.every * q.burst AS allowed_at
      FROM requested q JOIN acme_rate_limits n
        ON n.tenant = of_tenant AND n.limit_name = q.l AND n.key = q.k
    ), taken AS (
      UPDATE acme_rate_limits n SET theoretical_arrival = j.arrival
      FROM judged j
      WHERE n.tenant = of_tenant AND n.limit_name = j.l AND n.key = j.k
        AND NOT EXISTS (SELECT FROM judged d WHERE d.allowed_at > moment)
    )
    -- Callers count in milliseconds: rounded up, so that nobody comes too early.
    SELECT j.l, j.k, date_trunc('milliseconds', j.allowed_at + interval '999 microseconds')
    FROM judged j WHERE j.allowed_at > moment ORDER BY j.allowed_at DESC, j.l, j.k LIMIT 1;
END
$$;

-- RFC 9773 section 4.1: certificates to be renewed early.
CREATE TABLE acme_renewal_incidents (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  incident_id text COLLATE "C" NOT NULL,
  issuer_id text COLLATE "C",
  profile text COLLATE "C",
  issued_before timestamptz NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  explanation_url text,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  closed_at timestamptz,
  CONSTRAINT acme_renewal_incidents_incident_id_key UNIQUE (tenant, incident_id),
  CONSTRAINT acme_renewal_incidents_window CHECK (ends_at > starts_at)
);
CREATE TRIGGER only_closed BEFORE UPDATE ON acme_renewal_incidents FOR EACH ROW
  WHEN (OLD.closed_at IS NOT NULL
    OR to_jsonb(NEW) - 'closed_at' IS DISTINCT FROM to_jsonb(OLD) - 'closed_at')
  EXECUTE FUNCTION refuse_acme_change('an incident is only closed', 'closed_at');
