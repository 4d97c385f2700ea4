import type { OcspLint } from '../ocsp-subject.ts';

/** There is at least one SingleResponse (RFC 6960 §4.2.1). */
export const ocspResponsesNotEmpty: OcspLint = {
  name: 'ocsp-responses-not-empty',
  citation: 'RFC 6960 §4.2.1',
  description: 'There is at least one SingleResponse',
  applies: () => true,
  check: (response) => (response.fields.responses.length === 0 ? 'responses is empty' : undefined),
};
