import { describe, expect, it } from 'vitest';
import {
  formatGeneralName,
  formatIpAddress,
  type GeneralName,
  parseDistinguishedName,
  parseIpAddress,
} from '../../../src/pkix/index.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('IP addresses', () => {
  it.each([
    ['192.0.2.1', 'c0000201', '192.0.2.1'],
    ['0.0.0.0', '00000000', '0.0.0.0'],
    ['::', '0'.repeat(32), '::'],
    ['::1', `${'0'.repeat(31)}1`, '::1'],
    ['2001:DB8::A', '20010db800000000000000000000000a', '2001:db8::a'],
    ['2001:db8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7', '00010000000200030004000500060007', '1:0:2:3:4:5:6:7'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201', '::ffff:c000:201'],
    ['fe80::', `fe80${'0'.repeat(28)}`, 'fe80::'],
  ])('%s', (text, octets, canonical) => {
    expect(hex(parseIpAddress(text))).toBe(octets);
    expect(formatIpAddress(parseIpAddress(text))).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4/8',
    '0x1.2.3.4',
    'fe80::1%eth0',
    ':::',
    '1::2::3',
    '12345::',
    'a.example',
    ' 1.2.3.4',
    '[::1]',
  ])('refuses %j', (text) => {
    expect(() => parseIpAddress(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('writes constraints with their mask', () => {
    const of = (octets: string): string =>
      formatIpAddress(Uint8Array.from(Buffer.from(octets, 'hex')));
    expect(of('0a000000ff000000')).toBe('10.0.0.0/8');
    expect(of('0a000000ff00ff00')).toBe('10.0.0.0/255.0.255.0');
    expect(of(`20010db8${'0'.repeat(24)}ffffffff${'0'.repeat(24)}`)).toBe('2001:db8::/32');
    expect(of('0a0000')).toBe('#0a0000');
  });
});

describe('I44: a name never reads as two', () => {
  it.each<[GeneralName, string]>([
    [{ type: 'dNSName', value: 'a.example' }, 'DNS:a.example'],
    [{ type: 'dNSName', value: 'a", DNS:admin' }, 'DNS:"a\\", DNS:admin"'],
    [{ type: 'dNSName', value: 'a, DNS:admin' }, 'DNS:"a, DNS:admin"'],
    [{ type: 'dNSName', value: 'a\nDNS:admin' }, 'DNS:"a\\nDNS:admin"'],
    [{ type: 'dNSName', value: '' }, 'DNS:""'],
    [
      { type: 'uniformResourceIdentifier', value: 'http://a/?x=1, DNS:b' },
      'URI:"http://a/?x=1, DNS:b"',
    ],
    [{ type: 'rfc822Name', value: 'a@b' }, 'email:a@b'],
    [
      { type: 'directoryName', name: parseDistinguishedName('CN=a\\, DNS:b') },
      'dirName:"CN=a\\\\, DNS:b"',
    ],
    [{ type: 'iPAddress', bytes: Uint8Array.of(1, 2, 3, 4) }, 'IP:1.2.3.4'],
    [{ type: 'registeredID', oid: '1.2.3' }, 'RID:1.2.3'],
    [{ type: 'otherName', typeId: '1.2.3', value: Uint8Array.of(5, 0) }, 'otherName:1.2.3:0500'],
  ])('%j', (name, text) => {
    expect(formatGeneralName(name)).toBe(text);
  });
});
