import type { CertificateLint } from '../certificate-subject.ts';
import { authorityKeyIdentifier } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';

/** authorityKeyIdentifier with keyIdentifier stands in every certificate that is not self-signed (RFC 5280 §4.2.1.1). */
export const authorityKeyIdentifierPresent: CertificateLint = {
  name: 'authority-key-identifier-present',
  citation: 'RFC 5280 §4.2.1.1',
  description:
    'authorityKeyIdentifier with keyIdentifier stands in every certificate that is not self-signed',
  applies: (certificate) => certificate.issuer !== undefined,
  check: (certificate) => {
    const value = certificate.value(oid.authorityKeyIdentifier);
    if (value === undefined) return 'authorityKeyIdentifier is absent';
    return authorityKeyIdentifier(value) === undefined
      ? 'authorityKeyIdentifier has no keyIdentifier'
      : undefined;
  },
};
