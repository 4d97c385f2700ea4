import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** nameConstraints hold permitted or excluded subtrees, and neither list is empty (RFC 5280 §4.2.1.10). */
export const nameConstraintsNotEmpty: CertificateLint = {
  name: 'name-constraints-not-empty',
  citation: 'RFC 5280 §4.2.1.10',
  description: 'nameConstraints hold permitted or excluded subtrees, and neither list is empty',
  applies: (certificate) => certificate.has(oid.nameConstraints),
  check: (certificate) => {
    const lists = certificate.value(oid.nameConstraints)?.children ?? [];
    if (lists.length === 0) return 'nameConstraints is an empty SEQUENCE';
    return lists.some((list) => list.length === 0) ? 'a list of subtrees is empty' : undefined;
  },
};
