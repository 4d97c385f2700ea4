import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { accessLocations } from '../encoding/uri.ts';

/** An OCSP responder's certificate, never checked itself, points to no CRL and no OCSP responder (RFC 6960 §4.2.2.2.1). */
export const responderWithoutStatusPointers: CertificateLint = {
  name: 'responder-without-status-pointers',
  citation: 'RFC 6960 §4.2.2.2.1',
  description:
    "An OCSP responder's certificate, never checked itself, points to no CRL and no OCSP responder",
  applies: (certificate) => certificate.context.type === 'ocspSigning',
  check: (certificate) => {
    if (certificate.has(oid.cRLDistributionPoints))
      return 'cRLDistributionPoints beside id-pkix-ocsp-nocheck';
    if (certificate.has(oid.freshestCRL)) return 'freshestCRL beside id-pkix-ocsp-nocheck';
    return accessLocations(certificate.value(oid.authorityInfoAccess), 'ocsp').length > 0
      ? 'an OCSP location beside id-pkix-ocsp-nocheck'
      : undefined;
  },
};
