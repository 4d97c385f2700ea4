import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** id-pkix-ocsp-nocheck stands in OCSP responders' certificates, and in no other (RFC 6960 §4.2.2.2.1). */
export const responderNocheck: CertificateLint = {
  name: 'responder-nocheck',
  citation: 'RFC 6960 §4.2.2.2.1',
  description: "id-pkix-ocsp-nocheck stands in OCSP responders' certificates, and in no other",
  applies: (certificate) =>
    certificate.context.type === 'ocspSigning' || certificate.has(oid.ocspNoCheck),
  check: (certificate) => {
    const wanted = certificate.context.type === 'ocspSigning';
    if (certificate.has(oid.ocspNoCheck) === wanted) return undefined;
    return wanted
      ? 'an OCSP responder without id-pkix-ocsp-nocheck: clients would ask it about itself'
      : 'id-pkix-ocsp-nocheck outside an OCSP responder would keep clients from checking revocation';
  },
};
