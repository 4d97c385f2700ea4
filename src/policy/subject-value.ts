import type { AttributeTypeAndValue } from '../pkix/index.ts';
import { hiddenCharacter } from './violation.ts';
import { subjectAttributeName, subjectAttributes } from './vocabulary.ts';

/** What is wrong with the value of an attribute in a name. */
export interface AttributeValueFault {
  readonly rule: string;
  readonly message: string;
  readonly mend: string;
  readonly clause: string;
}

const utf8String = 12;
const printableString = 19;
const ia5String = 22;
const hasNonAscii = /[^\p{ASCII}]/u;

/**
 * Checks one attribute of a distinguished name: string type (RFC 5280 §4.1.2.4: UTF8String or
 * PrintableString; IA5String for domainComponent and emailAddress), upper bound (appendix A.1),
 * no invisible characters, no blank edges. Quotes, braces and markup are characters like any
 * other: names are structure here, never text.
 */
export function attributeValueFault(
  attribute: AttributeTypeAndValue,
): AttributeValueFault | undefined {
  const name = subjectAttributeName(attribute.oid);
  const label = name ?? attribute.oid;
  const { value, tag } = attribute;
  if (tag !== utf8String && tag !== printableString && tag !== ia5String) {
    return {
      rule: 'subject.stringType',
      message: `${label} is neither UTF8String nor PrintableString`,
      mend: 'encode it as UTF8String',
      clause: 'RFC 5280 §4.1.2.4',
    };
  }
  if (
    (tag === printableString && !/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value)) ||
    (tag === ia5String && hasNonAscii.test(value))
  ) {
    return {
      rule: 'subject.alphabet',
      message: `${label} has characters that its string type can't hold`,
      mend: 'encode it as UTF8String',
      clause: 'X.680 §41',
    };
  }
  if (name === 'countryName' && !/^[A-Z]{2}$/.test(value)) {
    return {
      rule: 'subject.country',
      message: 'countryName is a code of two capital letters',
      mend: 'write the ISO 3166 code, for example CH',
      clause: 'RFC 5280 Appendix A.1',
    };
  }
  if (value.trim() === '') {
    return {
      rule: 'subject.empty',
      message: `${label} is empty`,
      mend: 'leave it out',
      clause: 'RFC 5280 Appendix A.1',
    };
  }
  if (hiddenCharacter.test(value)) {
    return {
      rule: 'subject.hiddenCharacter',
      message: `${label} has a control or invisible character`,
      mend: 'write visible characters on one line',
      clause: 'RFC 4518 §2.2',
    };
  }
  if (value !== value.trim()) {
    return {
      rule: 'subject.blankEdge',
      message: `${label} begins or ends with a blank`,
      mend: 'leave the blank out',
      clause: 'RFC 4518 §2.6',
    };
  }
  const maximum = name === undefined ? 32_768 : subjectAttributes[name].maximum;
  if ([...value].length > maximum) {
    return {
      rule: 'subject.length',
      message: `${label} has more than ${maximum} characters`,
      mend: 'shorten it',
      clause: 'RFC 5280 Appendix A.1',
    };
  }
  return undefined;
}
