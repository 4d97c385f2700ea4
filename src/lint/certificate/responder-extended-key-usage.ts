import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** An OCSP responder's certificate has the purpose id-kp-OCSPSigning and no other (RFC 6960 §4.2.2.2). */
export const responderExtendedKeyUsage: CertificateLint = {
  name: 'responder-extended-key-usage',
  citation: 'RFC 6960 §4.2.2.2',
  description: "An OCSP responder's certificate has the purpose id-kp-OCSPSigning and no other",
  applies: (certificate) =>
    certificate.context.type === 'ocspSigning' &&
    !certificate.extendedKeyUsage.includes(oid.anyExtendedKeyUsage),
  check: (certificate) =>
    certificate.extendedKeyUsage.every((purpose) => purpose === oid.idKpOCSPSigning) &&
    certificate.extendedKeyUsage.length > 0
      ? undefined
      : 'extKeyUsage is not id-kp-OCSPSigning alone',
};
