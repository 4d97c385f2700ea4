import type { CertificateLint } from '../certificate-subject.ts';
import { keyUsageBit } from '../encoding/extension.ts';

/** An OCSP responder's key may make digital signatures, and is for nothing else (RFC 6960 §4.2.2.2). */
export const responderKeyUsage: CertificateLint = {
  name: 'responder-key-usage',
  citation: 'RFC 6960 §4.2.2.2',
  description: "An OCSP responder's key may make digital signatures, and is for nothing else",
  applies: (certificate) =>
    certificate.context.type === 'ocspSigning' && certificate.keyUsage.size > 0,
  check: (certificate) => {
    const { keyUsage } = certificate;
    return keyUsage.size === 1 && keyUsage.has(keyUsageBit.digitalSignature)
      ? undefined
      : 'keyUsage of an OCSP responder is not digitalSignature alone';
  },
};
