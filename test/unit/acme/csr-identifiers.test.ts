/** RFC 8555 §7.4, I6 (T-FIN-1, T-FIN-2): the CSR asks for the order's identifiers and nothing else. */
import { describe, expect, it } from 'vitest';
import { requireSameIdentifiers } from '../../../src/acme/csr-identifiers.ts';
import { parseIdentifiers } from '../../../src/acme/identifiers.ts';
import { toAcmeProblem } from '../../../src/acme/problem.ts';
import { element, octetString, sequence, utf8String } from '../../../src/der/index.ts';
import { parseCertificationRequest } from '../../../src/pkix/index.ts';
import {
  type CsrOptions,
  csr,
  dnsName,
  emailName,
  extension,
  namesExtension,
  newKey,
  otherName,
  uriName,
} from '../../support/acme-csr.ts';
import { problemOf } from '../../support/acme-problem.ts';

const privateKey = newKey();
const isAddress = (name: string): boolean => /^[0-9.]+$|:/.test(name);

function check(order: readonly string[], names: readonly string[], options: CsrOptions = {}): void {
  const identifiers = parseIdentifiers(
    order.map((value) => ({ type: isAddress(value) ? 'ip' : 'dns', value })),
    100,
  );
  const { der } = csr(names, { privateKey, ...options });
  requireSameIdentifiers(parseCertificationRequest(der), identifiers);
}

describe('the same set, and so finalized', () => {
  it.each<[string, readonly string[], readonly string[], CsrOptions?]>([
    ['one name', ['a.test'], ['a.test']],
    ['another case', ['a.test'], ['A.Test']],
    ['another order', ['a.test', 'b.test'], ['b.test', 'a.test']],
    ['a duplicate', ['a.test'], ['a.test', 'A.test']],
    ['commonName beside', ['a.test', 'b.test'], ['a.test', 'b.test'], { commonNames: ['A.test'] }],
    ['commonName alone', ['a.test'], [], { commonNames: ['a.test'] }],
    [
      'commonName for the one, subjectAltName for the other',
      ['a.test', 'b.test'],
      ['b.test'],
      { commonNames: ['a.test'] },
    ],
    ['two commonNames', ['a.test', 'b.test'], ['a.test'], { commonNames: ['a.test', 'b.test'] }],
    ['a wildcard', ['*.a.test'], ['*.A.test']],
    ['a wildcard and its base', ['*.a.test', 'a.test'], ['a.test', '*.a.test']],
    ['an A-label', ['xn--bcher-kva.test'], ['XN--bcher-kva.test']],
    ['IPv4', ['192.0.2.1'], ['192.0.2.1']],
    ['IPv6', ['2001:db8::1'], ['2001:db8::1']],
    ['an address in commonName too', ['192.0.2.1'], ['192.0.2.1'], { commonNames: ['192.0.2.1'] }],
    [
      'an IPv6 address in commonName, in full',
      ['2001:db8::1'],
      ['2001:db8::1'],
      { commonNames: ['2001:DB8:0::1'] },
    ],
    ['a critical subjectAltName', ['a.test'], ['a.test'], { criticalNames: true }],
    [
      'extensions that name nothing',
      ['a.test'],
      ['a.test'],
      { extensions: [extension('1.3.6.1.5.5.7.1.24', Uint8Array.of(0x30, 3, 2, 1, 5))] },
    ],
  ])('%s', (_, order, names, options) => {
    expect(() => check(order, names, options)).not.toThrow();
  });
});

describe('badCSR', () => {
  const upn = otherName('1.3.6.1.4.1.311.20.2.3', 'a@b.test');
  it.each<[string, readonly string[], readonly string[], CsrOptions, RegExp]>([
    [
      'a name more (CVE-2022-34831)',
      ['a.test'],
      ['a.test', 'b.test'],
      {},
      /dns:b\.test, which the order has not/,
    ],
    ['a name less', ['a.test', 'b.test'], ['a.test'], {}, /lacks dns:b\.test/],
    ['another name', ['a.test'], ['b.test'], {}, /lacks dns:a\.test and has dns:b\.test/],
    ['no name at all', ['a.test'], [], {}, /lacks dns:a\.test/],
    ['a name below', ['a.test'], ['x.a.test'], {}, /lacks/],
    ['the wildcard for the base (T-FIN-2)', ['a.test'], ['*.a.test'], {}, /dns:\*\.a\.test/],
    ['the base for the wildcard (T-FIN-2)', ['*.a.test'], ['a.test'], {}, /lacks dns:\*\.a\.test/],
    ['a name that the wildcard would match', ['*.a.test'], ['x.a.test'], {}, /lacks/],
    ['the base beside the wildcard', ['*.a.test'], ['*.a.test', 'a.test'], {}, /dns:a\.test/],
    ['a wildcard within', ['a.test'], ['a.test', 'x.*.test'], {}, /wildcard/],
    ['a trailing dot', ['a.test'], ['a.test.'], {}, /trailing dot/],
    ['an address as dNSName', ['192.0.2.1'], [], { more: [dnsName('192.0.2.1')] }, /address/],
    ['another address', ['192.0.2.1'], ['192.0.2.2'], {}, /ip:192\.0\.2\.2/],
    [
      'IPv4 mapped into IPv6',
      ['192.0.2.1'],
      [],
      {
        more: [
          element(0x87, Uint8Array.of(...new Array<number>(10).fill(0), 255, 255, 192, 0, 2, 1)),
        ],
      },
      /IPv4/,
    ],
    [
      'an address of 5 octets',
      ['192.0.2.1'],
      ['192.0.2.1'],
      { more: [element(0x87, new Uint8Array(5))] },
      /./,
    ],
    [
      'an address with a mask',
      ['192.0.2.1'],
      ['192.0.2.1'],
      { more: [element(0x87, Uint8Array.of(192, 0, 2, 0, 255, 255, 255, 0))] },
      /./,
    ],
    ['a NUL in dNSName', ['a.test'], ['a.test', 'a.test\0.evil.test'], {}, /./],
    [
      'a U-label in octets of UTF-8',
      ['xn--bcher-kva.test'],
      [],
      { more: [element(0x82, Buffer.from('bücher.test'))] },
      /./,
    ],
    ['an empty dNSName', ['a.test'], ['a.test', ''], {}, /./],
    [
      'rfc822Name',
      ['a.test'],
      ['a.test'],
      { more: [emailName('x@a.test')] },
      /DNS names and IP addresses only/,
    ],
    ['URI', ['a.test'], ['a.test'], { more: [uriName('https://a.test')] }, /only/],
    ['otherName', ['a.test'], ['a.test'], { more: [upn] }, /only/],
    [
      'registeredID',
      ['a.test'],
      ['a.test'],
      { more: [element(0x88, Uint8Array.of(0x2a, 3))] },
      /only/,
    ],
    ['directoryName', ['a.test'], ['a.test'], { more: [element(0xa4, sequence())] }, /only/],
    ['x400Address', ['a.test'], ['a.test'], { more: [element(0xa3)] }, /./],
    [
      'a commonName that is none of the names',
      ['a.test'],
      ['a.test'],
      { commonNames: ['b.test'] },
      /dns:b\.test/,
    ],
    [
      'a commonName that is no name',
      ['a.test'],
      ['a.test'],
      { commonNames: ['Example Ltd'] },
      /commonName Example Ltd/,
    ],
    [
      'a second commonName',
      ['a.test'],
      ['a.test'],
      { commonNames: ['a.test', 'b.test'] },
      /dns:b\.test/,
    ],
    [
      'a commonName with a NUL',
      ['a.test'],
      ['a.test'],
      { commonNames: ['a.test\0.evil.test'] },
      /./,
    ],
    ['a commonName with a blank', ['a.test'], ['a.test'], { commonNames: ['a.test '] }, /./],
    [
      'a commonName with a trailing dot',
      ['a.test'],
      ['a.test'],
      { commonNames: ['a.test.'] },
      /trailing dot/,
    ],
    [
      'a commonName in another IDN form',
      ['xn--bcher-kva.test'],
      ['xn--bcher-kva.test'],
      { commonNames: ['bücher.test'] },
      /write xn--bcher-kva\.test/,
    ],
    [
      'a commonName with an address of the order only there',
      ['192.0.2.1'],
      [],
      { commonNames: ['192.0.2.1'] },
      /iPAddress/,
    ],
    [
      'a commonName with another address',
      ['192.0.2.1'],
      ['192.0.2.1'],
      { commonNames: ['192.0.2.2'] },
      /192\.0\.2\.2/,
    ],
    [
      'a commonName with an address in short',
      ['a.test'],
      ['a.test'],
      { commonNames: ['127.1'] },
      /address/,
    ],
    [
      'subjectAltName that is no GeneralNames',
      ['a.test'],
      [],
      { extensions: [extension('2.5.29.17', octetString(Uint8Array.of(1)))] },
      /subjectAltName/,
    ],
    [
      'an empty subjectAltName',
      ['a.test'],
      [],
      { extensions: [namesExtension()], commonNames: ['a.test'] },
      /subjectAltName/,
    ],
    [
      'the obsolete subjectAltName',
      ['a.test'],
      ['a.test'],
      { extensions: [extension('2.5.29.7', sequence(dnsName('b.test')))] },
      /2\.5\.29\.7/,
    ],
    [
      'issuerAltName',
      ['a.test'],
      ['a.test'],
      { extensions: [extension('2.5.29.18', sequence(dnsName('b.test')))] },
      /issuerAltName/,
    ],
    [
      'nameConstraints',
      ['a.test'],
      ['a.test'],
      { extensions: [extension('2.5.29.30', sequence())] },
      /nameConstraints/,
    ],
    [
      'acmeIdentifier',
      ['a.test'],
      ['a.test'],
      { extensions: [extension('1.3.6.1.5.5.7.1.31', octetString(new Uint8Array(32)), true)] },
      /tls-alpn-01/,
    ],
    [
      'netscape-ssl-server-name',
      ['a.test'],
      ['a.test'],
      { extensions: [extension('2.16.840.1.113730.1.12', utf8String('b.test'))] },
      /netscape/,
    ],
  ])('%s', async (_, order, names, options, says) => {
    const problem = await problemOf(() => {
      try {
        check(order, names, options);
      } catch (error) {
        // What the CSR's parser refuses never gets as far; it is a badCSR too.
        if (error instanceof Error && 'code' in error && error.code === 'badCsr') {
          throw toAcmeProblem(error);
        }
        throw error;
      }
    });
    expect(problem.type).toBe('badCSR');
    expect(problem.message).toMatch(says);
  });

  it.each<[string, CsrOptions]>([
    ['two subjectAltName extensions', { extensions: [namesExtension(dnsName('b.test'))] }],
    ['a second extensionRequest with names', { attributes: [[namesExtension(dnsName('b.test'))]] }],
  ])('%s', (_, options) => {
    expect(() => check(['a.test'], ['a.test'], options)).toThrow(/twice/);
  });

  it('a hundred surplus names are not all repeated', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `${index}.test`);
    const { message } = await problemOf(() => check(['a.test'], names));
    expect(message).toMatch(/and 90 more/);
    expect(message.length).toBeLessThan(400);
  });

  it('I18: of many names only the k-th is another, for each k', async () => {
    const order = Array.from({ length: 8 }, (_, index) => `${index}.a.test`);
    for (let k = 0; k < 8; k += 1) {
      const names = order.map((name, index) => (index === k ? 'x.a.test' : name));
      const { message } = await problemOf(() => check(order, names));
      expect(message).toContain(`lacks dns:${k}.a.test and has dns:x.a.test`);
    }
  });
});
