import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { accessLocations } from '../encoding/uri.ts';

/** A certificate with noRevAvail points to no CRL and no OCSP responder (RFC 9608 §3). */
export const noRevAvailWithoutStatusPointers: CertificateLint = {
  name: 'no-rev-avail-without-status-pointers',
  citation: 'RFC 9608 §3',
  description: 'A certificate with noRevAvail points to no CRL and no OCSP responder',
  applies: (certificate) => certificate.has(oid.noRevAvail),
  check: (certificate) => {
    if (certificate.has(oid.cRLDistributionPoints))
      return 'noRevAvail beside cRLDistributionPoints';
    if (certificate.has(oid.freshestCRL)) return 'noRevAvail beside freshestCRL';
    return accessLocations(certificate.value(oid.authorityInfoAccess), 'ocsp').length > 0
      ? 'noRevAvail beside an OCSP location'
      : undefined;
  },
};
