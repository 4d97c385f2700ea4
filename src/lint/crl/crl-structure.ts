import type { CrlLint } from '../crl-subject.ts';

/** The bytes are one TBSCertList with every field in its place, every entry too (RFC 5280 §5.1). */
export const crlStructure: CrlLint = {
  name: 'crl-structure',
  citation: 'RFC 5280 §5.1',
  description: 'The bytes are one TBSCertList with every field in its place, every entry too',
  applies: () => true,
  check: (crl) => crl.defect ?? crl.entries.structure,
};
