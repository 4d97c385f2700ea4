/** Where validation may connect to (I39, RFC 8555 §10.4, RFC 6890). */
import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, parseNetwork } from '../../../../src/acme/validation/networks.ts';
import { createTargets } from '../../../../src/acme/validation/targets.ts';
import { formatIpAddress, parseIpAddress } from '../../../../src/pkix/index.ts';

/** Refused unless listed within their own network. */
const special = [
  ...['0.0.0.0', '0.1.2.3', '::'],
  ...['127.0.0.1', '127.255.255.254', '::1'],
  ...['169.254.0.1', '169.254.169.254', 'fe80::1', 'febf::1'],
  ...['fd00:ec2::254', 'fd00:ec2::123', 'fd20:ce::254'],
  ...['100.100.100.200', '168.63.129.16', '192.0.0.192'],
  ...['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  ...['255.255.255.255', '240.0.0.1', '100::1'],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '::ffff:0:10.0.0.1'],
  ...['::127.0.0.1', '::10.0.0.1'],
  ...['64:ff9b::a9fe:a9fe', '64:ff9b::a00:1', '64:ff9b:1::a00:1'],
  ...['2002:7f00:1::', '2002:a00:1::1'],
  ...['2001:0:53aa:64c:0:7a8b:80ff:fffe', '2001::1'],
];
/** Ordinary to a private PKI. */
const ordinary = [
  ...['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '192.0.2.1', '198.18.0.1'],
  ...['126.255.255.255', '128.0.0.1', '169.253.255.255', '169.255.0.0', '223.255.255.255'],
  ...['1.0.0.0', '8.8.8.8', 'fd00::1', 'fc00::1', 'fec0::1', '2001:db8::1', '2001:4860::8'],
  ...['2003::1', '64:ff9c::1', '2600::1'],
];

describe('I39: without a list', () => {
  const targets = createTargets([], false);
  it.each(special)('%s is refused, and the reason says what it is', (address) => {
    expect(targets.refusal(address)).toMatch(/ is /);
  });
  it.each(ordinary)('%s may be connected to', (address) => {
    expect(targets.refusal(address)).toBeUndefined();
  });
  it.each(special)('%s is not allowed by a list that merely covers it', (address) => {
    for (const wide of [
      ['0.0.0.0/0', '::/0'],
      ['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'],
    ]) {
      expect(createTargets(wide, false).refusal(address)).toBeDefined();
    }
  });
});

describe('I39 T-SSRF-1: with a list', () => {
  const targets = createTargets(['10.0.0.0/8', '192.168.7.0/24', '192.0.2.9', 'fd12::/16'], false);
  it.each(['10.255.0.1', '192.168.7.255', '192.0.2.9', 'fd12:ffff::1'])(
    '%s is in it',
    (address) => {
      expect(targets.refusal(address)).toBeUndefined();
    },
  );
  it.each([
    ...['9.255.255.255', '11.0.0.0', '192.168.6.255', '192.168.8.0', '192.0.2.8', '192.0.2.10'],
    ...['100.64.0.1', '172.16.0.1', '8.8.8.8', 'fd00::1', 'fd13::1', '2001:db8::1', '::a00:1'],
    ...['127.0.0.1', '::1', '169.254.169.254', '::ffff:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::'],
  ])('%s is not', (address) => {
    expect(targets.refusal(address)).toBeDefined();
  });
});

describe('I39: special networks that are listed', () => {
  it('link-local may be listed; its metadata services need a listing of their own', () => {
    const linkLocal = createTargets(['169.254.0.0/16', 'fe80::/10'], false);
    expect(linkLocal.refusal('169.254.3.4')).toBeUndefined();
    expect(linkLocal.refusal('fe80::1')).toBeUndefined();
    expect(linkLocal.refusal('169.254.169.254')).toContain('metadata');
    expect(createTargets(['169.254.169.254'], false).refusal('169.254.169.254')).toBeUndefined();
    expect(createTargets(['169.254.169.254'], false).refusal('169.254.3.4')).toBeDefined();
  });

  it('loopback may be listed, or allowed; an allow list still holds then', () => {
    expect(createTargets(['127.0.0.2'], false).refusal('127.0.0.2')).toBeUndefined();
    expect(createTargets(['127.0.0.2'], false).refusal('127.0.0.1')).toContain('loopback');
    for (const address of ['127.0.0.1', '127.8.8.8', '::1']) {
      expect(createTargets([], true).refusal(address)).toBeUndefined();
      expect(createTargets(['10.0.0.0/8'], true).refusal(address)).toBeDefined();
    }
  });

  it('allowLoopback lifts nothing else', () => {
    const targets = createTargets([], true);
    const others = special.filter((address) => !/^(127\.|::1$)/.test(address));
    expect(others.length).toBeGreaterThan(25);
    for (const address of others) expect(targets.refusal(address), address).toBeDefined();
  });

  it('an IPv6 address that stands for an IPv4 one must pass as both', () => {
    const nat64 = createTargets(['64:ff9b::/96', '10.0.0.0/8'], false);
    expect(nat64.refusal('64:ff9b::a00:1')).toBeUndefined();
    expect(nat64.refusal('64:ff9b::808:808')).toContain('8.8.8.8');
    expect(nat64.refusal('64:ff9b::a9fe:a9fe')).toContain('169.254.169.254');
    expect(nat64.refusal('64:ff9b::7f00:1')).toContain('127.0.0.1');
    const teredo = createTargets(['2001::/32', '0.0.0.0/0'], false);
    expect(teredo.refusal('2001:0:1:2:3:4:80ff:fffe')).toContain('127.0.0.1');
    expect(teredo.refusal('2001:0:1:2:3:4:f5ff:fffe')).toBeUndefined();
    const mapped = createTargets(['::ffff:0:0/96', '0.0.0.0/0'], false);
    expect(mapped.refusal('::ffff:127.0.0.1')).toContain('loopback');
    expect(mapped.refusal('::ffff:10.0.0.1')).toBeUndefined();
    const sixToFour = createTargets(['2002::/16', '0.0.0.0/0'], false);
    expect(sixToFour.refusal('2002:7f00:1::1')).toContain('loopback');
  });
});

describe('networks', () => {
  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '::/129',
    'fe80::1%eth0',
    'example.org',
    '',
    '/8',
    '10.0.0.0/+8',
  ])('%j is none', (text) => {
    expect(() => parseNetwork(text)).toThrow(/acme\.targets/);
    expect(() => createTargets([text], false)).toThrow(/10\.0\.0\.0\/8/);
  });

  it('contain what node:net says they contain', () => {
    const block = (octets: number) =>
      fc.tuple(
        fc.uint8Array({ minLength: octets, maxLength: octets }),
        fc.integer({ min: 0, max: octets * 8 }),
        fc.uint8Array({ minLength: octets, maxLength: octets }),
        fc.integer({ min: 0, max: octets * 8 }),
      );
    fc.assert(
      fc.property(fc.oneof(block(4), block(16)), ([base, length, random, shared]) => {
        // Like the base in the first `shared` bits, so that some lie inside.
        const address = random.map((octet, i) => {
          const mask = 0xff << (8 - Math.max(0, Math.min(8, shared - i * 8)));
          return ((base[i] ?? 0) & mask & 0xff) | (octet & ~mask & 0xff);
        });
        const family = base.length === 4 ? 'ipv4' : 'ipv6';
        const list = new BlockList();
        list.addSubnet(formatIpAddress(base), length, family);
        const text = formatIpAddress(address);
        const network = parseNetwork(`${formatIpAddress(base)}/${length}`);
        return contains(network, parseIpAddress(text)) === list.check(text, family);
      }),
      { numRuns: 2000 },
    );
  });
});
