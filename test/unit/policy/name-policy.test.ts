import { describe, expect, test } from 'vitest';
import {
  type GeneralName,
  parseDistinguishedName,
  parseIpAddress,
} from '../../../src/pkix/index.ts';
import {
  checkNamePolicy,
  type NamePolicy,
  parseNamePolicy,
  permitAll,
} from '../../../src/policy/index.ts';

/** One name of every type that can be issued. */
const samples: Readonly<Record<string, GeneralName>> = {
  dns: { type: 'dNSName', value: 'a.example.org' },
  ip: { type: 'iPAddress', bytes: parseIpAddress('10.1.2.3') },
  email: { type: 'rfc822Name', value: 'ann@example.org' },
  uri: { type: 'uniformResourceIdentifier', value: 'https://a.example.org/x' },
  userPrincipalName: {
    type: 'otherName',
    typeId: '1.3.6.1.4.1.311.20.2.3',
    value: Uint8Array.from([0x0c, 15, ...Buffer.from('ann@example.org')]),
  },
  directory: { type: 'directoryName', name: parseDistinguishedName('CN=ann,O=Example,C=CH') },
  registeredID: { type: 'registeredID', oid: '2.999.1.5' },
};
const covering: Readonly<Record<string, string>> = {
  dns: 'example.org',
  ip: '10.0.0.0/8',
  email: 'example.org',
  uri: 'example.org',
  userPrincipalName: 'example.org',
  directory: 'O=Example,C=CH',
  registeredID: '2.999.1',
};
const elsewhere: Readonly<Record<string, string>> = {
  dns: 'example.net',
  ip: '10.0.0.0/16',
  email: 'example.net',
  uri: 'example.net',
  userPrincipalName: 'example.net',
  directory: 'O=Other,C=CH',
  registeredID: '2.999.11',
};
const types = Object.keys(samples);
const sample = (type: string): GeneralName => samples[type] as GeneralName;
const one = (side: 'allow' | 'deny', type: string, pattern: string | undefined): NamePolicy => ({
  [side]: { [type]: [pattern] },
});
const verdict = (name: GeneralName, policy: NamePolicy): string =>
  checkNamePolicy(name, policy)?.rule ?? 'allowed';

describe.each(types)('%s', (type) => {
  test('no policy allows it, nor does a policy without lists', () => {
    expect(verdict(sample(type), permitAll)).toBe('allowed');
    expect(verdict(sample(type), { allow: { dns: undefined }, deny: {} })).toBe('allowed');
  });

  test('allow and deny hold exactly what they cover', () => {
    expect(verdict(sample(type), one('allow', type, covering[type]))).toBe('allowed');
    expect(verdict(sample(type), one('allow', type, elsewhere[type]))).toBe('namePolicy.allow');
    expect(verdict(sample(type), one('deny', type, covering[type]))).toBe('namePolicy.deny');
    expect(verdict(sample(type), one('deny', type, elsewhere[type]))).toBe('allowed');
  });

  test('deny wins over allow', () => {
    const policy = { ...one('allow', type, covering[type]), ...one('deny', type, covering[type]) };
    expect(verdict(sample(type), policy)).toBe('namePolicy.deny');
  });

  test.each(types.filter((other) => other !== type))(
    'a policy that allows only %s refuses it (addresses must not escape a policy on names)',
    (other) => {
      expect(verdict(sample(type), one('allow', other, covering[other]))).toBe('namePolicy.allow');
    },
  );

  test('a pattern that cannot be read allows nothing, denies all, and is found at start-up', () => {
    expect(verdict(sample(type), one('allow', type, '!!'))).toBe('namePolicy.allow');
    expect(verdict(sample(type), one('deny', type, '!!'))).toBe('namePolicy.deny');
    expect(() => parseNamePolicy(one('deny', type, '!!'))).toThrow(/can't be read/);
    expect(() => parseNamePolicy(one('deny', type, covering[type]))).not.toThrow();
  });
});

describe('DNS patterns', () => {
  const dns = (value: string): GeneralName => ({ type: 'dNSName', value });
  test.each([
    ['example.org', 'example.org', 'allowed'],
    ['a.b.example.org', 'example.org', 'allowed'],
    ['evilexample.org', 'example.org', 'namePolicy.allow'],
    ['example.org.evil.example', 'example.org', 'namePolicy.allow'],
    ['example.org', '.example.org', 'namePolicy.allow'],
    ['a.example.org', '.example.org', 'allowed'],
    ['*.example.org', 'example.org', 'allowed'],
    ['*.example.org', '.example.org', 'allowed'],
    ['*.example.org', 'a.example.org', 'namePolicy.allow'],
    ['*.org.example', 'example', 'allowed'],
  ])('%s under allow %s: %s', (name, pattern, expected) => {
    expect(verdict(dns(name), { allow: { dns: [pattern] } })).toBe(expected);
  });

  test('a wildcard that stands for a denied name is denied', () => {
    expect(verdict(dns('*.example.org'), { deny: { dns: ['vault.example.org'] } })).toBe(
      'namePolicy.deny',
    );
    expect(verdict(dns('*.example.org'), { deny: { dns: ['example.org'] } })).toBe(
      'namePolicy.deny',
    );
    expect(verdict(dns('*.example.org'), { deny: { dns: ['example.net'] } })).toBe('allowed');
  });
});

describe('address blocks', () => {
  const ip = (text: string): GeneralName => ({ type: 'iPAddress', bytes: parseIpAddress(text) });
  test.each([
    ['10.255.255.255', '10.0.0.0/8', 'allowed'],
    ['11.0.0.0', '10.0.0.0/8', 'namePolicy.allow'],
    ['10.0.0.127', '10.0.0.0/25', 'allowed'],
    ['10.0.0.128', '10.0.0.0/25', 'namePolicy.allow'],
    ['192.0.2.7', '192.0.2.7', 'allowed'],
    ['192.0.2.8', '192.0.2.7', 'namePolicy.allow'],
    ['8.8.8.8', '0.0.0.0/0', 'allowed'],
    ['::1', '0.0.0.0/0', 'namePolicy.allow'],
    ['fd00::1', 'fd00::/8', 'allowed'],
    ['fe00::1', 'fd00::/8', 'namePolicy.allow'],
    ['10.0.0.1', '10.0.0.0/33', 'namePolicy.allow'],
    ['10.0.0.1', '10.0.0.0/', 'namePolicy.allow'],
    ['10.0.0.1', '10.0.0.0/8/8', 'namePolicy.allow'],
  ])('%s under allow %s: %s', (address, block, expected) => {
    expect(verdict(ip(address), { allow: { ip: [block] } })).toBe(expected);
  });
});

describe('other patterns', () => {
  test('a whole mail address is that mailbox only', () => {
    const policy = { allow: { email: ['ann@example.org'] } };
    expect(verdict({ type: 'rfc822Name', value: 'ann@example.org' }, policy)).toBe('allowed');
    expect(verdict({ type: 'rfc822Name', value: 'bob@example.org' }, policy)).toBe(
      'namePolicy.allow',
    );
    expect(verdict({ type: 'rfc822Name', value: 'ann@sub.example.org' }, policy)).toBe(
      'namePolicy.allow',
    );
  });

  test('the host of a URI decides, not its path', () => {
    const name: GeneralName = {
      type: 'uniformResourceIdentifier',
      value: 'https://evil.example/.example.org',
    };
    expect(verdict(name, { allow: { uri: ['example.org'] } })).toBe('namePolicy.allow');
    const address: GeneralName = { type: 'uniformResourceIdentifier', value: 'https://10.1.1.1/' };
    expect(verdict(address, { allow: { uri: ['10.0.0.0/8'] } })).toBe('allowed');
  });

  test('an unknown otherName is allowed by no list', () => {
    const name: GeneralName = { type: 'x400Address', der: Uint8Array.of(0xa3, 0) };
    expect(verdict(name, { allow: { dns: ['example.org'] } })).toBe('namePolicy.allow');
  });
});
