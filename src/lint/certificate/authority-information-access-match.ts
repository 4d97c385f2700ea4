import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { accessLocations } from '../encoding/uri.ts';

/** OCSP and caIssuers locations are those kept with the issuer (RFC 5280 §4.2.2.1). */
export const authorityInformationAccessMatch: CertificateLint = {
  name: 'authority-information-access-match',
  citation: 'RFC 5280 §4.2.2.1',
  description: 'OCSP and caIssuers locations are those kept with the issuer',
  applies: (certificate) =>
    certificate.context.urls !== undefined && certificate.has(oid.authorityInfoAccess),
  check: (certificate) => {
    for (const method of ['ocsp', 'caIssuers'] as const) {
      const expected = certificate.context.urls?.[method];
      const found = accessLocations(certificate.value(oid.authorityInfoAccess), method);
      if (expected !== undefined && found.some((location) => location.text !== expected)) {
        return `a location of ${method} is not ${expected}`;
      }
    }
    return undefined;
  },
};
