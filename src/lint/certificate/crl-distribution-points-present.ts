import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** cRLDistributionPoints stand in every certificate whose status is asked for: all but roots, OCSP responders and short-lived ones (RFC 5280 §4.2.1.13). */
export const crlDistributionPointsPresent: CertificateLint = {
  name: 'crl-distribution-points-present',
  citation: 'RFC 5280 §4.2.1.13',
  description:
    'cRLDistributionPoints stand in every certificate whose status is asked for: all but roots, OCSP responders and short-lived ones',
  applies: (certificate) =>
    (certificate.context.type === 'endEntity' || certificate.context.type === 'ca') &&
    certificate.context.profile.shortLived !== true &&
    !certificate.has(oid.noRevAvail),
  check: (certificate) =>
    certificate.has(oid.cRLDistributionPoints) ? undefined : 'cRLDistributionPoints are absent',
};
