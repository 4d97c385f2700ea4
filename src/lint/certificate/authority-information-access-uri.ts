import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { fetchUrlDefect, readAccessDescriptions } from '../encoding/uri.ts';

/** Each location of OCSP and of the issuer's certificate is a plain http URL (RFC 5280 §4.2.2.1, §8). */
export const authorityInformationAccessUri: CertificateLint = {
  name: 'authority-information-access-uri',
  citation: 'RFC 5280 §4.2.2.1, §8',
  description: "Each location of OCSP and of the issuer's certificate is a plain http URL",
  applies: (certificate) => certificate.has(oid.authorityInfoAccess),
  check: (certificate) => {
    const value = certificate.value(oid.authorityInfoAccess);
    for (const { method, location } of value === undefined ? [] : readAccessDescriptions(value)) {
      if (method !== oid.idAdOcsp && method !== oid.idAdCaIssuers)
        return `access method ${method} is not known`;
      if (location === undefined) return 'an AccessDescription without location';
      const defect = fetchUrlDefect(location);
      if (defect !== undefined) return `authorityInfoAccess: ${defect}`;
    }
    return undefined;
  },
};
