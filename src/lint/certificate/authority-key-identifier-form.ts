import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** authorityKeyIdentifier uses the keyIdentifier form alone (RFC 5280 §4.2.1.1). */
export const authorityKeyIdentifierForm: CertificateLint = {
  name: 'authority-key-identifier-form',
  citation: 'RFC 5280 §4.2.1.1',
  description: 'authorityKeyIdentifier uses the keyIdentifier form alone',
  applies: (certificate) => certificate.has(oid.authorityKeyIdentifier),
  check: (certificate) => {
    // Issuer and serial would tie the certificate to one certificate of the issuer's key, so that
    // cross-signed paths break; RFC 5280 allows them, this CA never writes them.
    const value = certificate.value(oid.authorityKeyIdentifier);
    return value?.children.every((part) => part.tag === 0x80) === true
      ? undefined
      : 'authorityKeyIdentifier names issuer or serial number';
  },
};
