import { equalBytes } from '../encoding/element.ts';
import {
  authorityKeyIdentifier,
  extensionOf,
  keyUsageBit,
  keyUsageOf,
  subjectKeyIdentifierOf,
} from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** The responder's certificate is issued directly by the CA asked about, for OCSP signing, with nocheck (RFC 6960 §4.2.2.2, §4.2.2.2.1). */
export const ocspDelegate: OcspLint = {
  name: 'ocsp-delegate',
  citation: 'RFC 6960 §4.2.2.2, §4.2.2.2.1',
  description:
    "The responder's certificate is issued directly by the CA asked about, for OCSP signing, with nocheck",
  applies: () => true,
  check: ({ context: { issuer, delegate } }) => {
    if (!equalBytes(delegate.issuer.der, issuer.subject.der))
      return 'the responder was issued by another CA';
    const value = extensionOf(delegate, oid.authorityKeyIdentifier);
    const identifier = value === undefined ? undefined : authorityKeyIdentifier(value)?.content;
    const expected = subjectKeyIdentifierOf(issuer);
    if (identifier !== undefined && expected !== undefined && !equalBytes(identifier, expected)) {
      return 'the responder was issued by another key of the CA';
    }
    const purposes = extensionOf(delegate, oid.extKeyUsage)?.children ?? [];
    if (!purposes.some((purpose) => purpose.oid === oid.idKpOCSPSigning))
      return 'the responder lacks id-kp-OCSPSigning';
    if (extensionOf(delegate, oid.ocspNoCheck) === undefined)
      return 'the responder lacks id-pkix-ocsp-nocheck';
    return keyUsageOf(delegate)?.has(keyUsageBit.digitalSignature) === false
      ? "the responder's keyUsage lacks digitalSignature"
      : undefined;
  },
};
