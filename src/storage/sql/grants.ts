import { inSchema, quoteIdentifier } from './names.ts';

/** What the application may do with each table; nothing else, and no DDL. */
const applicationRights: Readonly<Record<string, string>> = {
  installation: 'SELECT, INSERT, UPDATE',
  keys: 'SELECT, INSERT, UPDATE (private_state, public_state, state_since, scope, activated_at, originator_usage_end, recipient_usage_end, period_reason, signature_limit, backup, blocked_reason, attributes, token, node)',
  key_transitions: 'SELECT, INSERT',
  key_custodians: 'SELECT, INSERT, UPDATE (until, ended_by)',
  key_usage: 'SELECT, INSERT, UPDATE (signatures, allotted, updated_at)',
  key_distributions: 'SELECT, INSERT',
  evidence: 'SELECT, INSERT',
  issuers:
    'SELECT, INSERT, UPDATE (state, certificate, chain, parent_issuer_id, subject, name_hashes, status_policy, standing, successor_id, activate_at, retiring_since, last_not_after, closed_at)',
  cross_certificates: 'SELECT, INSERT',
  // UPDATE of some column is what SELECT … FOR UPDATE needs.
  certificates: 'SELECT, INSERT, UPDATE (purged_at, tbs_sha256, certificate_sha256)',
  // The partitions are reached through it. DELETE: what is purged, which a trigger sees to.
  certificate_contents: 'SELECT, INSERT, UPDATE (owner, tags, notes), DELETE',
  prepared_certificates: 'SELECT, INSERT, DELETE',
  issuance_outcomes: 'SELECT, INSERT, UPDATE (certificate_head, certificate_tail)',
  certificate_status:
    'SELECT, INSERT, UPDATE (status, reason_code, not_good_since, invalidity_date, hold_cause, hold_until, hold_then, hold_alarmed_at)',
  status_changes: 'SELECT, INSERT',
  changes: 'SELECT, INSERT, DELETE',
  feed_pruning: 'SELECT, UPDATE (pruned_xid)',
  foreign_issuers: 'SELECT, INSERT',
  issuer_changes: 'SELECT, INSERT, UPDATE (last_change)',
  blocked_keys: 'SELECT, INSERT',
  crl_shards: 'SELECT, INSERT, UPDATE (last_number, retired_at, last_not_after, ended_at)',
  crls: 'SELECT, INSERT, UPDATE (published_at, sha256, size, entries, covers_change, this_update, next_update, snapshot, snapshot_epoch)',
  principals: 'SELECT, INSERT, UPDATE (disabled_at)',
  credentials: 'SELECT, INSERT, UPDATE (revoked_at)',
  certificate_bindings: 'SELECT, INSERT',
  idempotency: 'SELECT, INSERT, UPDATE, DELETE',
  leases: 'SELECT, INSERT, UPDATE',
  audit: 'SELECT, INSERT',
  acme_external_accounts: 'SELECT, INSERT, UPDATE (issued, accounts, revoked_at, revoked_by)',
  acme_accounts:
    'SELECT, INSERT, UPDATE (status, key, thumbprint, spki_hash, contact, terms_agreed_at)',
  acme_orders:
    'SELECT, INSERT, UPDATE (status, csr, processing_since, attempts, issuer_id, serial_number, error, kept_until), DELETE',
  acme_authorizations:
    'SELECT, INSERT, UPDATE (status, expires_at, attempted, challenge_status, attempts, errors, next_attempt_at, claimed_until, validated_at, kept_until), DELETE',
  acme_order_authorizations: 'SELECT, INSERT, DELETE',
  acme_nonces: 'SELECT, INSERT, DELETE',
  acme_rate_limits: 'SELECT, INSERT, UPDATE (theoretical_arrival), DELETE',
  acme_rate_limit_overrides: 'SELECT, INSERT, UPDATE, DELETE',
  acme_renewal_incidents: 'SELECT, INSERT, UPDATE (closed_at)',
  bulk_jobs:
    'SELECT, INSERT, UPDATE (state, started_at, ended_at, fence, turn_at, items, pending, done, refused, skipped)',
  // DELETE: the items of jobs that are long over.
  bulk_job_items: 'SELECT, INSERT, UPDATE (state, code, reason), DELETE',
  incidents:
    'SELECT, INSERT, UPDATE (state, affected, job, reason_code, reissue_by, closed_at, closed_by)',
  incident_certificates: 'SELECT, INSERT',
  incident_events: 'SELECT, INSERT',
  migrations: 'SELECT',
};

/** What only the owner can do, in a fixed form: they run with its rights. */
const applicationFunctions = ['keep_content_partitions', 'drop_empty_content_partitions'] as const;

/** All that the responder may read. */
export const responderViews = [
  'ocsp_issuers',
  'ocsp_status',
  'ocsp_changes',
  'ocsp_feed',
  'ocsp_keys',
] as const;

/** Takes everything away and grants what is needed, so that what an older version granted too much is gone. */
export function grantStatements(
  schema: string,
  roles: { readonly app: string; readonly ocsp: string },
): readonly string[] {
  const app = quoteIdentifier(roles.app);
  const ocsp = quoteIdentifier(roles.ocsp);
  const name = quoteIdentifier(schema);
  return [
    `REVOKE ALL ON SCHEMA ${name} FROM PUBLIC, ${app}, ${ocsp}`,
    `REVOKE ALL ON ALL TABLES IN SCHEMA ${name} FROM PUBLIC, ${app}, ${ocsp}`,
    `REVOKE ALL ON ALL SEQUENCES IN SCHEMA ${name} FROM PUBLIC, ${app}, ${ocsp}`,
    `GRANT USAGE ON SCHEMA ${name} TO ${app}, ${ocsp}`,
    ...Object.entries(applicationRights).map(([table, rights]) =>
      inSchema(schema, `GRANT ${rights} ON {${table}} TO ${app}`),
    ),
    ...applicationFunctions.flatMap((name) => [
      inSchema(schema, `REVOKE ALL ON FUNCTION {${name}} FROM PUBLIC, ${ocsp}`),
      inSchema(schema, `GRANT EXECUTE ON FUNCTION {${name}} TO ${app}`),
    ]),
    inSchema(schema, `GRANT USAGE ON SEQUENCE {lease_fence} TO ${app}`),
    ...responderViews.map((view) => inSchema(schema, `GRANT SELECT ON {${view}} TO ${ocsp}`)),
  ];
}
