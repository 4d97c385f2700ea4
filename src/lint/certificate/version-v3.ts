import type { CertificateLint } from '../certificate-subject.ts';

/** The version is v3, as extensions require (RFC 5280 §4.1.2.1). */
export const versionV3: CertificateLint = {
  name: 'version-v3',
  citation: 'RFC 5280 §4.1.2.1',
  description: 'The version is v3, as extensions require',
  applies: () => true,
  check: (certificate) => {
    const { version } = certificate.fields;
    const value = version?.child(0);
    if (value?.tag === 0x02 && value.length === 1 && value.content[0] === 2) return undefined;
    return version === undefined ? 'the version is absent, so v1' : 'the version is not v3 (2)';
  },
};
