import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ChanceryError } from '../../src/domain/index.ts';
import {
  type Certificate,
  type CertificateList,
  decodePem,
  type Extension,
  findExtension,
  importVerificationKey,
  namesEqual,
  oids,
  type ParsedRevokedCertificate,
  parseCertificateList,
  parseCrlNumber,
  parseIssuingDistributionPoint,
  parseKeyUsage,
  resolveSignatureAlgorithm,
  type SignatureAlgorithm,
  SignatureVerification,
} from '../../src/pkix/index.ts';
import { EntryTable } from './entry-table.ts';

/** Which certificates a CRL speaks for (RFC 5280 §5.2.5). */
export type CrlScope = 'all' | 'endEntity' | 'ca';

/** A foreign CA's CRL, verified. */
export interface ForeignCrl {
  /** SHA-256 of its octets, hex. */
  readonly sha256: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly crlNumber: bigint | undefined;
  /** BaseCRLNumber when it is a delta CRL. */
  readonly baseCrlNumber: bigint | undefined;
  readonly scope: CrlScope;
  /** The issuing distribution point as it stands: base and delta must have the same (§5.2.4). */
  readonly distributionPoint: string;
  readonly entries: EntryTable;
}

/** Extensions of a CRL that are understood; any other one that is critical forbids its use (§5.2). */
const understood: ReadonlySet<string> = new Set([
  oids.authorityKeyIdentifier,
  oids.crlNumber,
  oids.deltaCRLIndicator,
  oids.issuingDistributionPoint,
]);

/** Octets that are hashed in one go. */
const pieceLength = 1024 * 1024;

/** Shortest encoding of an entry that is usual: serial number of 8 octets, date, reason. */
const usualEntryLength = 36;

/**
 * Reads a CRL, DER or PEM, and checks that it may be relied on for that CA: issued and signed by
 * it (RFC 5280 §6.3.3 (f), (g)), not indirect, for all reasons, nothing critical that is not
 * understood.
 *
 * @throws ChanceryError `malformed` or `invalidArgument` with what is wrong
 */
export async function readForeignCrl(octets: Uint8Array, issuer: Certificate): Promise<ForeignCrl> {
  const der = derOf(octets);
  const list = parseCertificateList(der);
  await requireIssuer(list, issuer);
  requireUnderstood(list.extensions, understood, 'the CRL');
  const { nextUpdate } = list;
  if (nextUpdate === undefined || nextUpdate <= list.thisUpdate) {
    throw refused('it has no nextUpdate, or one that is not after thisUpdate', '§5.1.2.5');
  }
  const indicator = findExtension(list.extensions, oids.deltaCRLIndicator);
  const point = findExtension(list.extensions, oids.issuingDistributionPoint);
  const entries = await EntryTable.of(
    checked(list.entries(), indicator !== undefined),
    Math.ceil(list.encodedEntries.length / usualEntryLength),
  );
  return {
    sha256: createHash('sha256').update(der).digest('hex'),
    thisUpdate: list.thisUpdate,
    nextUpdate,
    crlNumber: list.crlNumber,
    // BaseCRLNumber is a CRLNumber (§5.2.4).
    baseCrlNumber: indicator === undefined ? undefined : parseCrlNumber(indicator.value),
    scope: point === undefined ? 'all' : scopeOf(point),
    distributionPoint: point === undefined ? '' : Buffer.from(point.value).toString('hex'),
    entries,
  };
}

function derOf(octets: Uint8Array): Uint8Array {
  const text = Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.length, 64));
  if (!text.includes('-----BEGIN')) return octets;
  const [block] = decodePem(Buffer.from(octets).toString('latin1'), 'X509 CRL', {
    surroundingText: true,
  });
  if (block === undefined) throw refused('its PEM holds no X509 CRL', '§5.1');
  return block.der;
}

async function requireIssuer(list: CertificateList, issuer: Certificate): Promise<void> {
  if (!namesEqual(list.issuer, issuer.subject)) {
    throw refused('another CA issued it', '§6.3.3 (b)');
  }
  const usage = findExtension(issuer.extensions, oids.keyUsage);
  if (usage !== undefined && !parseKeyUsage(usage.value).includes('cRLSign')) {
    throw refused("the CA's certificate does not allow cRLSign", '§6.3.3 (f)');
  }
  const { signatureAlgorithm, tbsSignature } = list;
  const algorithm = resolveSignatureAlgorithm(signatureAlgorithm);
  if (
    algorithm === undefined ||
    Buffer.compare(signatureAlgorithm.der, tbsSignature.der) !== 0 ||
    !(await isSigned(list, algorithm, issuer))
  ) {
    throw refused(
      "the CA's key did not sign it, or by an algorithm that is not accepted",
      '§6.3.3 (g)',
    );
  }
}

/** In pieces, because requests wait for their turn while fifty megabytes are hashed. */
async function isSigned(
  { tbsDer, signature }: CertificateList,
  algorithm: SignatureAlgorithm,
  issuer: Certificate,
): Promise<boolean> {
  const key = importVerificationKey(issuer.subjectPublicKeyInfo);
  const verification = new SignatureVerification(algorithm, key);
  for (let at = 0; at < tbsDer.length; at += pieceLength) {
    verification.update(tbsDer.subarray(at, at + pieceLength));
    if (at > 0) await nextTurn();
  }
  return verification.verify(signature);
}

function scopeOf(point: Extension): CrlScope {
  // onlySomeReasons is refused by the reader itself.
  const { indirectCRL, onlyContainsAttributeCerts, onlyContainsCACerts, onlyContainsUserCerts } =
    parseIssuingDistributionPoint(point.value);
  if (indirectCRL === true || onlyContainsAttributeCerts === true) {
    throw refused('it is an indirect CRL, or one for attribute certificates', '§5.2.5');
  }
  if (onlyContainsUserCerts === true) return 'endEntity';
  return onlyContainsCACerts === true ? 'ca' : 'all';
}

const understoodInEntries: ReadonlySet<string> = new Set([oids.reasonCode, oids.invalidityDate]);

/** Entries with what each must not have: a certificate issuer, an unknown critical extension, a removal outside of a delta. */
function* checked(
  entries: Iterable<ParsedRevokedCertificate>,
  delta: boolean,
): IterableIterator<ParsedRevokedCertificate> {
  for (const entry of entries) {
    if (entry.extensions.length > 0) {
      requireUnderstood(entry.extensions, understoodInEntries, `entry ${entry.serialNumber}`);
    }
    if (entry.reasonCode === 'removeFromCRL' && !delta) {
      throw refused(`entry ${entry.serialNumber} of a complete CRL is removeFromCRL`, '§5.3.1');
    }
    yield entry;
  }
}

function requireUnderstood(
  extensions: readonly Extension[],
  known: ReadonlySet<string>,
  where: string,
): void {
  const unknown = extensions.find((one) => one.critical && !known.has(one.oid));
  if (unknown !== undefined) {
    throw refused(`${where} has the critical extension ${unknown.oid}`, '§5.2');
  }
}

function refused(problem: string, clause: string): ChanceryError {
  return new ChanceryError('invalidArgument', {
    message: `the CRL is not used: ${problem}`,
    clause: `RFC 5280 ${clause}`,
  });
}
