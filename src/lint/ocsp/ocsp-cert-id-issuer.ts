import { equalBytes } from '../encoding/element.ts';
import type { OcspLint } from '../ocsp-subject.ts';
import { certificateHashes } from '../ocsp-subject.ts';

/** A good or revoked answer is about the issuer: both hashes in the CertID are its name's and its key's (RFC 6960 §2.2, §4.1.1). */
export const ocspCertIdIssuer: OcspLint = {
  name: 'ocsp-cert-id-issuer',
  citation: 'RFC 6960 §2.2, §4.1.1',
  description:
    "A good or revoked answer is about the issuer: both hashes in the CertID are its name's and its key's",
  applies: ({ fields }) => fields.responses.some((response) => response.status !== 'unknown'),
  check: ({ fields, context }) => {
    for (const response of fields.responses) {
      if (response.status === 'unknown') continue;
      const expected = certificateHashes(context.issuer, response.hashAlgorithm);
      if (expected === undefined) return `hash algorithm ${response.hashAlgorithm} is not known`;
      if (!equalBytes(response.issuerNameHash.content, expected.name))
        return "issuerNameHash is not the issuer's";
      if (!equalBytes(response.issuerKeyHash.content, expected.key))
        return "issuerKeyHash is not the issuer's";
    }
    return undefined;
  },
};
