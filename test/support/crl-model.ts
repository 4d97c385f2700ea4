/** What a history of acts says that CRLs and OCSP must tell; and what relying parties make of files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReasonCode } from '../../src/domain/index.ts';
import {
  type CertificateList,
  findExtension,
  oids,
  parseCertificateList,
  parseIssuingDistributionPoint,
} from '../../src/pkix/index.ts';

/** A certificate of the model. */
export interface ModelCertificate {
  readonly serialNumber: string;
  readonly shard: number;
  readonly notAfter: Date;
  readonly der: Uint8Array;
  status: 'good' | 'onHold' | 'revoked';
  reasonCode?: ReasonCode | undefined;
  notGoodSince?: Date | undefined;
  /** A complete CRL issued past notAfter has listed it: it may leave. */
  mayLeave: boolean;
}

/** Serial numbers with their reasons, as a relying party holds them. */
export type Told = ReadonlyMap<string, { readonly reason: string; readonly since: number }>;

/** What a complete CRL tells. */
export function told(list: CertificateList): Told {
  return new Map(
    [...list.entries()].map(({ serialNumber, reasonCode, revocationDate }) => [
      serialNumber,
      { reason: reasonCode ?? 'unspecified', since: revocationDate.getTime() },
    ]),
  );
}

/** A complete CRL with a delta upon it (RFC 5280 §5.2.4, §6.3.3 (c)). */
export function combined(base: CertificateList, delta: CertificateList): Told {
  const result = new Map(told(base));
  for (const [serialNumber, entry] of told(delta)) {
    if (entry.reason === 'removeFromCRL') result.delete(serialNumber);
    else result.set(serialNumber, entry);
  }
  return result;
}

/** The URI in a CRL's issuingDistributionPoint, and its flags. */
export function pointOf(list: CertificateList): {
  readonly uri: string;
  readonly der: string;
  readonly user: boolean;
  readonly ca: boolean;
} {
  const extension = findExtension(list.extensions, oids.issuingDistributionPoint);
  if (extension === undefined) throw new Error('no issuingDistributionPoint');
  const point = parseIssuingDistributionPoint(extension.value);
  const [name] = point.fullName;
  return {
    uri: name?.type === 'uniformResourceIdentifier' ? name.value : '',
    der: Buffer.from(extension.value).toString('hex'),
    user: point.onlyContainsUserCerts === true,
    ca: point.onlyContainsCACerts === true,
  };
}

/** All published CRLs of an issuer, by file name without `.crl`: `0`, `0-delta` … */
export function publishedCrls(folder: string, issuerId: string): Map<string, CertificateList> {
  const below = join(folder, 'published/crl', issuerId);
  return new Map(
    readdirSync(below)
      .filter((name) => name.endsWith('.crl'))
      .map((name) => [
        name.slice(0, -4),
        parseCertificateList(new Uint8Array(readFileSync(join(below, name)))),
      ]),
  );
}
