import type { CrlLint, OpenHeader } from '../crl-subject.ts';
import { canonicalDefect } from '../encoding/canonical.ts';
import { innerElement } from '../encoding/extension.ts';
import { oidName } from '../encoding/oids.ts';

/** Whether a header has the fewest octets that its length can be written in. */
function isMinimal({ octets, length }: OpenHeader): boolean {
  return octets === 2 + (length < 0x80 ? 0 : Math.ceil(Math.log2(length + 1) / 8));
}

/** Every element, inside extensions and entries too, has its one DER form (X.690 §10, §11). */
export const crlDerCanonical: CrlLint = {
  name: 'crl-der-canonical',
  citation: 'X.690 §10, §11',
  description: 'Every element, inside extensions and entries too, has its one DER form',
  applies: () => true,
  check: (crl) => {
    const { whole, list } = crl.outline;
    if (!isMinimal(whole)) return 'the length of the whole is not minimal';
    if (list !== undefined && !isMinimal(list)) {
      return 'the length of revokedCertificates is not minimal';
    }
    for (const child of crl.fields.whole.children) {
      const found = canonicalDefect(child);
      if (found !== undefined) return found;
    }
    for (const extension of crl.extensions) {
      const found = canonicalDefect(innerElement(extension));
      if (found !== undefined) return `${found} in ${oidName(extension.oid)}`;
    }
    return crl.entries.canonical;
  },
};
