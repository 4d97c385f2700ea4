import type { OcspLint } from '../ocsp-subject.ts';

/** The bytes are one ResponseData with every field in its place, every SingleResponse too (RFC 6960 §4.2.1). */
export const ocspStructure: OcspLint = {
  name: 'ocsp-structure',
  citation: 'RFC 6960 §4.2.1',
  description:
    'The bytes are one ResponseData with every field in its place, every SingleResponse too',
  applies: () => true,
  check: (response) => response.defect,
};
