import type { CertificateLint } from '../certificate-subject.ts';

/** countryName is two capital letters (RFC 5280 Appendix A.1; ISO 3166-1). */
export const countryName: CertificateLint = {
  name: 'country-name',
  citation: 'RFC 5280 Appendix A.1; ISO 3166-1',
  description: 'countryName is two capital letters',
  applies: (certificate) =>
    certificate.subjectAttributes.some((attribute) => attribute.oid === '2.5.4.6'),
  check: (certificate) => {
    const odd = certificate.subjectAttributes.find(
      ({ oid, value }) => oid === '2.5.4.6' && !/^[A-Z]{2}$/.test(value.text),
    );
    return odd === undefined
      ? undefined
      : `countryName ${JSON.stringify(odd.value.text)} is not two capital letters`;
  },
};
