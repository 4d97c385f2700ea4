import { canonicalDefect } from '../encoding/canonical.ts';
import { innerElement } from '../encoding/extension.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** Every element has its one DER form, and the version, v1 by DEFAULT, is left out (X.690 §10, §11; RFC 6960 §4.2.1). */
export const ocspDerCanonical: OcspLint = {
  name: 'ocsp-der-canonical',
  citation: 'X.690 §10, §11; RFC 6960 §4.2.1',
  description: 'Every element has its one DER form, and the version, v1 by DEFAULT, is left out',
  applies: () => true,
  check: (response) => {
    const { whole, version, extensions, responses } = response.fields;
    const found = canonicalDefect(whole);
    if (found !== undefined) return found;
    if (version !== undefined) return 'the version is encoded; v1 is the DEFAULT and the only one';
    for (const extension of [...extensions, ...responses.flatMap((single) => single.extensions)]) {
      if (extension.defaultEncoded) return 'critical FALSE is the DEFAULT and must be left out';
      const inner = canonicalDefect(innerElement(extension));
      if (inner !== undefined) return inner;
    }
    return undefined;
  },
};
