import { oid, oidName } from '../encoding/oids.ts';
import type { OcspLint } from '../ocsp-subject.ts';

const ofTheResponse: ReadonlySet<string> = new Set([oid.ocspNonce, oid.ocspExtendedRevoke]);
const ofOneCertificate: ReadonlySet<string> = new Set([oid.ocspArchiveCutoff, oid.invalidityDate]);

/** What is about the response stands in responseExtensions, what is about one certificate in singleExtensions, and nothing else is said (RFC 6960 §4.4). */
export const ocspExtensionPlace: OcspLint = {
  name: 'ocsp-extension-place',
  citation: 'RFC 6960 §4.4',
  description:
    'What is about the response stands in responseExtensions, what is about one certificate in singleExtensions, and nothing else is said',
  applies: ({ fields }) =>
    fields.extensionList !== undefined ||
    fields.responses.some((response) => response.extensionList !== undefined),
  check: ({ fields }) => {
    const odd = fields.extensions.find((extension) => !ofTheResponse.has(extension.oid));
    if (odd !== undefined) return `${oidName(odd.oid)} is no extension of a response`;
    for (const { extensions } of fields.responses) {
      const single = extensions.find((extension) => !ofOneCertificate.has(extension.oid));
      if (single !== undefined) return `${oidName(single.oid)} is no extension of one certificate`;
    }
    return undefined;
  },
};
