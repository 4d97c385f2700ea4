import type { CertificateLint } from '../certificate-subject.ts';
import { canonicalDefect } from '../encoding/canonical.ts';
import { innerElement } from '../encoding/extension.ts';
import { oidName } from '../encoding/oids.ts';

/** Every element, inside extensions too, has its one DER form (X.690 §10, §11). */
export const derCanonical: CertificateLint = {
  name: 'der-canonical',
  citation: 'X.690 §10, §11',
  description: 'Every element, inside extensions too, has its one DER form',
  applies: () => true,
  check: (certificate) => {
    const found = canonicalDefect(certificate.fields.whole);
    if (found !== undefined) return found;
    for (const extension of certificate.extensions) {
      const inner = canonicalDefect(innerElement(extension));
      if (inner !== undefined) return `${inner} in ${oidName(extension.oid)}`;
    }
    return undefined;
  },
};
