import { describe, expect, test } from 'vitest';
import {
  encodeKeyUsage,
  type GeneralName,
  type KeyUsageBit,
  oids,
  parseIpAddress,
} from '../../../src/pkix/index.ts';
import { applyProfile, requestFromCsr } from '../../../src/policy/index.ts';
import {
  decide,
  decidingIssuer,
  decisionTime,
  dnsName,
  refusals,
  subjectAltName,
} from '../../support/decision.ts';
import {
  makeRequest,
  nextSerialNumber,
  productProfile,
  softwareKey,
} from '../../support/software-issuer.ts';

describe('names and commonName', () => {
  test('the commonName must stand among the names, in any case, address or not', () => {
    const both = (commonName: string, name: GeneralName): readonly string[] =>
      refusals('tls-server', `CN=${commonName}`, [subjectAltName(name)]);
    expect(both('A.Example.org', dnsName('a.example.ORG'))).toEqual([]);
    expect(
      both('2001:DB8::1', { type: 'iPAddress', bytes: parseIpAddress('2001:db8::1') }),
    ).toEqual([]);
    expect(both('b.example.org', dnsName('a.example.org'))).toEqual(['subject.amongNames']);
    expect(both('a.example.org', dnsName('*.example.org'))).toEqual(['subject.amongNames']);
  });

  test('a commonName alone becomes the one name, and the answer says so', () => {
    const result = decide('tls-server', 'CN=a.example.org', []);
    expect(result).toMatchObject({
      ok: true,
      names: [dnsName('a.example.org')],
      requested: { subject: 'CN=a.example.org' },
      granted: { names: ['DNS:a.example.org'], namesTakenFrom: 'commonName' },
    });
    expect(refusals('tls-server', 'CN=My Server', [])).toEqual([
      'names.minimum',
      'subject.amongNames',
    ]);
    expect(refusals('tls-server', 'CN=a_b.example.org', [])).toContain('names.dns.underscore');
  });

  test('subjectAltName is critical exactly when the subject is empty (RFC 5280 §4.2.1.6)', () => {
    const criticality = (subject: string): boolean | undefined => {
      const result = decide('tls-server', subject, [subjectAltName(dnsName('a.example.org'))]);
      return result.ok
        ? result.tbs.extensions.find(({ oid }) => oid === oids.subjectAltName)?.critical
        : undefined;
    };
    expect(criticality('')).toBe(true);
    expect(criticality('CN=a.example.org')).toBe(false);
    expect(criticality('O=Example')).toBe(false);
  });

  test('names are granted normalised and once; the report shows both forms', () => {
    const result = decide('tls-server', '', [
      subjectAltName(dnsName('B.Example.org'), dnsName('a.example.org'), dnsName('b.example.org')),
    ]);
    expect(result).toMatchObject({
      ok: true,
      names: [dnsName('b.example.org'), dnsName('a.example.org')],
      requested: { names: ['DNS:B.Example.org', 'DNS:a.example.org', 'DNS:b.example.org'] },
      granted: { names: ['DNS:b.example.org', 'DNS:a.example.org'] },
    });
  });

  test('more names than the profile takes are refused, whatever their number', () => {
    const names = Array.from({ length: 101 }, (_, index) => dnsName(`n${index}.example.org`));
    expect(refusals('tls-server', '', [subjectAltName(...names)])).toEqual(['names.maximum']);
    expect(refusals('tls-server', '', [subjectAltName(...names.slice(1))])).toEqual([]);
  });

  test('a name that only the CSR has is refused when names came beside it', () => {
    const csr = [subjectAltName(dnsName('a.example.org'), dnsName('b.example.org'))];
    expect(refusals('tls-server', '', csr, { names: [dnsName('a.example.org')] })).toEqual([
      'names.onlyInCsr',
    ]);
    expect(
      refusals('tls-server', '', csr, {
        names: [dnsName('b.example.org'), dnsName('A.example.org')],
      }),
    ).toEqual([]);
  });

  test('nobody at all is no subject', () => {
    expect(refusals('tls-client', '', [])).toEqual(['subject.nameless']);
    expect(refusals('device', '', [])).toEqual(['subject.commonName.required']);
  });
});

describe('T-TPL-1: text is text', () => {
  test.each([
    '"',
    '}',
    '{{.Subject}}',
    '${x}',
    '<b>',
    "'; DROP TABLE x; --",
    '%s',
    'a,CN\\=b',
    '名前',
  ])('%j in a subject stands in the certificate exactly as asked', (text) => {
    const key = softwareKey('p256');
    const csr = makeRequest(key, `CN=${text.replace(/[\\,"+<>;=#]/g, (c) => `\\${c}`)}`);
    const result = applyProfile({
      profile: productProfile('tls-client'),
      request: requestFromCsr(csr),
      issuer: decidingIssuer.input,
      now: decisionTime,
      serialNumber: nextSerialNumber(),
    });
    expect(result.ok && result.tbs.subject.rdns[0]?.[0]?.value).toBe(
      csr.subject.rdns[0]?.[0]?.value,
    );
    expect(result.ok && result.tbs.subject.der).toEqual(csr.subject.der);
  });

  test.each([
    'a\nb',
    'a\0b',
    'a\u2028b',
    'a\u202eb',
    'a\u200bb',
    ' a',
    'a ',
    '\ta',
    'x'.repeat(65),
  ])('%j is refused', (text) => {
    const csr = makeRequest(softwareKey('p256'), 'CN=x');
    const attribute = { oid: oids.commonName, value: text, tag: 12 };
    const result = applyProfile({
      profile: productProfile('tls-client'),
      request: { ...requestFromCsr(csr), subject: { der: csr.subject.der, rdns: [[attribute]] } },
      issuer: decidingIssuer.input,
      now: decisionTime,
      serialNumber: nextSerialNumber(),
    });
    expect(result.ok).toBe(false);
    // What is shown of it can neither break a line nor turn the text around.
    expect(JSON.stringify(result)).not.toMatch(/[\u2028\u202e\u200b]/);
  });

  test('a name with a quote cannot become two names', () => {
    const name = dnsName('a.example.org", DNS:admin.example.org');
    expect(refusals('tls-server', '', [subjectAltName(name)])).toEqual(['names.dns.syntax']);
  });

  test('country codes, string types and multi-valued RDNs follow RFC 5280', () => {
    const withAttribute = (oid: string, value: string, tag: number): readonly string[] => {
      const csr = makeRequest(softwareKey('p256'), 'CN=x');
      const rdns = [[{ oid, value, tag }], [{ oid: oids.commonName, value: 'x', tag: 12 }]];
      const result = applyProfile({
        profile: productProfile('tls-client'),
        request: { ...requestFromCsr(csr), subject: { der: csr.subject.der, rdns } },
        issuer: decidingIssuer.input,
        now: decisionTime,
        serialNumber: nextSerialNumber(),
      });
      return result.ok ? [] : result.violations.map(({ rule }) => rule);
    };
    expect(withAttribute(oids.countryName, 'CH', 19)).toEqual([]);
    expect(withAttribute(oids.countryName, 'Switzerland', 19)).toEqual(['subject.country']);
    expect(withAttribute(oids.organizationName, 'Example', 20)).toEqual(['subject.stringType']);
    expect(withAttribute(oids.organizationName, 'Example', 30)).toEqual(['subject.stringType']);
    expect(withAttribute(oids.pseudonym, 'x', 12)).toEqual(['subject.attribute']);
    expect(refusals('tls-client', 'CN=x+O=y', [])).toEqual(['subject.multiValued']);
  });
});

const mailbox: GeneralName = { type: 'rfc822Name', value: 'ann@example.org' };

describe('key usage by type of key', () => {
  const granted = (
    profile: string,
    algorithm: 'p256' | 'rsa2048' | 'ed25519',
    asked?: KeyUsageBit[],
  ): unknown => {
    const names = subjectAltName(profile.startsWith('email') ? mailbox : dnsName('a.example.org'));
    const result = decide(
      profile,
      '',
      asked === undefined ? [names] : [names, encodeKeyUsage(asked)],
      {},
      algorithm,
    );
    return result.ok ? result.granted['keyUsage'] : result.violations.map(({ rule }) => rule);
  };

  test('TLS: keyEncipherment for RSA keys and only when asked for', () => {
    expect(granted('tls-server', 'rsa2048')).toEqual(['digitalSignature']);
    expect(granted('tls-server', 'rsa2048', ['digitalSignature', 'keyEncipherment'])).toEqual([
      'digitalSignature',
      'keyEncipherment',
    ]);
    expect(granted('tls-server', 'rsa2048', ['keyEncipherment'])).toEqual(['keyUsage.required']);
    expect(granted('tls-server', 'rsa2048', ['digitalSignature', 'dataEncipherment'])).toEqual([
      'keyUsage.refused',
    ]);
    expect(granted('tls-server', 'ed25519', ['digitalSignature', 'keyAgreement'])).toEqual([
      'keyUsage.keyType',
    ]);
  });

  test('e-mail: EC keys agree, RSA keys encipher, Ed25519 keys only sign', () => {
    expect(granted('email-encryption', 'p256')).toEqual(['keyAgreement']);
    expect(granted('email-encryption', 'rsa2048')).toEqual(['keyEncipherment']);
    expect(granted('email-encryption', 'ed25519')).toEqual(['key.algorithm']);
    expect(granted('email-signing', 'ed25519')).toEqual(['digitalSignature']);
    expect(granted('email-signing', 'p256', ['digitalSignature', 'nonRepudiation'])).toEqual([
      'digitalSignature',
      'nonRepudiation',
    ]);
  });
});

test('extensions hidden in another attribute are refused, not dropped', () => {
  const csr = makeRequest(softwareKey('p256'), '', [subjectAltName(dnsName('a.example.org'))]);
  const request = requestFromCsr({
    ...csr,
    attributeOids: [...csr.attributeOids, '1.3.6.1.4.1.311.2.1.14'],
  });
  const input = {
    profile: productProfile('tls-server'),
    issuer: decidingIssuer.input,
    now: decisionTime,
    serialNumber: '1234',
  };
  expect(applyProfile({ ...input, request })).toMatchObject({
    ok: false,
    violations: [{ rule: 'extension.attribute' }],
  });
  const withPassword = requestFromCsr({
    ...csr,
    attributeOids: [...csr.attributeOids, oids.challengePassword],
  });
  expect(applyProfile({ ...input, request: withPassword })).toMatchObject({
    ok: true,
    requested: { attributesWithoutEffect: [oids.challengePassword] },
  });
});
