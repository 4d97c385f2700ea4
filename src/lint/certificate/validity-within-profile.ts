import type { CertificateLint } from '../certificate-subject.ts';
import { timeOf } from '../encoding/time.ts';

/** The validity, both ends included, is no longer than the profile allows (RFC 5280 §4.1.2.5). */
export const validityWithinProfile: CertificateLint = {
  name: 'validity-within-profile',
  citation: 'RFC 5280 §4.1.2.5',
  description: 'The validity, both ends included, is no longer than the profile allows',
  applies: (certificate) => certificate.context.profile.maxValiditySeconds !== undefined,
  check: (certificate) => {
    const { maxValiditySeconds = 0, name } = certificate.context.profile;
    const { notBefore, notAfter } = certificate.fields;
    const seconds = (timeOf(notAfter) - timeOf(notBefore)) / 1000 + 1;
    return seconds > maxValiditySeconds
      ? `valid for ${seconds} s, both ends included; profile ${name} allows ${maxValiditySeconds} s`
      : undefined;
  },
};
