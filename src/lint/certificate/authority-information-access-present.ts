import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { accessLocations } from '../encoding/uri.ts';

/** authorityInfoAccess with an OCSP location stands in every certificate whose status is asked for (RFC 5280 §4.2.2.1). */
export const authorityInformationAccessPresent: CertificateLint = {
  name: 'authority-information-access-present',
  citation: 'RFC 5280 §4.2.2.1',
  description:
    'authorityInfoAccess with an OCSP location stands in every certificate whose status is asked for',
  applies: (certificate) =>
    (certificate.context.type === 'endEntity' || certificate.context.type === 'ca') &&
    certificate.context.profile.shortLived !== true &&
    !certificate.has(oid.noRevAvail),
  check: (certificate) =>
    accessLocations(certificate.value(oid.authorityInfoAccess), 'ocsp').length > 0
      ? undefined
      : 'authorityInfoAccess has no OCSP location',
};
