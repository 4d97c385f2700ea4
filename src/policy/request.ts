import { ChanceryError } from '../domain/index.ts';
import {
  type CertificationRequest,
  type Extension,
  findExtension,
  type GeneralName,
  type KeyUsageBit,
  type Name,
  oids,
  parseExtendedKeyUsage,
  parseKeyUsage,
  parseSubjectAltName,
  type SubjectPublicKeyInfo,
} from '../pkix/index.ts';

/** What someone asks for, whether it came as PKCS#10 or as parameters. Nothing in it is trusted. */
export interface CertificateRequestInput {
  readonly csr?: CertificationRequest | undefined;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  readonly subject?: Name | undefined;
  readonly names?: readonly GeneralName[] | undefined;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
  /** Whole days from notBefore; contradicts notAfter. */
  readonly days?: number | undefined;
  readonly keyUsage?: readonly KeyUsageBit[] | undefined;
  /** OIDs. */
  readonly extendedKeyUsage?: readonly string[] | undefined;
  /** The extensions of the CSR as they came; every one is granted, or refused by name. */
  readonly requestedExtensions: readonly Extension[];
}

/** What a request may say beside its CSR; it replaces what the CSR says. */
export interface RequestOverrides {
  readonly subject?: Name | undefined;
  readonly names?: readonly GeneralName[] | undefined;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
  readonly days?: number | undefined;
}

/**
 * The request that a CSR makes. Its signature (proof of possession) is verified elsewhere.
 * An override of `names` replaces them, but a name that only the CSR has is then refused by
 * `applyProfile`, never dropped.
 *
 * @throws ChanceryError `badCsr` when an extension that it asks for can't be read.
 */
export function requestFromCsr(
  csr: CertificationRequest,
  overrides: RequestOverrides = {},
): CertificateRequestInput {
  const read = <T>(oid: string, parse: (value: Uint8Array) => T): T | undefined => {
    const extension = findExtension(csr.requestedExtensions, oid);
    if (extension === undefined) return undefined;
    try {
      return parse(extension.value);
    } catch (error) {
      if (!(error instanceof ChanceryError)) throw error;
      throw new ChanceryError('badCsr', {
        message: `the certification request asks for an extension that can't be read: ${error.message}`,
        field: error.field,
        clause: error.clause,
        cause: error,
      });
    }
  };
  return {
    csr,
    subjectPublicKeyInfo: csr.subjectPublicKeyInfo,
    subject: overrides.subject ?? csr.subject,
    names: overrides.names ?? read(oids.subjectAltName, parseSubjectAltName),
    notBefore: overrides.notBefore,
    notAfter: overrides.notAfter,
    days: overrides.days,
    keyUsage: read(oids.keyUsage, parseKeyUsage),
    extendedKeyUsage: read(oids.extendedKeyUsage, parseExtendedKeyUsage),
    requestedExtensions: csr.requestedExtensions,
  };
}

/** The request that parameters make, for a key that the caller has (its own, or one in a token). */
export function requestFromParameters(
  parameters: Omit<CertificateRequestInput, 'csr' | 'requestedExtensions'>,
): CertificateRequestInput {
  return { ...parameters, requestedExtensions: [] };
}
