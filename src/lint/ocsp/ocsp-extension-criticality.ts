import { duplicateOid } from '../encoding/extension.ts';
import { oidName } from '../encoding/oids.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** No extension of the response is critical, stands twice or is an empty list (RFC 6960 §4.4). */
export const ocspExtensionCriticality: OcspLint = {
  name: 'ocsp-extension-criticality',
  citation: 'RFC 6960 §4.4',
  description: 'No extension of the response is critical, stands twice or is an empty list',
  applies: ({ fields }) =>
    fields.extensionList !== undefined ||
    fields.responses.some((response) => response.extensionList !== undefined),
  check: ({ fields }) => {
    for (const { extensionList, extensions } of [fields, ...fields.responses]) {
      if (extensionList !== undefined && extensions.length === 0)
        return 'an empty list of extensions';
      const critical = extensions.find((extension) => extension.critical);
      if (critical !== undefined) return `${oidName(critical.oid)} must not be critical`;
      const twice = duplicateOid(extensions);
      if (twice !== undefined) return `${oidName(twice)} stands twice`;
    }
    return undefined;
  },
};
