import type { CertificateLint } from '../certificate-subject.ts';
import { attributeName } from '../encoding/name.ts';

const printable = new Set([0x13]);
const ia5 = new Set([0x16]);
const special: ReadonlyMap<string, ReadonlySet<number>> = new Map([
  ['2.5.4.5', printable],
  ['2.5.4.6', printable],
  ['2.5.4.46', printable],
  ['0.9.2342.19200300.100.1.25', ia5],
  ['1.2.840.113549.1.9.1', ia5],
]);
/** TeletexString, BMPString and UniversalString are for names that were established before 2004. */
const directoryString = new Set([0x0c, 0x13]);

/** Attributes are UTF8String or PrintableString; countryName, serialNumber and dnQualifier PrintableString; domainComponent and emailAddress IA5String (RFC 5280 §4.1.2.4, Appendix A.1). */
export const attributeStringType: CertificateLint = {
  name: 'attribute-string-type',
  citation: 'RFC 5280 §4.1.2.4, Appendix A.1',
  description:
    'Attributes are UTF8String or PrintableString; countryName, serialNumber and dnQualifier PrintableString; domainComponent and emailAddress IA5String',
  applies: (certificate) => certificate.subjectAttributes.length > 0,
  check: (certificate) => {
    const odd = certificate.subjectAttributes.find(
      ({ oid: type, value }) => !(special.get(type) ?? directoryString).has(value.tag),
    );
    return odd === undefined
      ? undefined
      : `${attributeName(odd.oid)} has string type 0x${odd.value.tag.toString(16)}`;
  },
};
