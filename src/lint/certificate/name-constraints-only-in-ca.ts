import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** nameConstraints stand in CA certificates only (RFC 5280 §4.2.1.10). */
export const nameConstraintsOnlyInCa: CertificateLint = {
  name: 'name-constraints-only-in-ca',
  citation: 'RFC 5280 §4.2.1.10',
  description: 'nameConstraints stand in CA certificates only',
  applies: (certificate) => certificate.has(oid.nameConstraints),
  check: (certificate) =>
    certificate.isCa
      ? undefined
      : `nameConstraints in a certificate of type ${certificate.context.type}`,
};
