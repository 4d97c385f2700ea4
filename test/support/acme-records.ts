/** Rows of ACME with the members that a test does not care about filled in. */
import { randomBytes } from 'node:crypto';
import type {
  AccountRecord,
  AuthorizationRecord,
  EabCredential,
  Identifier,
  OrderRecord,
  ProblemDocument,
} from '../../src/acme/ports.ts';
import { sha256, tenant } from './inventory-records.ts';

export const directory = 'default';
export const at = new Date('2026-11-21T10:00:00.123Z');

/** `at`, so many seconds later. */
export function later(seconds: number): Date {
  return new Date(at.getTime() + seconds * 1000);
}

const week = 7 * 86_400;

function draw(octets = 16): string {
  return randomBytes(octets).toString('base64url');
}

export function accountRecord(changes: Partial<AccountRecord> = {}): AccountRecord {
  const thumbprint = draw(32);
  return {
    tenant,
    directory,
    accountId: draw(),
    status: 'valid',
    key: { crv: 'P-256', kty: 'EC', x: draw(32), y: draw(32) },
    thumbprint,
    spkiHash: sha256(thumbprint),
    contact: ['mailto:admin@example.org'],
    createdAt: at,
    createdFrom: '127.0.0.1',
    ...changes,
  };
}

export function credentialRecord(changes: Partial<EabCredential> = {}): EabCredential {
  return {
    tenant,
    kid: draw(),
    directory,
    owner: 'team-a',
    secretId: '00112233aabbccdd',
    allow: [],
    challengeRequired: true,
    issued: 0,
    singleUse: false,
    accounts: 0,
    tags: [],
    createdAt: at,
    createdBy: 'admin',
    ...changes,
  };
}

export function dns(value: string): Identifier {
  return { type: 'dns', value };
}

export function authorizationRecord(
  changes: Partial<AuthorizationRecord> = {},
): AuthorizationRecord {
  return {
    tenant,
    directory,
    authorizationId: draw(),
    accountId: 'account',
    identifier: dns('a.example'),
    wildcard: false,
    status: 'pending',
    expiresAt: later(week),
    createdAt: at,
    token: draw(32),
    offered: ['http-01', 'dns-01', 'tls-alpn-01'],
    challengeStatus: 'pending',
    attempts: 0,
    errors: [],
    ...changes,
  };
}

/** An order over these authorizations, as one places it. */
export function orderRecord(
  authorizations: readonly AuthorizationRecord[],
  changes: Partial<OrderRecord> = {},
): OrderRecord {
  return {
    tenant,
    directory,
    orderId: draw(),
    accountId: authorizations[0]?.accountId ?? 'account',
    status: authorizations.every((one) => one.status === 'valid') ? 'ready' : 'pending',
    identifiers: authorizations.map(({ identifier, wildcard }) => ({
      type: identifier.type,
      value: wildcard ? `*.${identifier.value}` : identifier.value,
    })),
    authorizations: authorizations.map((one) => one.authorizationId),
    profile: 'tls-server',
    createdAt: at,
    expiresAt: later(week),
    attempts: 0,
    ...changes,
  };
}

export function problem(detail: string): ProblemDocument {
  return { type: 'urn:ietf:params:acme:error:connection', detail, status: 400 };
}
