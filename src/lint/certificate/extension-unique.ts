import type { CertificateLint } from '../certificate-subject.ts';
import { duplicateOid } from '../encoding/extension.ts';
import { oidName } from '../encoding/oids.ts';

/** No extension stands twice (RFC 5280 §4.2). */
export const extensionUnique: CertificateLint = {
  name: 'extension-unique',
  citation: 'RFC 5280 §4.2',
  description: 'No extension stands twice',
  applies: (certificate) => certificate.extensions.length > 0,
  check: (certificate) => {
    const twice = duplicateOid(certificate.extensions);
    return twice === undefined ? undefined : `${oidName(twice)} (${twice}) stands twice`;
  },
};
