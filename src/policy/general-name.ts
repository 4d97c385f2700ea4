import type { Violation } from '../domain/index.ts';
import { type GeneralName, type Name, parseIpAddress } from '../pkix/index.ts';
import { normaliseDnsName } from './dns-name.ts';
import type { NormalisedName } from './normalised-name.ts';
import { attributeValueFault } from './subject-value.ts';
import { normaliseUri } from './uri.ts';
import { violation } from './violation.ts';
import { policyOidPattern, userPrincipalNameOid } from './vocabulary.ts';

const clause = 'RFC 5280 §4.2.1.6';

function refused(
  rule: string,
  field: string,
  message: string,
  more: { value?: string; mend?: string; clause?: string } = {},
): NormalisedName {
  return { ok: false, violation: violation(rule, field, message, more.clause ?? clause, more) };
}

/**
 * The one normaliser that every GeneralName passes: syntax only. Whether the profile takes the
 * type and the name policy the value is asked elsewhere. otherName is a user principal name or
 * refused; x400Address and ediPartyName are always refused: nothing that we know reads them.
 */
export function normaliseName(name: GeneralName): NormalisedName {
  switch (name.type) {
    case 'dNSName': {
      const dns = normaliseDnsName(name.value, { wildcard: true });
      return dns.ok ? { ok: true, name: { type: 'dNSName', value: dns.name } } : dns;
    }
    case 'iPAddress':
      return normaliseIpAddress(name.bytes);
    case 'rfc822Name': {
      const address = normaliseMailAddress(name.value, 'names.rfc822Name', 'names.email');
      return address.ok
        ? { ok: true, name: { type: 'rfc822Name', value: address.value } }
        : address;
    }
    case 'uniformResourceIdentifier':
      return normaliseUri(name.value);
    case 'directoryName':
      return normaliseDirectoryName(name.name);
    case 'registeredID':
      if (!policyOidPattern.test(name.oid)) {
        return refused(
          'names.registeredID.syntax',
          'names.registeredID',
          'not an object identifier',
          { value: name.oid },
        );
      }
      return { ok: true, name };
    case 'otherName':
      return normaliseOtherName(name.typeId, name.value);
    case 'x400Address':
    case 'ediPartyName':
      return refused(
        'names.type',
        `names.${name.type}`,
        `names of type ${name.type} are not issued`,
        {
          mend: 'ask for a DNS name, IP address, mail address or URI',
        },
      );
    default:
      return name satisfies never;
  }
}

function normaliseIpAddress(bytes: Uint8Array): NormalisedName {
  const field = 'names.iPAddress';
  if (bytes.length !== 4 && bytes.length !== 16) {
    return refused('names.ip.length', field, 'an IP address has 4 or 16 octets', {
      value: `${bytes.length} octets`,
    });
  }
  if (bytes.every((octet) => octet === 0)) {
    return refused('names.ip.unspecified', field, 'the unspecified address names no host', {
      clause: 'RFC 4291 §2.5.2',
    });
  }
  const prefix = parseIpAddress('::ffff:0:0');
  if (
    bytes.length === 16 &&
    prefix.subarray(0, 12).every((octet, index) => bytes[index] === octet)
  ) {
    // Two encodings of one host would let a policy on the one be passed by the other.
    return refused('names.ip.mapped', field, 'an IPv4-mapped IPv6 address hides an IPv4 address', {
      mend: 'ask for the IPv4 address in 4 octets',
      clause: 'RFC 4291 §2.5.5.2',
    });
  }
  return { ok: true, name: { type: 'iPAddress', bytes } };
}

type MailAddressResult =
  | { readonly ok: true; readonly value: string; readonly domain: string }
  | { readonly ok: false; readonly violation: Violation };

/**
 * A mail address as a Mailbox with a dot-string (RFC 5321 §4.1.2; quoted local parts are refused
 * deliberately: parsers disagree on them). The domain is lower-cased, the local part kept.
 */
function normaliseMailAddress(text: string, field: string, rule: string): MailAddressResult {
  const refuse = (message: string, mend: string): MailAddressResult => ({
    ok: false,
    violation: violation(`${rule}.syntax`, field, message, 'RFC 5280 §4.2.1.6', {
      value: text,
      mend,
    }),
  });
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  if (at < 1 || local.length > 64 || text.length > 254) {
    return refuse('not an address of the form local@domain', 'write name@example.org');
  }
  if (!/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local)) {
    return refuse(
      'the part before @ has characters that are not taken',
      'use ASCII letters, digits and . _ - +',
    );
  }
  const domain = normaliseDnsName(text.slice(at + 1), { wildcard: false });
  if (!domain.ok) {
    return { ok: false, violation: { ...domain.violation, field, rule: `${rule}.domain` } };
  }
  return { ok: true, value: `${local}@${domain.name}`, domain: domain.name };
}

function normaliseDirectoryName(name: Name): NormalisedName {
  const field = 'names.directoryName';
  if (name.rdns.length === 0)
    return refused('names.directoryName.empty', field, 'the directory name is empty');
  for (const attribute of name.rdns.flat()) {
    const fault = attributeValueFault(attribute);
    if (fault !== undefined) {
      return refused('names.directoryName.value', field, fault.message, {
        value: attribute.value,
        clause: fault.clause,
      });
    }
  }
  return { ok: true, name: { type: 'directoryName', name } };
}

/** A user principal name is a UTF8String `user@realm`; ASCII only here, as for mail addresses. */
function normaliseOtherName(typeId: string, value: Uint8Array): NormalisedName {
  const field = 'names.otherName';
  if (typeId !== userPrincipalNameOid) {
    return refused('names.type', field, `otherName of type ${typeId} is not issued`, {
      value: typeId,
      mend: 'only user principal names (1.3.6.1.4.1.311.20.2.3) are, where the profile takes them',
    });
  }
  const principal = readUserPrincipalName(value);
  if (principal === undefined) {
    return refused(
      'names.upn.syntax',
      field,
      'a user principal name is a UTF8String of at most 127 octets',
    );
  }
  const address = normaliseMailAddress(principal, field, 'names.upn');
  if (!address.ok) return address;
  return { ok: true, name: userPrincipalName(address.value) };
}

/** The text of a user principal name's value; undefined when it is no short UTF8String. */
export function readUserPrincipalName(value: Uint8Array): string | undefined {
  const length = value[1] ?? 0;
  if (value[0] !== 0x0c || length > 127 || value.length !== length + 2) return undefined;
  const text = Buffer.from(value.subarray(2)).toString('utf8');
  return text.includes('�') ? undefined : text;
}

/** otherName of a user principal name. At most 127 ASCII characters, which `normaliseName` sees to. */
export function userPrincipalName(text: string): GeneralName {
  const content = Buffer.from(text, 'utf8');
  return {
    type: 'otherName',
    typeId: userPrincipalNameOid,
    value: Uint8Array.from([0x0c, content.length, ...content]),
  };
}
