import type { KeyUsageBit } from '../pkix/index.ts';

/** Named bits of KeyUsage in the order of RFC 5280 §4.2.1.3. */
export const keyUsageBits = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const satisfies readonly KeyUsageBit[];

/** Extended key usages that a profile may name by a word instead of by OID (RFC 5280 §4.2.1.12). */
export const extendedKeyUsageOids: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  OCSPSigning: '1.3.6.1.5.5.7.3.9',
};
export const anyExtendedKeyUsage = '2.5.29.37.0';
export const ocspSigningUsage = '1.3.6.1.5.5.7.3.9';
/** otherName type of a Microsoft user principal name. */
export const userPrincipalNameOid = '1.3.6.1.4.1.311.20.2.3';

export const policyOidPattern = /^[0-2](\.(0|[1-9][0-9]*))+$/;

/** The OID of an extended key usage written as a word or as an OID; undefined when it is neither. */
export function extendedKeyUsageOid(text: string): string | undefined {
  return extendedKeyUsageOids[text] ?? (policyOidPattern.test(text) ? text : undefined);
}

/** The word for an extended key usage, or its OID. */
export function extendedKeyUsageName(oid: string): string {
  if (oid === anyExtendedKeyUsage) return 'anyExtendedKeyUsage';
  return Object.entries(extendedKeyUsageOids).find(([, value]) => value === oid)?.[0] ?? oid;
}

/** Attribute types that a profile can speak of, with the upper bounds of RFC 5280 Appendix A.1 (characters). */
export const subjectAttributes = {
  commonName: { oid: '2.5.4.3', maximum: 64 },
  surname: { oid: '2.5.4.4', maximum: 32_768 },
  serialNumber: { oid: '2.5.4.5', maximum: 64 },
  countryName: { oid: '2.5.4.6', maximum: 2 },
  localityName: { oid: '2.5.4.7', maximum: 128 },
  stateOrProvinceName: { oid: '2.5.4.8', maximum: 128 },
  streetAddress: { oid: '2.5.4.9', maximum: 128 },
  organizationName: { oid: '2.5.4.10', maximum: 64 },
  organizationalUnitName: { oid: '2.5.4.11', maximum: 64 },
  title: { oid: '2.5.4.12', maximum: 64 },
  postalCode: { oid: '2.5.4.17', maximum: 40 },
  givenName: { oid: '2.5.4.42', maximum: 32_768 },
  dnQualifier: { oid: '2.5.4.46', maximum: 64 },
  userId: { oid: '0.9.2342.19200300.100.1.1', maximum: 256 },
  domainComponent: { oid: '0.9.2342.19200300.100.1.25', maximum: 63 },
} as const;
export type SubjectAttributeName = keyof typeof subjectAttributes;

const attributeNames = new Map<string, SubjectAttributeName>(
  Object.entries(subjectAttributes).map(([name, { oid }]) => [oid, name as SubjectAttributeName]),
);

export function subjectAttributeName(oid: string): SubjectAttributeName | undefined {
  return attributeNames.get(oid);
}
