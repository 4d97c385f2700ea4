import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** id-kp-OCSPSigning stands in OCSP responders' certificates only, never in a CA's (RFC 6960 §4.2.2.2). */
export const ocspSigningOnlyInResponder: CertificateLint = {
  name: 'ocsp-signing-only-in-responder',
  citation: 'RFC 6960 §4.2.2.2',
  description: "id-kp-OCSPSigning stands in OCSP responders' certificates only, never in a CA's",
  applies: (certificate) =>
    certificate.context.type !== 'ocspSigning' && certificate.has(oid.extKeyUsage),
  check: (certificate) => {
    // A CA with this purpose is a responder for all certificates of its own issuer: the incident of
    // July 2020 had hundreds of intermediates revoked.
    return certificate.extendedKeyUsage.includes(oid.idKpOCSPSigning)
      ? `id-kp-OCSPSigning in a certificate of type ${certificate.context.type}`
      : undefined;
  },
};
