import type { CertificateLint } from '../certificate-subject.ts';

/** The extensions field holds at least one extension (RFC 5280 §4.1, §4.1.2.9). */
export const extensionsNotEmpty: CertificateLint = {
  name: 'extensions-not-empty',
  citation: 'RFC 5280 §4.1, §4.1.2.9',
  description: 'The extensions field holds at least one extension',
  applies: () => true,
  check: ({ fields }) =>
    fields.extensionList !== undefined && fields.extensionList.length === 0
      ? 'extensions is an empty SEQUENCE; its SIZE starts at 1'
      : undefined,
};
