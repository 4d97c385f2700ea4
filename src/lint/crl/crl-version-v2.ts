import type { CrlLint } from '../crl-subject.ts';

/** The version is v2, as extensions require (RFC 5280 §5.1.2.1). */
export const crlVersionV2: CrlLint = {
  name: 'crl-version-v2',
  citation: 'RFC 5280 §5.1.2.1',
  description: 'The version is v2, as extensions require',
  applies: () => true,
  check: (crl) => {
    const { version } = crl.fields;
    if (version === undefined) return 'the version is absent, so v1';
    return version.length === 1 && version.content[0] === 1
      ? undefined
      : 'the version is not v2 (1)';
  },
};
