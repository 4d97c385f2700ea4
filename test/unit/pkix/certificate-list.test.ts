import { describe, expect, it } from 'vitest';
import {
  bitString,
  element,
  explicit,
  generalizedTime,
  integer,
  octetString,
  oid,
  sequence,
  time,
} from '../../../src/der/index.ts';
import {
  encodeRevokedCertificates,
  encodeTbsCertList,
  encodeTbsCertListFrame,
  findExtension,
  oids,
  parseAuthorityKeyIdentifier,
  parseCertificateList,
  parseDistinguishedName,
  parseExpiredCertsOnCrl,
  parseFreshestCrl,
  parseIssuingDistributionPoint,
  parseTbsCertList,
  type RevokedCertificate,
  signatureAlgorithms,
  type TbsCertList,
} from '../../../src/pkix/index.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const date = new Date('2026-11-21T10:20:30Z');
const algorithm = signatureAlgorithms['ecdsa-with-SHA256'];
const issuer = parseDistinguishedName('CN=a');
const tbs: TbsCertList = {
  signature: algorithm,
  issuer,
  thisUpdate: date,
  nextUpdate: new Date('2050-01-01T00:00:00Z'),
  crlNumber: 5n,
  authorityKeyIdentifier: Uint8Array.of(1, 2, 3),
  issuingDistributionPoint: {
    fullName: [{ type: 'uniformResourceIdentifier', value: 'http://a/0.crl' }],
  },
};

describe('RFC 5280 §5.1.2.6: entries', () => {
  it.each<[string, RevokedCertificate, string]>([
    [
      'no reason',
      { serialNumber: '7f', revocationDate: date },
      '301202017f170d3236313132313130323033305a',
    ],
    [
      'unspecified is left out (C17)',
      { serialNumber: '7f', revocationDate: date, reasonCode: 'unspecified' },
      '301202017f170d3236313132313130323033305a',
    ],
    [
      'a first bit of 1 gets a zero octet',
      { serialNumber: '80', revocationDate: date },
      '301302020080170d3236313132313130323033305a',
    ],
    [
      'an odd number of digits',
      { serialNumber: '123', revocationDate: date },
      '301302020123170d3236313132313130323033305a',
    ],
    [
      'a reason (C17)',
      { serialNumber: '1', revocationDate: date, reasonCode: 'certificateHold' },
      '3020020101170d3236313132313130323033305a300c300a0603551d1504030a0106',
    ],
    [
      'an invalidity date (C19)',
      { serialNumber: '1', revocationDate: date, invalidityDate: date },
      '302e020101170d3236313132313130323033305a301a30180603551d180411180f32303236313132313130323033305a',
    ],
    [
      'a date after 2049',
      { serialNumber: '1', revocationDate: new Date('2050-01-01T00:00:00Z') },
      '3014020101180f32303530303130313030303030305a',
    ],
  ])('%s', (_what, entry, encoded) => {
    expect(hex(encodeRevokedCertificates([entry]))).toBe(encoded);
  });

  it.each(['', '0', '00', '-1', 'zz', 'AB', '1é', `80${'00'.repeat(19)}`, '1'.repeat(41)])(
    'refuses serial number %j',
    (serialNumber) => {
      expect(() => encodeRevokedCertificates([{ serialNumber, revocationDate: date }])).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      );
    },
  );

  it('a serial number of 20 octets with everything else fits', () => {
    const entry = {
      serialNumber: '7'.repeat(40),
      revocationDate: new Date('2050-01-01T00:00:00Z'),
      reasonCode: 'keyCompromise',
      invalidityDate: date,
    } as const;
    const read = [...parseTbsCertList(encodeTbsCertList(tbs, [entry])).entries()];
    expect(read).toMatchObject([entry]);
  });
});

describe('RFC 5280 §5.1: a CRL as we write it', () => {
  const entries: RevokedCertificate[] = [
    {
      serialNumber: '8a',
      revocationDate: date,
      reasonCode: 'keyCompromise',
      invalidityDate: new Date('2020-01-01T00:00:00Z'),
    },
    { serialNumber: '1', revocationDate: date },
  ];

  it('is read back: version 2, times, AKI, number, IDP, entries (C2, C4, C8, C9, C14)', () => {
    const list = parseTbsCertList(encodeTbsCertList(tbs, entries));
    expect(list).toMatchObject({
      version: 2,
      thisUpdate: date,
      nextUpdate: tbs.nextUpdate,
      crlNumber: 5n,
      hasRevokedCertificates: true,
    });
    expect(hex(list.issuer.der)).toBe(hex(issuer.der));
    expect([...list.entries()]).toMatchObject(entries);
    expect(list.extensions.map(({ oid: id, critical }) => [id, critical])).toEqual([
      [oids.authorityKeyIdentifier, false],
      [oids.crlNumber, false],
      [oids.issuingDistributionPoint, true],
    ]);
    const value = (id: string): Uint8Array =>
      findExtension(list.extensions, id)?.value ?? new Uint8Array(0);
    expect([...(parseAuthorityKeyIdentifier(value(oids.authorityKeyIdentifier)) ?? [])]).toEqual([
      1, 2, 3,
    ]);
    expect(parseIssuingDistributionPoint(value(oids.issuingDistributionPoint)).fullName).toEqual(
      tbs.issuingDistributionPoint?.fullName,
    );
  });

  it('a delta has its base, a complete CRL its delta and what it keeps; never both', () => {
    const since = new Date('2026-01-02T03:04:05Z');
    const complete = parseTbsCertList(
      encodeTbsCertList(
        { ...tbs, freshestCrl: ['http://a.test/d.crl'], expiredCertsOnCrl: since },
        [],
      ),
    );
    const value = (id: string): Uint8Array =>
      findExtension(complete.extensions, id)?.value ?? new Uint8Array(0);
    expect(parseFreshestCrl(value(oids.freshestCRL))).toEqual(['http://a.test/d.crl']);
    expect(parseExpiredCertsOnCrl(value(oids.expiredCertsOnCRL))).toEqual(since);
    expect(complete.baseCrlNumber).toBeUndefined();
    const delta = { ...tbs, baseCrlNumber: 17n };
    expect(parseTbsCertList(encodeTbsCertList(delta, [])).baseCrlNumber).toBe(17n);
    expect(() => encodeTbsCertList({ ...delta, freshestCrl: ['http://a.test/d.crl'] }, [])).toThrow(
      /5\.2\.6/,
    );
  });

  it('C6: without entries the element is absent', () => {
    const list = parseTbsCertList(encodeTbsCertList(tbs, []));
    expect(list.hasRevokedCertificates).toBe(false);
    expect([...list.entries()]).toEqual([]);
  });

  it('entries encoded before give the same octets', () => {
    const encoded = entries.map((entry) => encodeRevokedCertificates([entry]));
    const total = encoded.reduce((sum, entry) => sum + entry.length, 0);
    const { head, tail, octets } = encodeTbsCertListFrame(tbs, total);
    const whole = Buffer.concat([head, ...encoded, tail]);
    expect(whole.toString('hex')).toBe(hex(encodeTbsCertList(tbs, entries)));
    expect(octets).toBe(whole.length);
  });

  it('entries() can be walked again and again', () => {
    const list = parseTbsCertList(encodeTbsCertList(tbs, entries));
    expect([...list.entries()]).toEqual([...list.entries()]);
  });
});

describe('a CRL is read strictly', () => {
  const entry = encodeRevokedCertificates([{ serialNumber: '1', revocationDate: date }]);
  const number = sequence(oid(oids.crlNumber), octetString(integer(1)));
  const list = (...parts: Uint8Array[]): Uint8Array =>
    sequence(sequence(...parts), algorithm.identifier.der, bitString(Uint8Array.of(1)));
  const head = [integer(1), algorithm.identifier.der, issuer.der, time(date)];

  it.each<[string, Uint8Array]>([
    ['version 1 written', list(integer(0), ...head.slice(1))],
    ['version 3', list(integer(2), ...head.slice(1))],
    ['an empty revokedCertificates (C6)', list(...head, time(date), sequence())],
    ['empty Extensions', list(...head, time(date), explicit(0, sequence()))],
    ['extensions in version 1', list(...head.slice(1), time(date), explicit(0, sequence(number)))],
    ['an extension twice', list(...head, time(date), explicit(0, sequence(number, number)))],
    [
      'thisUpdate as GeneralizedTime before 2050 (C4)',
      list(...head.slice(0, 3), generalizedTime(date)),
    ],
    [
      'a CRL number of 21 octets',
      list(
        ...head,
        explicit(0, sequence(sequence(oid(oids.crlNumber), octetString(integer(2n ** 160n))))),
      ),
    ],
    [
      'entries behind the extensions',
      list(...head, explicit(0, sequence(number)), sequence(entry)),
    ],
    ['something behind', Uint8Array.from([...list(...head), 0])],
  ])('refuses %s', (_what, der) => {
    expect(() => parseCertificateList(der)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  const reason = (code: number): Uint8Array =>
    sequence(oid(oids.reasonCode), octetString(element(0x0a, Uint8Array.of(code))));

  it.each<[string, Uint8Array]>([
    ['a serial number of zero', sequence(integer(0), time(date))],
    ['a negative serial number', sequence(integer(-1), time(date))],
    ['no date', sequence(integer(1))],
    ['empty extensions', sequence(integer(1), time(date), sequence())],
    ['reason 7', sequence(integer(1), time(date), sequence(reason(7)))],
    ['a reason twice', sequence(integer(1), time(date), sequence(reason(1), reason(1)))],
    [
      'something behind the extensions',
      sequence(integer(1), time(date), sequence(reason(1)), integer(1)),
    ],
    ['a NULL between', Uint8Array.of(5, 0)],
    ['half an entry', entry.subarray(0, 10)],
  ])('entries() stops at %s', (_what, bad) => {
    const parsed = parseCertificateList(
      list(...head, sequence(Uint8Array.from([...entry, ...bad]))),
    );
    const walk = (): unknown => [...parsed.entries()];
    expect(walk).toThrow(expect.objectContaining({ code: 'malformed' }));
    expect(parsed.entries().next().value).toMatchObject({ serialNumber: '1' });
  });

  it('reads version 1 without nextUpdate', () => {
    const parsed = parseCertificateList(list(...head.slice(1), sequence(entry)));
    expect(parsed).toMatchObject({ version: 1, nextUpdate: undefined, crlNumber: undefined });
    expect([...parsed.entries()]).toHaveLength(1);
  });
});

describe('hundreds of thousands of entries', () => {
  it('are written and read in linear time', () => {
    const make = function* (count: number): Generator<RevokedCertificate> {
      for (let i = 1; i <= count; i += 1) {
        yield {
          serialNumber: (0x4f00_0000_0000 + i).toString(16),
          revocationDate: date,
          reasonCode: i % 2 === 0 ? 'superseded' : undefined,
        };
      }
    };
    const measure = (count: number): number => {
      const before = process.cpuUsage();
      const encoded = encodeTbsCertList(tbs, make(count));
      let read = 0;
      for (const _entry of parseTbsCertList(encoded).entries()) read += 1;
      expect(read).toBe(count);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    measure(10_000);
    const small = measure(20_000);
    const large = measure(400_000);
    // 20 times as many; a quadratic step would take 400 times as long.
    expect(large).toBeLessThan(Math.max(small, 20) * 80);
  });
});
