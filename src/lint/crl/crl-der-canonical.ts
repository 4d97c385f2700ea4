import type { CrlLint } from '../crl-subject.ts';
import { canonicalDefect } from '../encoding/canonical.ts';
import type { Element } from '../encoding/element.ts';
import { innerElement } from '../encoding/extension.ts';
import { oidName } from '../encoding/oids.ts';

/** A length of the list of entries or of the whole, whose content is looked at elsewhere. */
function headerDefect({ source, start, contentStart, length, tag }: Element): string | undefined {
  const octets = contentStart - start - 2;
  const minimal = length < 0x80 ? 0 : Math.ceil(Math.log2(length + 1) / 8);
  return octets === minimal
    ? undefined
    : `a length that is not minimal at octet ${start}, tag 0x${tag.toString(16)} of ${source.length}`;
}

/** Every element, inside extensions and entries too, has its one DER form (X.690 §10, §11). */
export const crlDerCanonical: CrlLint = {
  name: 'crl-der-canonical',
  citation: 'X.690 §10, §11',
  description: 'Every element, inside extensions and entries too, has its one DER form',
  applies: () => true,
  check: (crl) => {
    const { whole, revokedCertificates } = crl.fields;
    const header = headerDefect(whole);
    if (header !== undefined) return header;
    for (const child of whole.children) {
      const found = child === revokedCertificates ? headerDefect(child) : canonicalDefect(child);
      if (found !== undefined) return found;
    }
    for (const extension of crl.extensions) {
      const found = canonicalDefect(innerElement(extension));
      if (found !== undefined) return `${found} in ${oidName(extension.oid)}`;
    }
    return crl.entries.canonical;
  },
};
