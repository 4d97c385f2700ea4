/** Facts of an installation in which everything is in order; tests change one of them at a time. */
import type { KeyFacts, ReportFacts } from '../../src/keys/index.ts';

export const reportTime = new Date('2026-11-21T12:00:00Z');
const day = 86_400_000;

/** So many days before the report. */
export function ago(days: number): Date {
  return new Date(reportTime.getTime() - days * day);
}

/** Everything of a type, however deep, may be changed. */
export type Mutable<T> = T extends Date | Uint8Array
  ? T
  : T extends readonly (infer U)[]
    ? Mutable<U>[]
    : T extends object
      ? { -readonly [K in keyof T]: Mutable<T[K]> }
      : T;

const rootId = 'aa'.repeat(20);
const issuingId = 'bb'.repeat(20);
const delegateId = 'cc'.repeat(20);
const serverId = 'dd'.repeat(20);
const goneId = 'ee'.repeat(20);
const lostId = 'ff'.repeat(20);
const heldId = 'ab'.repeat(20);
export const reportKeys = { rootId, issuingId, delegateId, serverId, goneId, lostId, heldId };

type Part = Partial<KeyFacts['record']> & { readonly keyId: string };

/** A key that lives in order: made, activated, with a certificate. */
function key(part: Part, more: Partial<KeyFacts> = {}): KeyFacts {
  const { keyId, tokenRole = 'issuing' } = part;
  const steps = (['private', 'public'] as const).flatMap((half) => [
    step(keyId, half, 1, undefined, 'pre-activation', ago(30)),
    step(keyId, half, 4, 'pre-activation', 'active', ago(29)),
  ]);
  return {
    record: {
      tenant: 'default',
      type: 'ca',
      record: keyId,
      version: 1,
      tokenRole,
      owner: 'admin',
      origin: 'generated',
      createdAt: ago(30),
      privateState: 'active',
      publicState: 'active',
      stateSince: ago(29),
      scope: 'full',
      cryptoperiod: { activatedAt: ago(29), originatorUsageEnd: ago(-300) },
      issuerId: keyId,
      backup: { kind: 'tokenBackup', location: 'safe 1', at: ago(3).toISOString() },
      purposes: ['certificate', 'crl', 'certificationRequest'],
      algorithm: 'ecdsa-with-SHA256',
      keyAlgorithm: 'p256',
      subjectPublicKeyInfo: Uint8Array.from(Buffer.from(keyId)),
      label: `key-${keyId.slice(0, 2)}`,
      token: {
        label: tokenRole,
        serialNumber: `serial-${tokenRole}`,
        manufacturer: 'Maker',
        model: 'Model',
        firmwareVersion: '1.0',
        hardware: true,
      },
      attributes: {
        token: true,
        private: true,
        sensitive: true,
        alwaysSensitive: true,
        extractable: false,
        neverExtractable: true,
        local: true,
        sign: true,
        decrypt: false,
        unwrap: false,
        derive: false,
        modifiable: false,
        copyable: false,
      },
      ...part,
    },
    transitions: steps,
    distributions: [
      {
        keyId,
        channel: 'caCertificate',
        location: `ca/${keyId}.cer`,
        sha256: '11'.repeat(32),
        at: ago(29),
        by: 'admin',
      },
    ],
    certificates: [
      {
        reference: `${rootId}/${keyId.slice(0, 20)}`,
        status: 'good',
        notBefore: ago(29),
        notAfter: ago(-300),
      },
    ],
    audited: steps.map(({ at }) => ({ act: 'key.activate', at })),
    ...more,
  };
}

function step(
  keyId: string,
  half: 'private' | 'public',
  number: KeyFacts['transitions'][number]['number'],
  from: KeyFacts['transitions'][number]['from'],
  to: KeyFacts['transitions'][number]['to'],
  at: Date,
): KeyFacts['transitions'][number] {
  return { id: BigInt(number), keyId, half, number, from, to, at, by: 'admin', reason: 'planned' };
}

/** Its life went on: one more step of both halves, or of each its own. */
function after(
  made: KeyFacts,
  steps: readonly (readonly [
    half: 'private' | 'public',
    number: KeyFacts['transitions'][number]['number'],
    to: KeyFacts['record']['privateState'],
  ])[],
  status: 'good' | 'onHold' | 'revoked',
): KeyFacts {
  const { keyId } = made.record;
  const more = steps.map(([half, number, to]) => step(keyId, half, number, 'active', to, ago(10)));
  const stateOf = (half: 'private' | 'public') =>
    more.find((one) => one.half === half)?.to ?? 'active';
  return {
    ...made,
    record: {
      ...made.record,
      privateState: stateOf('private'),
      publicState: stateOf('public'),
      stateSince: ago(10),
    },
    transitions: [...made.transitions, ...more],
    certificates: made.certificates.map((one) => ({ ...one, status })),
    audited: [
      ...made.audited,
      ...['key.destroy', 'key.compromised', 'key.suspend'].map((act) => ({ act, at: ago(10) })),
    ],
  };
}

function issuer(
  issuerId: string,
  name: string,
  parentIssuerId?: string,
): ReportFacts['issuers'][number] {
  return {
    issuerId,
    name,
    kind: parentIssuerId === undefined ? 'root' : 'subordinate',
    state: 'active',
    keyId: issuerId,
    parentIssuerId,
    certificate: {
      subjectAgrees: true,
      publicKeyAgrees: true,
      keyUsage: ['keyCertSign', 'cRLSign'],
      subjectKeyIdentifier: issuerId,
      authorityKeyIdentifier: parentIssuerId ?? issuerId,
      notAfter: ago(-3000),
      sha256: issuerId.slice(0, 2).repeat(32),
    },
    published: { path: `ca/${issuerId}.cer`, agrees: true },
    shards: [{ shard: 0, thisUpdate: ago(11), nextUpdate: ago(-1) }],
  };
}

let number = 0;
function evidence(
  kind: string,
  subject: string,
  days: number,
  document: Record<string, unknown> = {},
): ReportFacts['evidence'][number] {
  number += 1;
  return { id: String(number), kind, subject, at: ago(days), by: 'keeper', document };
}

export function goodFacts(): Mutable<ReportFacts> {
  number = 0;
  const ca = (keyId: string) => key({ keyId });
  const facts: ReportFacts = {
    at: reportTime,
    keys: [
      key({ keyId: rootId, tokenRole: 'root' }),
      ca(issuingId),
      key(
        {
          keyId: delegateId,
          type: 'ocspResponder',
          tokenRole: 'responder',
          owner: 'ocsp',
          purposes: ['ocspResponse', 'certificationRequest'],
          issuerId: issuingId,
          backup: { kind: 'none', reason: 'made anew' },
        },
        { distributions: [] },
      ),
      key(
        {
          keyId: serverId,
          type: 'httpsServer',
          tokenRole: 'software',
          purposes: [],
          issuerId: undefined,
          backup: { kind: 'none', reason: 'made anew' },
        },
        {
          distributions: [],
          certificates: [
            {
              reference: `${issuingId}/1234`,
              status: 'good',
              notBefore: ago(1),
              notAfter: ago(-6),
            },
          ],
        },
      ),
      after(
        ca(goneId),
        [
          ['private', 5, 'destroyed'],
          ['public', 8, 'deactivated'],
        ],
        'good',
      ),
      after(
        ca(lostId),
        [
          ['private', 6, 'compromised'],
          ['public', 6, 'compromised'],
        ],
        'revoked',
      ),
      after(
        ca(heldId),
        [
          ['private', 7, 'suspended'],
          ['public', 7, 'suspended'],
        ],
        'onHold',
      ),
    ],
    custodians: (['root', 'issuing', 'responder'] as const).map((tokenRole, index) => ({
      id: BigInt(index + 1),
      tokenRole,
      person: `Holder ${index + 1}`,
      duty: 'holdsPin',
      since: ago(40),
      recordedBy: 'admin',
    })),
    usage: ['node-1', 'node-2'].map((node) => ({
      keyId: issuingId,
      node,
      signatures: 100,
      allotted: 0,
      updatedAt: ago(0),
    })),
    evidence: [
      ...['root', 'issuing', 'responder/ocsp'].map((role) =>
        evidence('key.reconciliation', role, 0.5, { findings: [] }),
      ),
      evidence('backup', 'installation', 3, { outcome: 'done' }),
      evidence('ceremony', 'root', 30, {
        outcome: 'completed',
        made: ['aa'.repeat(32)],
        participants: ['custodian Ada', 'witness Grace'],
      }),
      evidence('drill.failover', 'issuing', 20, { outcome: 'done' }),
      evidence('drill.restore', 'installation', 20, { outcome: 'done' }),
      evidence('drill.compromise', 'issuing', 20, { outcome: 'done' }),
      evidence('audit.review', 'audit log', 20),
      evidence('practice.review', 'Auditor', 20),
      evidence('key.destruction', goneId, 10, { absent: true }),
    ],
    issuers: [
      issuer(rootId, 'root'),
      issuer(issuingId, 'issuing', rootId),
      ...[goneId, lostId, heldId].map((id) => issuer(id, id.slice(0, 4), rootId)),
    ],
    trustAnchors: ['aa'.repeat(32)],
    tokens: (['root', 'issuing', 'responder'] as const).map((role) => ({
      role,
      identity: key({ keyId: rootId, tokenRole: role }).record.token,
      selfTest: true,
      validation: 'CMVP 4321, FIPS 140-3 level 3',
    })),
    principals: (['administrator', 'operator', 'auditor'] as const).map((role) => ({
      name: `the-${role}`,
      role,
      createdAt: ago(40),
      createdBy: 'init',
      credentials: [{ id: `token-${role}`, createdAt: ago(10), notAfter: ago(-80) }],
    })),
    roles: {
      administrator: ['compromise:declare', 'keys:destroy', 'keys:manage', 'keys:read'],
      auditor: ['keys:read', 'reports:read'],
      operator: ['certificates:issue', 'keys:read'],
      system: ['keys:manage'],
    },
    audit: { looked: 1000, newest: ago(0), disagreeing: [] },
    certificates: { looked: 200, newest: ago(0), withoutProof: [], shortSerialNumbers: [] },
    periods: {
      report: 7 * 86_400,
      reconciliation: 86_400,
      rootReconciliation: 365 * 86_400,
      drills: 365 * 86_400,
      backups: 31 * 86_400,
      reviews: 365 * 86_400,
    },
    settings: { 'urls.https': 'https://pki.example.test:8443' },
  };
  return facts as Mutable<ReportFacts>;
}
