import { describe, expect, it } from 'vitest';
import { nullValue, octetString, oid, sequence, tags, utf8String } from '../../../src/der/index.ts';
import {
  type Certificate,
  checkNameConstraints,
  emptyName,
  encodeName,
  encodeNameConstraints,
  type GeneralName,
  type Name,
  oids,
  parseDistinguishedName,
  parseIpAddress,
} from '../../../src/pkix/index.ts';
import { sampleCertificate, sampleKey } from '../../support/pki-samples.ts';

const dns = (value: string): GeneralName => ({ type: 'dNSName', value });
const email = (value: string): GeneralName => ({ type: 'rfc822Name', value });
const uri = (value: string): GeneralName => ({ type: 'uniformResourceIdentifier', value });
const ip = (value: string): GeneralName => ({ type: 'iPAddress', bytes: parseIpAddress(value) });
const dir = (value: string): GeneralName => ({
  type: 'directoryName',
  name: parseDistinguishedName(value),
});
const rid = (value: string): GeneralName => ({ type: 'registeredID', oid: value });
const other = (typeId: string, value = utf8String('a')): GeneralName => ({
  type: 'otherName',
  typeId,
  value,
});
const upn = (text: string): GeneralName => other(oids.userPrincipalName, utf8String(text));
const mask = (address: string, netmask: string): GeneralName => ({
  type: 'iPAddress',
  bytes: Uint8Array.from([...parseIpAddress(address), ...parseIpAddress(netmask)]),
});

const key = sampleKey('ecdsa-with-SHA256');

/** An issuer with these subtrees. */
function issuer(
  permitted: readonly GeneralName[],
  excluded: readonly GeneralName[] = [],
): Certificate {
  const constraints = encodeNameConstraints({
    permittedSubtrees: permitted.map((base) => ({ base })),
    excludedSubtrees: excluded.map((base) => ({ base })),
  });
  return sampleCertificate({ key, subject: 'CN=Issuer', ca: true, extensions: [constraints] });
}

function rules(
  chain: readonly Certificate[],
  names: readonly GeneralName[],
  subject: Name = emptyName,
): string[] {
  return checkNameConstraints(chain, subject, names).map((violation) => violation.rule);
}

const inside: string[] = [];
const outside = ['name-constraints-permitted'];
const excludedRule = ['name-constraints-excluded'];

describe('RFC 5280 §4.2.1.10: permitted subtrees, every form', () => {
  it.each<[string, GeneralName, GeneralName, string[]]>([
    ['the host itself', dns('example.com'), dns('example.com'), inside],
    ['a subdomain', dns('example.com'), dns('a.b.example.com'), inside],
    ['any case', dns('Example.COM'), dns('A.eXample.com'), inside],
    ['a name that only ends alike', dns('example.com'), dns('badexample.com'), outside],
    ['the parent', dns('example.com'), dns('com'), outside],
    ['another name', dns('example.com'), dns('example.org'), outside],
    ['a wildcard below', dns('example.com'), dns('*.example.com'), inside],
    ['a wildcard above', dns('a.example.com'), dns('*.example.com'), outside],
    ['everything', dns(''), dns('example.com'), inside],
    ['a leading period: below', dns('.example.com'), dns('a.example.com'), inside],
    ['a leading period: itself', dns('.example.com'), dns('example.com'), outside],
    ['a final period', dns('example.com'), dns('a.example.com.'), outside],
    ['an empty label', dns('example.com'), dns('a..example.com'), outside],
    ['a NUL', dns('example.com'), dns('evil.org\0.example.com'), outside],
    ['a blank', dns('example.com'), dns(' example.com'), outside],
    ['a partial wildcard', dns('example.com'), dns('f*.example.com'), outside],
    ['a subtree with a wildcard', dns('*.example.com'), dns('a.example.com'), outside],
    ['an address in a dNSName', dns('2.1'), dns('192.0.2.1'), outside],

    ['a mailbox', email('a@example.com'), email('a@example.com'), inside],
    ['a mailbox, host in another case', email('a@example.com'), email('a@EXAMPLE.com'), inside],
    [
      'a mailbox, local part in another case',
      email('a@example.com'),
      email('A@example.com'),
      outside,
    ],
    ['all of a host', email('example.com'), email('b@example.com'), inside],
    ['all of a host, but a subdomain', email('example.com'), email('b@x.example.com'), outside],
    ['all below a domain', email('.example.com'), email('b@x.example.com'), inside],
    ['all below a domain, but the domain', email('.example.com'), email('b@example.com'), outside],
    ['two signs', email('example.com'), email('a@evil.org@example.com'), outside],
    ['a quoted sign', email('example.com'), email('"a@evil.org"@example.com'), outside],
    ['no sign', email('example.com'), email('example.com'), outside],
    ['no local part', email('example.com'), email('@example.com'), outside],

    ['a URI’s host', uri('a.example.com'), uri('https://a.example.com/x?y#z'), inside],
    [
      'a URI’s host with port and user',
      uri('a.example.com'),
      uri('https://u:p@a.example.com:8443'),
      inside,
    ],
    ['a URI’s host, a subdomain', uri('example.com'), uri('https://a.example.com/'), outside],
    ['below a URI domain', uri('.example.com'), uri('ldap://a.b.example.com/'), inside],
    [
      'a user that looks like the host',
      uri('example.com'),
      uri('https://example.com@evil.org/'),
      outside,
    ],
    [
      'a path that looks like the host',
      uri('example.com'),
      uri('https://evil.org/@example.com'),
      outside,
    ],
    ['a backslash', uri('example.com'), uri('https://evil.org\\@example.com/'), outside],
    ['a URI of an address', uri('.example.com'), uri('https://192.0.2.1/'), outside],
    ['a URI of an IPv6 address', uri('.example.com'), uri('https://[2001:db8::1]/'), outside],
    ['a URI without authority', uri('.example.com'), uri('urn:example:a'), outside],
    ['a URI with an escaped host', uri('example.com'), uri('https://ex%61mple.com/'), outside],

    ['an address', mask('10.0.0.0', '255.0.0.0'), ip('10.1.2.3'), inside],
    ['an address outside', mask('10.0.0.0', '255.0.0.0'), ip('11.1.2.3'), outside],
    ['a mask of 12 bits', mask('172.16.0.0', '255.240.0.0'), ip('172.31.255.255'), inside],
    ['a mask of 12 bits, outside', mask('172.16.0.0', '255.240.0.0'), ip('172.32.0.0'), outside],
    ['all addresses', mask('0.0.0.0', '0.0.0.0'), ip('1.2.3.4'), inside],
    ['one address', mask('1.2.3.4', '255.255.255.255'), ip('1.2.3.5'), outside],
    ['an IPv6 address', mask('2001:db8::', 'ffff:ffff::'), ip('2001:db8:1::5'), inside],
    ['an IPv6 address outside', mask('2001:db8::', 'ffff:ffff::'), ip('2001:db9::'), outside],
    ['IPv6 under an IPv4 subtree', mask('0.0.0.0', '0.0.0.0'), ip('2001:db8::1'), outside],
    ['IPv4 under an IPv6 subtree', mask('::', '::'), ip('1.2.3.4'), outside],
    ['a mask with a hole', mask('10.0.0.0', '255.0.255.0'), ip('10.1.0.3'), outside],

    ['a directory name', dir('O=Example,C=DE'), dir('CN=a,O=Example,C=DE'), inside],
    ['the base itself', dir('O=Example,C=DE'), dir('O=Example,C=DE'), inside],
    ['another order', dir('O=Example,C=DE'), dir('C=DE,O=Example'), outside],
    ['the parent of the base', dir('O=Example,C=DE'), dir('C=DE'), outside],
    ['case and blanks (§7.1)', dir('O=Example Inc,C=DE'), dir('CN=a,O=EXAMPLE   inc,C=de'), inside],

    ['registeredID, which has no rules', rid('1.2.3'), rid('1.2.3'), outside],
    ['otherName, which has no rules', other('1.2.3'), other('1.2.3'), outside],
    ['otherName of another type', other('1.2.3'), other('1.2.4'), []],
    ['user principal name of the realm', upn('@example.com'), upn('ann@example.com'), []],
    ['user principal name of realms below', upn('.example.com'), upn('ann@a.example.com'), []],
    ['user principal name of another realm', upn('@example.com'), upn('ann@example.org'), outside],
    [
      'user principal name that is none',
      upn('@example.com'),
      other(oids.userPrincipalName, nullValue()),
      outside,
    ],
    ['mail address under a user principal name', upn('@example.com'), email('ann@example.org'), []],
  ])('%s', (_what, base, name, expected) => {
    expect(rules([issuer([base])], [name])).toEqual(expected);
  });

  it('forms that are not constrained stay free', () => {
    const chain = [issuer([dns('example.com')])];
    expect(
      rules(chain, [
        ip('1.2.3.4'),
        email('a@b'),
        uri('urn:x'),
        dir('CN=a'),
        rid('1.2'),
        other('1.2'),
      ]),
    ).toEqual([]);
  });

  it('one permitted subtree of several is enough', () => {
    const chain = [
      issuer([dns('a.com'), dns('b.com'), mask('10.0.0.0', '255.0.0.0'), mask('::', '::')]),
    ];
    expect(rules(chain, [dns('x.b.com'), ip('10.0.0.1'), ip('::1')])).toEqual([]);
    expect(rules(chain, [dns('x.b.com'), ip('11.0.0.1')])).toEqual(outside);
  });
});

describe('excluded subtrees, every form', () => {
  it.each<[string, GeneralName, GeneralName, string[]]>([
    ['a subdomain', dns('evil.com'), dns('a.evil.com'), excludedRule],
    ['another host', dns('evil.com'), dns('devil.com'), inside],
    ['a leading period covers the host as well', dns('.evil.com'), dns('evil.com'), excludedRule],
    ['a wildcard that can stand for it', dns('a.evil.com'), dns('*.evil.com'), excludedRule],
    ['a wildcard that cannot', dns('a.b.evil.com'), dns('*.evil.com'), inside],
    ['a name that can’t be judged', dns('evil.com'), dns('evil.com.'), excludedRule],
    ['a subtree that can’t be judged', dns('ev*il.com'), dns('good.com'), excludedRule],
    ['all names', dns(''), dns('good.com'), excludedRule],
    [
      'a mailbox, local part in another case',
      email('root@evil.com'),
      email('ROOT@evil.com'),
      excludedRule,
    ],
    ['another mailbox', email('root@evil.com'), email('a@evil.com'), inside],
    ['all mailboxes', email(''), email('a@b'), excludedRule],
    ['a URI', uri('.evil.com'), uri('http://a.evil.com'), excludedRule],
    ['a URI without authority', uri('.evil.com'), uri('urn:x'), excludedRule],
    ['an address', mask('10.0.0.0', '255.0.0.0'), ip('10.9.9.9'), excludedRule],
    ['an IPv4-mapped address', mask('10.0.0.0', '255.0.0.0'), ip('::ffff:10.9.9.9'), excludedRule],
    ['another IPv4-mapped address', mask('10.0.0.0', '255.0.0.0'), ip('::ffff:11.9.9.9'), inside],
    ['IPv6 under an IPv4 subtree', mask('0.0.0.0', '0.0.0.0'), ip('2001:db8::1'), inside],
    ['a mask with a hole', mask('10.0.0.0', '255.0.255.0'), ip('1.1.1.1'), excludedRule],
    ['a directory name in another case', dir('O=Evil'), dir('CN=a,O=EVIL'), excludedRule],
    ['every directory name', { type: 'directoryName', name: emptyName }, dir('CN=a'), excludedRule],
    ['registeredID', rid('1.2.3'), rid('1.2.4'), excludedRule],
    ['otherName of the same type', other('1.2.3'), other('1.2.3', utf8String('b')), excludedRule],
    ['otherName of another type', other('1.2.3'), other('1.2.4'), []],
    ['user principal name of the realm', upn('@example.com'), upn('ann@example.com'), excludedRule],
    ['user principal name, whole', upn('ann@example.com'), upn('Ann@EXAMPLE.com'), excludedRule],
    ['user principal name of a realm below', upn('@example.com'), upn('ann@a.example.com'), []],
    ['user principal name without a realm', upn('@example.com'), upn('ann'), excludedRule],
    [
      'x400Address',
      { type: 'x400Address', der: Uint8Array.of(0xa3, 2, 5, 0) },
      { type: 'x400Address', der: Uint8Array.of(0xa3, 0) },
      excludedRule,
    ],
    [
      'ediPartyName',
      { type: 'ediPartyName', der: Uint8Array.of(0xa5, 0) },
      { type: 'ediPartyName', der: Uint8Array.of(0xa5, 0) },
      excludedRule,
    ],
  ])('%s', (_what, base, name, expected) => {
    expect(rules([issuer([], [base])], [name])).toEqual(expected);
  });

  it('I52: another string type does not escape an excluded directory name', () => {
    const chain = [issuer([], [dir('O=Evil')])];
    for (const tag of [tags.utf8String, tags.printableString, tags.bmpString, tags.t61String]) {
      const name = encodeName([[{ oid: oids.organizationName, value: 'Evil', tag }]]);
      expect(rules(chain, [{ type: 'directoryName', name }])).toEqual(excludedRule);
      expect(rules(chain, [], name)).toEqual(excludedRule);
    }
  });
});

describe('the subject', () => {
  it('is a directory name, when it is not empty', () => {
    const chain = [issuer([dir('O=Example')])];
    expect(rules(chain, [], parseDistinguishedName('CN=a,O=Example'))).toEqual([]);
    expect(rules(chain, [], parseDistinguishedName('CN=a,O=Other'))).toEqual(outside);
    expect(rules(chain, [])).toEqual([]);
  });

  it('its emailAddress falls under rfc822Name subtrees', () => {
    const chain = [issuer([email('example.com')])];
    expect(rules(chain, [], parseDistinguishedName('emailAddress=a@example.com'))).toEqual([]);
    expect(rules(chain, [], parseDistinguishedName('emailAddress=a@evil.org'))).toEqual(outside);
  });

  it('its commonName counts as a dNSName when there is none and it looks like one', () => {
    const chain = [issuer([dns('example.com')])];
    expect(rules(chain, [], parseDistinguishedName('CN=a.evil.org'))).toEqual(outside);
    expect(rules(chain, [], parseDistinguishedName('CN=*.evil.org'))).toEqual(outside);
    expect(rules(chain, [], parseDistinguishedName('CN=a.example.com'))).toEqual([]);
    expect(rules(chain, [], parseDistinguishedName('CN=Some person'))).toEqual([]);
    expect(rules(chain, [dns('example.com')], parseDistinguishedName('CN=a.evil.org'))).toEqual([]);
  });

  it('a SmtpUTF8Mailbox falls under rfc822Name subtrees (RFC 9598)', () => {
    const chain = [issuer([email('example.com')])];
    const mailbox = (text: string): GeneralName => other(oids.smtpUtf8Mailbox, utf8String(text));
    expect(rules(chain, [mailbox('grüße@example.com')])).toEqual([]);
    expect(rules(chain, [mailbox('grüße@evil.org')])).toEqual(outside);
    expect(rules(chain, [mailbox('a@exämple.com')])).toEqual(outside);
    expect(rules(chain, [other(oids.smtpUtf8Mailbox, octetString(Uint8Array.of(1)))])).toEqual(
      outside,
    );
  });
});

describe('T-NC-1: the whole chain, malformed extensions, work', () => {
  it('each issuer above must admit the name, the root included', () => {
    const free = sampleCertificate({ key, subject: 'CN=Free', ca: true });
    const wide = issuer([dns('example.com')]);
    const narrow = issuer([dns('a.example.com')]);
    expect(rules([narrow, free, wide], [dns('x.a.example.com')])).toEqual([]);
    expect(rules([narrow, free, wide], [dns('b.example.com')])).toEqual(outside);
    // The direct issuer permits, the root does not: checking the direct issuer alone is not enough.
    expect(rules([wide, free, narrow], [dns('b.example.com')])).toEqual(outside);
    expect(rules([free, free, issuer([], [dns('example.com')])], [dns('b.example.com')])).toEqual(
      excludedRule,
    );
    expect(rules([wide, issuer([], [dns('b.example.com')])], [dns('b.example.com')])).toEqual(
      excludedRule,
    );
  });

  it.each([
    ['empty', '3000'],
    ['empty permittedSubtrees', '3002a000'],
    ['a maximum', '300aa0083006820161810100'],
    ['no DER', 'ff'],
    ['an address without mask', '300aa0083006870401020304'],
  ])('%s: nothing is permitted', (_what, hex) => {
    const extension = {
      oid: oids.nameConstraints,
      critical: true,
      value: Uint8Array.from(Buffer.from(hex, 'hex')),
    };
    const broken = sampleCertificate({ key, subject: 'CN=x', ca: true, extensions: [extension] });
    expect(rules([broken], [dns('a')])).toEqual(['name-constraints-malformed']);
    expect(rules([broken], [])).toEqual(['name-constraints-malformed']);
  });

  it('I43: thousands of names against thousands of subtrees end soon, in a refusal', () => {
    const many = issuer(Array.from({ length: 3000 }, (_value, i) => dns(`a${i}.example`)));
    const names = Array.from({ length: 3000 }, (_value, i) => dns(`b${i}.example`));
    const started = performance.now();
    const found = rules([many], names);
    expect(found.at(-1)).toBe('path-budget');
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('says which name, which issuer, and which subtree', () => {
    const [violation] = checkNameConstraints([issuer([dns('example.com')])], emptyName, [
      dns('evil.org'),
    ]);
    expect(violation).toMatchObject({
      field: 'subjectAltName',
      value: 'DNS:evil.org',
      clause: 'RFC 5280 §4.2.1.10',
    });
    expect(violation?.message).toMatch(/DNS:evil\.org.*CN=Issuer.*DNS:example\.com/);
  });

  it('sequence and oid of an otherName that is no mailbox are not taken for one', () => {
    expect(rules([issuer([email('example.com')])], [other('1.2.3', sequence(oid('1.2')))])).toEqual(
      [],
    );
  });
});
