-- Up Migration

-- Acts on many certificates. The list of a job is fixed when it is made; what was done to each stays
-- until the job is long over. The evidence is the audit log and the status history, not these tables.
CREATE TABLE bulk_jobs (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL CHECK (id ~ '^[0-9a-f]{16}$'),
  parameters jsonb NOT NULL,
  selection jsonb NOT NULL,
  includes_issuers boolean NOT NULL,
  requested_by_id text COLLATE "C" NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('planned', 'running', 'stopped', 'done')),
  started_at timestamptz,
  ended_at timestamptz,
  -- Whoever works on a job later has a higher fencing number; a node that was stopped meanwhile ends.
  fence bigint NOT NULL DEFAULT 0,
  -- When it last had its turn: jobs take turns.
  turn_at timestamptz,
  items integer NOT NULL CHECK (items >= 0),
  pending integer NOT NULL CHECK (pending >= 0),
  done integer NOT NULL CHECK (done >= 0),
  refused integer NOT NULL CHECK (refused >= 0),
  skipped integer NOT NULL CHECK (skipped >= 0),
  CONSTRAINT bulk_jobs_id_key UNIQUE (tenant, id),
  CONSTRAINT bulk_jobs_counts CHECK (items = pending + done + refused + skipped),
  CONSTRAINT bulk_jobs_done_is_whole CHECK (state <> 'done' OR pending = 0),
  CONSTRAINT bulk_jobs_ended CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'stopped')))
) WITH (fillfactor = 50);
CREATE INDEX bulk_jobs_open ON bulk_jobs (tenant) WHERE state IN ('planned', 'running');

CREATE TABLE bulk_job_items (
  job bigint NOT NULL REFERENCES bulk_jobs (sequence),
  position integer NOT NULL CHECK (position >= 0),
  -- No foreign key: rows of certificates are never deleted, and its check would lock each of them.
  certificate_id bigint,
  -- Only of one that nobody has: the others' stands with the certificate.
  serial_number text COLLATE "C",
  state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'done', 'refused', 'skipped')),
  code text COLLATE "C",
  reason text,
  PRIMARY KEY (job, position),
  CONSTRAINT bulk_job_items_certificate CHECK ((certificate_id IS NULL) = (serial_number IS NOT NULL)),
  CONSTRAINT bulk_job_items_refused CHECK ((state = 'refused') = (code IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX bulk_job_items_pending ON bulk_job_items (job, position) WHERE state = 'pending';
-- Finds a swept certificate among the pending ones, and refuses a certificate that is in a job twice.
CREATE UNIQUE INDEX bulk_job_items_certificate_key ON bulk_job_items (job, certificate_id)
  WHERE certificate_id IS NOT NULL;
CREATE INDEX bulk_job_items_unfit ON bulk_job_items (job, position)
  WHERE state IN ('refused', 'skipped');

-- Forward only: pending becomes something, once; done is final for the job as well.
CREATE FUNCTION check_bulk_job_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.sequence, NEW.tenant, NEW.id, NEW.parameters, NEW.requested_by_id, NEW.includes_issuers)
      IS NOT DISTINCT FROM (OLD.sequence, OLD.tenant, OLD.id, OLD.parameters, OLD.requested_by_id, OLD.includes_issuers)
    AND NEW.fence >= OLD.fence
    AND (NEW.state = OLD.state AND OLD.state <> 'done'
      -- planned to done: begun and finished by one batch.
      OR (OLD.state, NEW.state) IN (('planned', 'running'), ('planned', 'stopped'), ('planned', 'done'),
        ('running', 'stopped'), ('running', 'done'), ('stopped', 'running')))
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'job %: state % does not follow %', OLD.id, NEW.state, OLD.state
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'bulk_jobs_transition';
END
$$;
CREATE TRIGGER bulk_job_transition BEFORE UPDATE ON bulk_jobs
  FOR EACH ROW EXECUTE FUNCTION check_bulk_job_transition();
CREATE TRIGGER no_delete BEFORE DELETE ON bulk_jobs
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON bulk_jobs
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_bulk_item_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'item % of a job is %: it is settled once', OLD.position, OLD.state
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'bulk_job_items_settled';
END
$$;
CREATE TRIGGER settled_once BEFORE UPDATE ON bulk_job_items
  FOR EACH ROW WHEN (OLD.state <> 'pending' OR NEW.state = 'pending'
    OR OLD.certificate_id IS DISTINCT FROM NEW.certificate_id)
  EXECUTE FUNCTION check_bulk_item_settled();

-- Few certificates have notes, so what finds them is small.
DO $$
DECLARE
  opclass_schema text;
BEGIN
  SELECT n.nspname INTO opclass_schema
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
  IF opclass_schema IS NOT NULL THEN
    EXECUTE format(
      'CREATE INDEX certificate_contents_notes ON certificate_contents USING gin '
      '(lower(notes) %I.gin_trgm_ops) WITH (gin_pending_list_limit = 512) WHERE notes IS NOT NULL',
      opclass_schema);
  ELSE
    CREATE INDEX certificate_contents_notes ON certificate_contents (certificate_id)
      WHERE notes IS NOT NULL;
  END IF;
END
$$;
