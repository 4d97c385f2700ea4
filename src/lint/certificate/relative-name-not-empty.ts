import type { CertificateLint } from '../certificate-subject.ts';

/** No RelativeDistinguishedName of the subject is an empty SET or names one attribute type twice (RFC 5280 §4.1.2.4). */
export const relativeNameNotEmpty: CertificateLint = {
  name: 'relative-name-not-empty',
  citation: 'RFC 5280 §4.1.2.4',
  description:
    'No RelativeDistinguishedName of the subject is an empty SET or names one attribute type twice',
  applies: (certificate) => !certificate.subjectEmpty,
  check: (certificate) => {
    for (const rdn of certificate.fields.subject.children) {
      if (rdn.length === 0) return 'an empty RelativeDistinguishedName';
      const types = rdn.children.map((attribute) => attribute.child(0)?.oid);
      if (new Set(types).size !== types.length)
        return 'an attribute type twice in one RelativeDistinguishedName';
    }
    return undefined;
  },
};
