import { X509Certificate } from 'node:crypto';
import type { IssuerId, TenantId } from '../domain/index.ts';
import { readImportedCertificate } from './imported-certificate.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { CertificateRecord, UnitOfWork } from './ports.ts';

/** Certificates of all issuers, ours and elsewhere, of whom there may be imports. */
export type Importers = ReadonlyMap<IssuerId, X509Certificate>;

export async function importersOf(
  unitOfWork: UnitOfWork,
  tenant: TenantId,
  own: Iterable<LoadedIssuer>,
): Promise<Importers> {
  const foreign = await unitOfWork.read(async (transaction) =>
    transaction.foreignIssuers.list(tenant),
  );
  return new Map([
    ...foreign.map(
      ({ issuerId, certificate }) => [issuerId, new X509Certificate(certificate)] as const,
    ),
    ...[...own].flatMap(({ record, signing }) =>
      signing.certificate === undefined
        ? []
        : [[record.issuerId, new X509Certificate(signing.certificate.der)] as const],
    ),
  ]);
}

/** What of an imported row does not agree with its bytes or its issuer's key; of a bare serial number nothing can. */
export function importedProblems(
  record: CertificateRecord,
  importers: Importers,
): readonly string[] {
  const issuer = importers.get(record.issuerId);
  if (issuer === undefined) return ['belongs to an issuer that does not exist'];
  if (record.certificate === undefined) return [];
  try {
    const { columns, x509 } = readImportedCertificate(record.certificate);
    const differing = Object.entries(columns)
      .filter(([name, value]) => !same(value, record[name as keyof typeof columns]))
      .map(([name]) => `column ${name} differs from the certificate`);
    return x509.verify(issuer.publicKey)
      ? differing
      : [...differing, 'its signature does not verify with the issuer’s key'];
  } catch (error) {
    return [`its bytes can't be read: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function same(one: unknown, other: unknown): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) {
    return Buffer.compare(one, other) === 0;
  }
  return JSON.stringify(one) === JSON.stringify(other);
}
