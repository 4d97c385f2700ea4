import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** Whether the octets are ones, then zeros, bit by bit. */
function contiguous(mask: Uint8Array): boolean {
  const bits = Array.from(mask, (octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits);
}

/** Each subtree is a base alone (no minimum, no maximum); an iPAddress base is address and contiguous mask (RFC 5280 §4.2.1.10). */
export const nameConstraintsSubtrees: CertificateLint = {
  name: 'name-constraints-subtrees',
  citation: 'RFC 5280 §4.2.1.10',
  description:
    'Each subtree is a base alone (no minimum, no maximum); an iPAddress base is address and contiguous mask',
  applies: (certificate) => certificate.has(oid.nameConstraints),
  check: (certificate) => {
    const lists = certificate.value(oid.nameConstraints)?.children ?? [];
    for (const subtree of lists.flatMap((list) => list.children)) {
      const [base, more] = subtree.children;
      if (base === undefined || more !== undefined) return 'a subtree is not a base alone';
      if (base.tag !== 0x87) continue;
      if (base.length !== 8 && base.length !== 32)
        return `an iPAddress subtree of ${base.length} octets`;
      if (!contiguous(base.content.subarray(base.length / 2)))
        return 'an iPAddress subtree whose mask has holes';
    }
    return undefined;
  },
};
