import type { Violation } from '../domain/index.ts';
import {
  type AttributeTypeAndValue,
  emptyName,
  encodeName,
  formatIpAddress,
  type GeneralName,
  type Name,
  oids,
  parseIpAddress,
} from '../pkix/index.ts';
import type { Profile } from './profile.ts';
import { attributeValueFault } from './subject-value.ts';
import { violation } from './violation.ts';
import {
  type SubjectAttributeName,
  subjectAttributeName,
  subjectAttributes,
} from './vocabulary.ts';

/** The subject that the profile grants, and what it refuses of the one asked for. */
export interface SubjectResult {
  readonly subject: Name;
  readonly violations: readonly Violation[];
}

/** Our own bound, so that one request can't ask for unbounded work. */
const maximumAttributes = 64;

/**
 * The subject under the profile's rules: attribute by attribute in the order asked for. When
 * nothing is fixed or defaulted the requested Name is copied byte for byte.
 *
 * @param names the granted subjectAltName, for attributes that must stand among them.
 */
export function applySubject(
  profile: Profile,
  requested: Name,
  names: readonly GeneralName[],
): SubjectResult {
  const violations: Violation[] = [];
  const granted: AttributeTypeAndValue[] = [];
  let changed = false;
  if (requested.rdns.length > maximumAttributes) {
    violations.push(
      violation(
        'subject.maximum',
        'subject',
        `a subject has at most ${maximumAttributes} attributes`,
        'RFC 5280 §4.1.2.6',
        {
          value: String(requested.rdns.length),
          mend: 'leave some out',
        },
      ),
    );
    return { subject: requested, violations };
  }
  for (const rdn of requested.rdns) {
    if (rdn.length !== 1) {
      violations.push(
        violation(
          'subject.multiValued',
          'subject',
          'an RDN with several attributes is not taken',
          'RFC 5280 §4.1.2.4',
          {
            mend: 'give each attribute an RDN of its own',
          },
        ),
      );
    }
    for (const attribute of rdn) {
      const refusal = checkAttribute(profile, attribute, names);
      if (refusal === undefined) granted.push(attribute);
      else violations.push(refusal);
    }
  }
  for (const [name, rule] of Object.entries(profile.subject)) {
    const attributeName = name as SubjectAttributeName;
    if (rule === undefined || rule === 'refused') continue;
    const oid = subjectAttributes[attributeName].oid;
    if (granted.some((attribute) => attribute.oid === oid)) continue;
    const text = 'fixed' in rule ? rule.fixed : rule.default;
    if (text !== undefined) {
      granted.push(makeAttribute(attributeName, text));
      changed = true;
    } else if ('from' in rule && rule.required === true) {
      violations.push(
        violation(
          `subject.${name}.required`,
          `subject.${name}`,
          `the profile needs a ${name}`,
          `profile ${profile.name}`,
          {
            mend: `put ${name} into the subject`,
          },
        ),
      );
    }
  }
  if (violations.length > 0) return { subject: requested, violations };
  if (!changed) return { subject: requested, violations };
  return {
    subject: granted.length === 0 ? emptyName : encodeName(granted.map((attribute) => [attribute])),
    violations,
  };
}

/** Why the profile refuses an attribute asked for; undefined when it is granted as it is. */
function checkAttribute(
  profile: Profile,
  attribute: AttributeTypeAndValue,
  names: readonly GeneralName[],
): Violation | undefined {
  const name = subjectAttributeName(attribute.oid);
  const rule = name === undefined ? undefined : profile.subject[name];
  const field = `subject.${name ?? attribute.oid}`;
  if (name === undefined || rule === undefined || rule === 'refused') {
    return violation(
      'subject.attribute',
      field,
      `profile ${profile.name} takes no ${name ?? attributeWord(attribute.oid)} in the subject`,
      `profile ${profile.name}`,
      {
        value: attribute.value,
        mend:
          attribute.oid === oids.emailAddress
            ? 'leave it out; a mail address is asked for as a name (subjectAltName, RFC 5280 §4.1.2.6)'
            : 'leave it out, or choose a profile that takes it',
      },
    );
  }
  const fault = attributeValueFault(attribute);
  if (fault !== undefined) {
    return violation(fault.rule, field, fault.message, fault.clause, {
      value: attribute.value,
      mend: fault.mend,
    });
  }
  if ('fixed' in rule) {
    if (attribute.value === rule.fixed) return undefined;
    return violation(
      'subject.fixed',
      field,
      `profile ${profile.name} fixes ${name} to ${rule.fixed}`,
      `profile ${profile.name}`,
      {
        value: attribute.value,
        mend: 'leave it out',
      },
    );
  }
  if (rule.among === 'names' && !standsAmong(attribute.value, names)) {
    return violation(
      'subject.amongNames',
      field,
      `${name} is not one of the names of the certificate`,
      'RFC 9525 §6.3',
      {
        value: attribute.value,
        mend: `ask for it in subjectAltName as well, or leave ${name} out`,
      },
    );
  }
  return undefined;
}

function attributeWord(oid: string): string {
  return oid === oids.emailAddress ? 'emailAddress' : `attribute ${oid}`;
}

function standsAmong(text: string, names: readonly GeneralName[]): boolean {
  const lower = text.toLowerCase();
  return names.some((name) => {
    if (name.type === 'dNSName') return name.value === lower;
    return name.type === 'iPAddress' && formatIpAddress(name.bytes) === canonicalAddress(lower);
  });
}

function canonicalAddress(text: string): string {
  try {
    return formatIpAddress(parseIpAddress(text));
  } catch {
    return text;
  }
}

function makeAttribute(name: SubjectAttributeName, value: string): AttributeTypeAndValue {
  // PrintableString and IA5String where the attribute's syntax asks for it (RFC 5280 Appendix A.1).
  const tag =
    name === 'countryName' || name === 'serialNumber' || name === 'dnQualifier'
      ? 19
      : name === 'domainComponent'
        ? 22
        : 12;
  return { oid: subjectAttributes[name].oid, value, tag };
}
