import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** keyUsage, a named bit list, has no trailing zero bits (X.690 §11.2.2). */
export const keyUsageNamedBits: CertificateLint = {
  name: 'key-usage-named-bits',
  citation: 'X.690 §11.2.2',
  description: 'keyUsage, a named bit list, has no trailing zero bits',
  applies: (certificate) => certificate.has(oid.keyUsage),
  check: (certificate) => {
    const content = certificate.value(oid.keyUsage)?.content;
    const unused = content?.[0] ?? 0;
    const last = content?.[content.length - 1] ?? 0;
    // All bits zero is the finding of key-usage-not-empty.
    if (content === undefined || content.subarray(1).every((octet) => octet === 0))
      return undefined;
    return (last & (1 << unused)) === 0 ? 'keyUsage has trailing zero bits' : undefined;
  },
};
