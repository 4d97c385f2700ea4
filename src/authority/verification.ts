import { auditRecord } from '../audit/index.ts';
import type { StoredAuditRecord } from '../audit/ports.ts';
import { initialStatus, isChanceryError, nextStatus, type StatusState } from '../domain/index.ts';
import {
  type Certificate,
  findExtension,
  formatDistinguishedName,
  formatGeneralName,
  keyIdentifierHex,
  oids,
  parseBasicConstraints,
  parseCertificate,
  parseCertificatePolicies,
  parseSubjectAltName,
  resolveSignatureAlgorithm,
  verifySignature,
} from '../pkix/index.ts';
import { AuditedActs } from './audited-acts.ts';
import { importedProblems, importersOf } from './import-verification.ts';
import { certificateReference, spkiHash } from './issuance-core.ts';
import { keyHashesOf, nameHashesOf } from './issuer-key.ts';
import { verifyKeys } from './key-verification.ts';
import { type LoadedIssuer, loadedIssuers } from './loaded-issuers.ts';
import { sameBytes, sha256 } from './octets.ts';
import type {
  CertificateRecord,
  CrlRecord,
  Publisher,
  StoredStatusChange,
  UnitOfWork,
} from './ports.ts';
import { checkContents } from './verified-contents.ts';
import { type Report, VerifiedCrls } from './verified-crls.ts';

/** One disagreement: which object, and what is wrong with it. */
export interface Finding {
  readonly object: string;
  readonly problem: string;
}

export interface VerificationReport {
  readonly certificates: number;
  readonly statusChanges: number;
  readonly crls: number;
  readonly keys: number;
  readonly auditRecords: number;
  readonly findings: readonly Finding[];
}

/** Streams of whole tables, as the storage gives them. */
export interface VerificationSource {
  certificates(): AsyncIterable<readonly CertificateRecord[]>;
  /** Contents without a row in the register, or of another moment: their certificates' numbers. */
  strayContents(): AsyncIterable<readonly bigint[]>;
  /** Ids of the CAs elsewhere whose certificates are kept here. */
  foreignIssuers(): Promise<ReadonlySet<string>>;
  statusChanges(): AsyncIterable<readonly StoredStatusChange[]>;
  crls(): AsyncIterable<readonly CrlRecord[]>;
  auditRecords(): AsyncIterable<readonly StoredAuditRecord[]>;
}

export interface VerificationInput {
  readonly source: VerificationSource;
  readonly unitOfWork: UnitOfWork;
  readonly publisher: Publisher;
  readonly tenant: string;
  readonly now: Date;
  /** A `prepared` row older than this is one that nobody settled. */
  readonly settleAfterSeconds: number;
  /** Rows read so far. */
  readonly progress: (rows: number) => void;
}

/**
 * Compares every column with its DER, every signature, every state with its history, every CRL
 * number and published file, and every audit record with its canonical bytes. Changes nothing.
 */
export async function verifyInventory(input: VerificationInput): Promise<VerificationReport> {
  const findings: Finding[] = [];
  const report: Report = (object, problem) => {
    findings.push({ object, problem });
  };
  let rows = 0;
  const count = (length: number): number => {
    rows += length;
    input.progress(rows);
    return length;
  };
  const issuers = new Map(
    (await loadedIssuers(input.unitOfWork, input.tenant, undefined).all()).map((issuer) => [
      issuer.record.issuerId,
      issuer,
    ]),
  );
  for (const issuer of issuers.values()) {
    checkIssuer(issuer, report);
  }

  const foreign = await input.source.foreignIssuers();
  const importers = await importersOf(input.unitOfWork, input.tenant, issuers.values());
  const published = await VerifiedCrls.read(input.publisher, issuers, report);
  const histories = new Map<string, StatusState>();
  // The streams are no one snapshot: a change may have come between. Each suspect is read again in one.
  const suspects: CertificateRecord[] = [];
  const acts = new AuditedActs();
  let statusChanges = 0;
  for await (const chunk of input.source.statusChanges()) {
    statusChanges += count(chunk.length);
    for (const change of chunk) {
      replay(histories, change, report);
      acts.changed(certificateReference(change));
    }
  }
  let certificates = 0;
  for await (const chunk of input.source.certificates()) {
    certificates += count(chunk.length);
    for (const record of chunk) {
      const reference = certificateReference(record);
      if (!statusAgrees(record, histories.get(reference))) {
        suspects.push(record);
      }
      histories.delete(reference);
      published.account(record);
      if (checkContents(record, report)) {
        const issuer = issuers.get(record.issuerId);
        if (record.origin === 'imported') {
          for (const problem of importedProblems(record, importers)) report(reference, problem);
        } else if (issuer === undefined && foreign.has(record.issuerId)) {
          report(reference, 'belongs to a CA elsewhere and was not imported');
        } else {
          checkCertificate(record, issuer, input, report);
        }
      } else if (!issuers.has(record.issuerId) && !foreign.has(record.issuerId)) {
        report(reference, 'belongs to an issuer that does not exist');
      }
    }
  }
  for await (const chunk of input.source.strayContents()) {
    for (const id of chunk) {
      report(`contents of certificate ${id}`, 'belong to no row of the register');
    }
  }
  for (const suspect of suspects) {
    await recheckStatus(input, suspect, report);
  }
  for (const orphan of histories.keys()) {
    report(orphan, 'has a status history but no certificate row');
  }
  await published.settle(input.unitOfWork, input.tenant);
  const crls = await published.checkLedger(input.source.crls(), input.publisher, count);
  let auditRecords = 0;
  for await (const chunk of input.source.auditRecords()) {
    auditRecords += count(chunk.length);
    for (const record of chunk) {
      checkAuditRecord(record, report);
      acts.audited(record);
    }
  }
  await acts.compare(input, report);
  const keys = await verifyKeys(input.unitOfWork, input.tenant, report);
  return { certificates, statusChanges, crls, keys, auditRecords, findings };
}

function checkIssuer(
  { record, signing, subjectPublicKeyInfo }: LoadedIssuer,
  report: Report,
): void {
  const { certificate } = signing;
  if (certificate === undefined) {
    return;
  }
  if (!sameBytes(certificate.subjectPublicKeyInfo.der, subjectPublicKeyInfo.der)) {
    report(record.issuerId, 'the issuer’s certificate is for another key than its key record');
  }
  if (!sameBytes(certificate.subject.der, record.subject)) {
    report(record.issuerId, 'the issuer’s subject column differs from its certificate');
  }
  if (keyIdentifierHex(subjectPublicKeyInfo) !== record.issuerId) {
    report(record.issuerId, 'the issuer’s id is not the identifier of its key');
  }
  if (
    !sameHashes(record.nameHashes, nameHashesOf(certificate.subject)) ||
    !sameHashes(record.keyHashes, keyHashesOf(subjectPublicKeyInfo))
  ) {
    report(
      record.issuerId,
      'the hashes by which OCSP finds the issuer differ from its certificate',
    );
  }
}

function sameHashes(
  kept: Readonly<Record<string, string>>,
  right: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(right).every(([digest, hash]) => kept[digest] === hash);
}

function replay(
  histories: Map<string, StatusState>,
  change: StoredStatusChange,
  report: Report,
): void {
  const reference = certificateReference(change);
  try {
    const state = nextStatus(histories.get(reference) ?? initialStatus, change);
    histories.set(reference, state);
    if (state.status !== change.statusAfter) {
      report(
        reference,
        `change ${change.id} says it led to ${change.statusAfter}, the rules say ${state.status}`,
      );
    }
  } catch (error) {
    report(reference, `change ${change.id} (${change.act}) was not legal: ${message(error)}`);
  }
}

function statusAgrees(
  { status, issuanceState }: CertificateRecord,
  replayed: StatusState | undefined,
): boolean {
  const expected = replayed ?? initialStatus;
  return (
    status.status === expected.status &&
    status.reasonCode === expected.reasonCode &&
    status.notGoodSince?.getTime() === expected.notGoodSince?.getTime() &&
    status.invalidityDate?.getTime() === expected.invalidityDate?.getTime() &&
    status.holdCause === expected.holdCause &&
    status.holdUntil?.getTime() === expected.holdUntil?.getTime() &&
    status.holdThen === expected.holdThen &&
    (issuanceState !== 'abandoned' || status.status === 'revoked')
  );
}

async function recheckStatus(
  { unitOfWork }: VerificationInput,
  { tenant, issuerId, serialNumber }: CertificateRecord,
  report: Report,
): Promise<void> {
  const reference = certificateReference({ issuerId, serialNumber });
  await unitOfWork.read(async (transaction) => {
    const record = await transaction.inventory.find(tenant, issuerId, serialNumber);
    const histories = new Map<string, StatusState>();
    for (const change of await transaction.inventory.history(tenant, issuerId, serialNumber)) {
      replay(histories, change, () => undefined);
    }
    const replayed = histories.get(reference);
    if (record !== undefined && !statusAgrees(record, replayed)) {
      report(
        reference,
        `status is ${record.issuanceState}, ${describe(record.status)}; its history gives ${describe(replayed ?? initialStatus)}`,
      );
    }
  });
}

function describe({ status, reasonCode, notGoodSince }: StatusState): string {
  return [status, reasonCode, notGoodSince?.toISOString()]
    .filter((part) => part !== undefined)
    .join(' ');
}

function checkCertificate(
  record: CertificateRecord,
  issuer: LoadedIssuer | undefined,
  { now, settleAfterSeconds }: VerificationInput,
  report: Report,
): void {
  const reference = certificateReference(record);
  if (issuer === undefined) {
    report(reference, 'belongs to an issuer that does not exist');
    return;
  }
  if (record.issuanceState === 'prepared') {
    if (now.getTime() - record.requestedAt.getTime() > 3 * settleAfterSeconds * 1000) {
      report(reference, 'is prepared since long and was never settled');
    }
    return;
  }
  if (record.issuanceState === 'abandoned') {
    if (record.certificate !== undefined) {
      report(reference, 'is abandoned but holds a certificate');
    }
    return;
  }
  if (record.certificate === undefined) {
    report(reference, 'is issued but holds no certificate');
    return;
  }
  let certificate: Certificate;
  try {
    certificate = parseCertificate(record.certificate);
  } catch (error) {
    report(reference, `its DER can't be read: ${message(error)}`);
    return;
  }
  for (const [column, agrees] of columns(record, certificate, issuer)) {
    if (!agrees) {
      report(reference, `column ${column} differs from the certificate`);
    }
  }
  const algorithm = resolveSignatureAlgorithm(certificate.signatureAlgorithm);
  if (
    algorithm === undefined ||
    !verifySignature(algorithm, issuer.signing.publicKey, certificate.tbsDer, certificate.signature)
  ) {
    report(reference, 'its signature does not verify with the issuer’s key');
  }
}

function columns(
  record: CertificateRecord,
  certificate: Certificate,
  issuer: LoadedIssuer | undefined,
): readonly (readonly [string, boolean])[] {
  const san = findExtension(certificate.extensions, oids.subjectAltName);
  const names = san === undefined ? [] : parseSubjectAltName(san.value).map(formatGeneralName);
  const policies = findExtension(certificate.extensions, oids.certificatePolicies);
  const constraints = findExtension(certificate.extensions, oids.basicConstraints);
  const isCa = constraints !== undefined && parseBasicConstraints(constraints.value).cA;
  return [
    ['tbsCertificate', sameBytes(certificate.tbsDer, record.tbsCertificate)],
    ['tbsSha256', sha256(record.tbsCertificate) === record.tbsSha256],
    ['serialNumber', certificate.serialNumber === record.serialNumber],
    ['issuer', issuer === undefined || sameBytes(certificate.issuer.der, issuer.input.subject.der)],
    ['subject', formatDistinguishedName(certificate.subject) === record.subject],
    ['names', names.join('\n') === record.names.join('\n')],
    ['type', isCa === (record.type === 'ca')],
    [
      'policies',
      (policies === undefined
        ? []
        : parseCertificatePolicies(policies.value).map(({ policyIdentifier }) => policyIdentifier)
      ).join() === record.policies.join(),
    ],
    ['spkiHash', spkiHash(certificate.subjectPublicKeyInfo.der) === record.spkiHash],
    ['keyAlgorithm', certificate.subjectPublicKeyInfo.algorithm.oid === record.keyAlgorithm],
    ['signatureAlgorithm', certificate.signatureAlgorithm.oid === record.signatureAlgorithm],
    ['notBefore', certificate.validity.notBefore.getTime() === record.notBefore.getTime()],
    ['notAfter', certificate.validity.notAfter.getTime() === record.notAfter.getTime()],
  ];
}

function checkAuditRecord(record: StoredAuditRecord, report: Report): void {
  if (!isWhole(record)) {
    report(`audit record ${record.id}`, 'its columns differ from its canonical bytes');
  }
}

/** Whether the columns of an audit record are what its canonical bytes say. */
export function isWhole(record: StoredAuditRecord): boolean {
  const again = auditRecord({
    tenant: record.tenant,
    at: record.at,
    principal: { id: record.principalId, name: record.principalName },
    act: record.act,
    outcome: record.outcome,
    object: record.object,
    details: record.details,
  });
  return sameBytes(again.canonical, record.canonical);
}

function message(error: unknown): string {
  return isChanceryError(error) ? error.message : String(error);
}
