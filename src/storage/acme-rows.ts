import type {
  AccountAccess,
  AccountRecord,
  AuthorizationRecord,
  EabCredential,
  OrderRecord,
  ProblemDocument,
  RateLimitOverride,
  RenewalIncident,
} from '../acme/ports.ts';
import { given } from './certificate-rows.ts';
import type { Row } from './pool.ts';
import {
  date,
  hex,
  integer,
  json,
  optionalDate,
  optionalOctets,
  optionalText,
  optionalWord,
  text,
  texts,
  word,
} from './rows.ts';
import { credentialPrefix } from './sql/acme-accounts.ts';

const day = 86_400_000;

/** How long a row outlives what it says: whoever asks for it late is told what became of it. */
export function keptUntil(expiresAt: Date): Date {
  return new Date(expiresAt.getTime() + 30 * day);
}

function flag(row: Row, column: string): boolean {
  return row[column] === true;
}

function optionalJson<T>(row: Row, column: string): T | undefined {
  return row[column] === null ? undefined : json<T>(row, column);
}

export function accountOf(row: Row): AccountRecord {
  return {
    tenant: text(row, 'tenant'),
    directory: text(row, 'directory'),
    accountId: text(row, 'account_id'),
    status: word<AccountRecord['status']>(row, 'status'),
    key: json<AccountRecord['key']>(row, 'key'),
    thumbprint: text(row, 'thumbprint'),
    spkiHash: hex(row, 'spki_hash'),
    contact: texts(row, 'contact'),
    ...given('termsAgreedAt', optionalDate(row, 'terms_agreed_at')),
    ...given('kid', optionalText(row, 'kid')),
    ...given(
      'externalAccountBinding',
      optionalJson<Readonly<Record<string, string>>>(row, 'external_account_binding'),
    ),
    createdAt: date(row, 'created_at'),
    createdFrom: text(row, 'created_from'),
  };
}

/** A credential; `prefix` where its columns stand beside an account's. */
export function credentialOf(row: Row, prefix = ''): EabCredential {
  const at = (name: string): string => `${prefix}${name}`;
  return {
    tenant: text(row, at('tenant')),
    kid: text(row, at('kid')),
    directory: text(row, at('directory')),
    owner: text(row, at('owner')),
    secretId: text(row, at('secret_id')),
    allow: texts(row, at('allow')),
    challengeRequired: flag(row, at('challenge_required')),
    ...(row[at('profiles')] !== null && { profiles: texts(row, at('profiles')) }),
    ...(row[at('quota')] !== null && { quota: integer(row, at('quota')) }),
    issued: integer(row, at('issued')),
    singleUse: flag(row, at('single_use')),
    accounts: integer(row, at('accounts')),
    tags: texts(row, at('tags')),
    createdAt: date(row, at('created_at')),
    createdBy: text(row, at('created_by')),
    ...given('notAfter', optionalDate(row, at('not_after'))),
    ...given('revokedAt', optionalDate(row, at('revoked_at'))),
    ...given('revokedBy', optionalText(row, at('revoked_by'))),
  };
}

/** Undefined when the row of an outer join has no account. */
export function accessOf(row: Row): AccountAccess | undefined {
  if (row['account_id'] === null) return undefined;
  return {
    account: accountOf(row),
    ...(row[`${credentialPrefix}kid`] !== null && {
      credential: credentialOf(row, credentialPrefix),
    }),
    ownerDisabled: flag(row, 'owner_disabled'),
  };
}

export function orderOf(row: Row): OrderRecord {
  return {
    tenant: text(row, 'tenant'),
    directory: text(row, 'directory'),
    orderId: text(row, 'order_id'),
    accountId: text(row, 'account_id'),
    status: word<OrderRecord['status']>(row, 'status'),
    identifiers: json<OrderRecord['identifiers']>(row, 'identifiers'),
    authorizations: texts(row, 'authorizations'),
    profile: text(row, 'profile'),
    ...given('notBefore', optionalDate(row, 'not_before')),
    ...given('notAfter', optionalDate(row, 'not_after')),
    ...given('replaces', optionalText(row, 'replaces')),
    createdAt: date(row, 'created_at'),
    expiresAt: date(row, 'expires_at'),
    ...given('csr', optionalOctets(row, 'csr')),
    ...given('processingSince', optionalDate(row, 'processing_since')),
    attempts: integer(row, 'attempts'),
    ...given('issuerId', optionalText(row, 'issuer_id')),
    ...given('serialNumber', optionalText(row, 'serial_number')),
    ...given('error', optionalJson<ProblemDocument>(row, 'error')),
  };
}

export function authorizationOf(row: Row): AuthorizationRecord {
  return {
    tenant: text(row, 'tenant'),
    directory: text(row, 'directory'),
    authorizationId: text(row, 'authorization_id'),
    accountId: text(row, 'account_id'),
    identifier: {
      type: word<AuthorizationRecord['identifier']['type']>(row, 'identifier_type'),
      value: text(row, 'identifier_value'),
    },
    wildcard: flag(row, 'wildcard'),
    status: word<AuthorizationRecord['status']>(row, 'status'),
    expiresAt: date(row, 'expires_at'),
    createdAt: date(row, 'created_at'),
    token: text(row, 'token'),
    offered: texts(row, 'offered') as AuthorizationRecord['offered'],
    ...given(
      'attempted',
      optionalWord<NonNullable<AuthorizationRecord['attempted']>>(row, 'attempted'),
    ),
    challengeStatus: word<AuthorizationRecord['challengeStatus']>(row, 'challenge_status'),
    attempts: integer(row, 'attempts'),
    errors: json<AuthorizationRecord['errors']>(row, 'errors'),
    ...given('nextAttemptAt', optionalDate(row, 'next_attempt_at')),
    ...given('validatedAt', optionalDate(row, 'validated_at')),
    ...given('preauthorizedBy', optionalText(row, 'preauthorized_by')),
  };
}

export function overrideOf(row: Row): RateLimitOverride {
  return {
    tenant: text(row, 'tenant'),
    limit: text(row, 'limit_name'),
    key: text(row, 'key'),
    intervalMilliseconds: Number(row['interval_milliseconds']),
    burst: integer(row, 'burst'),
    notAfter: date(row, 'not_after'),
    ...given('comment', optionalText(row, 'comment')),
    createdAt: date(row, 'created_at'),
    createdBy: text(row, 'created_by'),
  };
}

export function incidentOf(row: Row): RenewalIncident {
  return {
    tenant: text(row, 'tenant'),
    incidentId: text(row, 'incident_id'),
    ...given('issuerId', optionalText(row, 'issuer_id')),
    ...given('profile', optionalText(row, 'profile')),
    issuedBefore: date(row, 'issued_before'),
    startsAt: date(row, 'starts_at'),
    endsAt: date(row, 'ends_at'),
    ...given('explanationUrl', optionalText(row, 'explanation_url')),
    createdAt: date(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    ...given('closedAt', optionalDate(row, 'closed_at')),
  };
}

/** A row of `incidents`, whose list of certificates is fixed: none that comes later is meant. */
export function incidentOfList(row: Row): RenewalIncident {
  return {
    tenant: text(row, 'tenant'),
    incidentId: text(row, 'id'),
    issuedBefore: new Date(8.64e15),
    startsAt: date(row, 'renew_from'),
    endsAt: date(row, 'renew_until'),
    ...given('explanationUrl', optionalText(row, 'explanation_url')),
    pacesRevoked: true,
    createdAt: date(row, 'opened_at'),
    createdBy: text(row, 'opened_by'),
  };
}
