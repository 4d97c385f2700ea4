import type { CrlLint } from '../crl-subject.ts';
import { duplicateOid } from '../encoding/extension.ts';
import { oidName } from '../encoding/oids.ts';

/** No extension of the CRL stands twice (RFC 5280 §5.2, §4.2). */
export const crlExtensionUnique: CrlLint = {
  name: 'crl-extension-unique',
  citation: 'RFC 5280 §5.2, §4.2',
  description: 'No extension of the CRL stands twice',
  applies: (crl) => crl.extensions.length > 0,
  check: (crl) => {
    const twice = duplicateOid(crl.extensions);
    return twice === undefined ? undefined : `${oidName(twice)} stands twice`;
  },
};
