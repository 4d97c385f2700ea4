import type { CrlLint } from '../crl-subject.ts';

/** crlExtensions, where present, holds at least one extension (RFC 5280 §5.1.2.7). */
export const crlExtensionsNotEmpty: CrlLint = {
  name: 'crl-extensions-not-empty',
  citation: 'RFC 5280 §5.1.2.7',
  description: 'crlExtensions, where present, holds at least one extension',
  applies: (crl) => crl.fields.extensionList !== undefined,
  check: (crl) =>
    crl.fields.extensionList?.length === 0 ? 'crlExtensions is an empty SEQUENCE' : undefined,
};
