/** Inventory records with the members that a test does not care about filled in. */
import { createHash, randomBytes } from 'node:crypto';
import type { AuditRecord } from '../../src/audit/ports.ts';
import type {
  CertificateRecord,
  CrlLedger,
  CrlRecord,
  IssuerRecord,
} from '../../src/authority/ports.ts';
import {
  defaultStatusPolicy,
  type StatusChange,
  type StatusState,
} from '../../src/domain/index.ts';

export const tenant = 'default';
export const issuerId = 'a1'.repeat(20);

/** SHA-256 in lower-case hex. */
export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A serial number of 18 octets, drawn anew. */
export function drawSerialNumber(): string {
  return `1b2c${randomBytes(16).toString('hex')}`;
}

/** A `prepared` certificate; its TBS is a SEQUENCE of random octets. */
export function preparedRecord(changes: Partial<CertificateRecord> = {}): CertificateRecord {
  const serialNumber = changes.serialNumber ?? drawSerialNumber();
  const tbsCertificate = changes.tbsCertificate ?? tbsOf(randomBytes(300));
  return {
    tenant,
    issuerId,
    serialNumber,
    origin: 'issued',
    issuanceState: 'prepared',
    status: { status: 'good' },
    type: 'endEntity',
    tbsCertificate,
    tbsSha256: sha256(tbsCertificate),
    profileName: 'tls-server',
    profileHash: sha256('tls-server'),
    subject: 'CN=a.example',
    names: ['DNS:a.example'],
    spkiHash: sha256(serialNumber),
    keyAlgorithm: '1.2.840.10045.3.1.7',
    signatureAlgorithm: '1.2.840.10045.4.3.2',
    policies: [],
    notBefore: new Date('2026-11-01T00:00:00Z'),
    notAfter: new Date('2027-02-01T00:00:00Z'),
    requestedAt: new Date('2026-11-21T10:00:00.123Z'),
    requestedBy: 'service-1',
    owner: 'team-a',
    tags: [],
    retentionClass: 'standard',
    shard: 0,
    requested: { dns: ['a.example'] },
    granted: { dns: ['a.example'] },
    ...changes,
  };
}

function tbsOf(content: Uint8Array): Uint8Array {
  const length = content.length;
  return Uint8Array.from([0x30, 0x82, length >> 8, length & 255, ...content]);
}

/** SEQUENCE { tbs, … }: what `markIssued` is given. */
export function certificateOver(tbs: Uint8Array, tail: Uint8Array = randomBytes(90)): Uint8Array {
  const length = tbs.length + tail.length;
  return Uint8Array.from([0x30, 0x82, length >> 8, length & 255, ...tbs, ...tail]);
}

export const heldSince = new Date('2026-11-21T11:00:00Z');

export const onHold: StatusState = {
  status: 'onHold',
  reasonCode: 'certificateHold',
  notGoodSince: heldSince,
  holdCause: 'investigation',
};

export const revoked: StatusState = {
  status: 'revoked',
  reasonCode: 'superseded',
  notGoodSince: heldSince,
};

/** A change as the act asks for it, at the hour of `heldSince`. */
export function change(
  act: StatusChange['act'],
  changes: Partial<StatusChange> = {},
): StatusChange {
  return {
    act,
    requestedAt: heldSince,
    requestedBy: 'admin',
    effectiveAt: heldSince,
    ...changes,
  };
}

export function issuerRecord(changes: Partial<IssuerRecord> = {}): IssuerRecord {
  return {
    tenant,
    issuerId,
    name: 'issuing',
    kind: 'subordinate',
    state: 'active',
    keyId: issuerId,
    tokenRole: 'issuing',
    certificate: Uint8Array.of(0x30, 0x01, 0x00),
    chain: [Uint8Array.of(0x30, 0x01, 0x01), Uint8Array.of(0x30, 0x01, 0x02)],
    subject: Uint8Array.of(0x30, 0x00),
    signatureAlgorithm: 'ecdsa-with-SHA256',
    profileName: 'issuing-ca',
    urls: { crl: 'http://h/crl', ocsp: 'http://h/ocsp', caIssuers: 'http://h/ca' },
    crlLifetimeSeconds: 86_400,
    statusPolicy: defaultStatusPolicy,
    createdAt: new Date('2026-11-20T00:00:00Z'),
    createdBy: 'admin',
    nameHashes: { sha1: '00', sha256: '01' },
    keyHashes: { sha1: '02', sha256: '03' },
    standing: 'issuing',
    ...changes,
  };
}

export function auditRecordOf(act: string, object: string): AuditRecord {
  const details = { number: 1, text: 'ü' };
  return {
    tenant,
    at: heldSince,
    principalId: 'p1',
    principalName: 'admin',
    act,
    outcome: 'done',
    object,
    details,
    canonical: new TextEncoder().encode(JSON.stringify({ act, details, object })),
  };
}

/** Reserves a number for a complete CRL and commits its intent, as a build does. */
export async function reservedCrl(
  crls: CrlLedger,
  now: Date,
  changes: Partial<CrlRecord> = {},
): Promise<CrlRecord> {
  const shard = changes.shard ?? 0;
  const record: CrlRecord = {
    tenant,
    issuerId,
    shard,
    kind: 'complete',
    crlNumber: await crls.reserveNumber(tenant, issuerId, shard, now),
    thisUpdate: now,
    nextUpdate: new Date(now.getTime() + 86_400_000),
    coversChange: 7n,
    ...changes,
  };
  await crls.insert(record);
  return record;
}
