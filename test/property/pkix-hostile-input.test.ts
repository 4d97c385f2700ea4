import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChanceryError } from '../../src/domain/index.ts';
import {
  checkNameConstraints,
  decodePem,
  encodeAuthorityInfoAccess,
  encodeCertificatePolicies,
  encodeCRLDistributionPoints,
  encodeExtendedKeyUsage,
  encodeNameConstraints,
  encodeOcspRequest,
  encodeSubjectAltName,
  formatDistinguishedName,
  formatGeneralName,
  importVerificationKey,
  oids,
  parseCertificate,
  parseCertificateList,
  parseCertificationRequest,
  parseDistinguishedName,
  parseGeneralNames,
  parseIpAddress,
  parseNameDer,
  parseOcspRequest,
  parseOcspResponse,
  parseResponseData,
  parseSubjectAltName,
  parseSubjectPublicKeyInfo,
  parseTbsCertificate,
  parseTbsCertList,
  verifyCertificationRequest,
  verifyChain,
} from '../../src/pkix/index.ts';
import {
  sampleCertID,
  sampleCertificate,
  sampleCrl,
  sampleKey,
  sampleOcspResponse,
  sampleRequest,
} from '../support/pki-samples.ts';
import { extensionParsers } from '../vectors/extension-defects.ts';

const key = sampleKey('ecdsa-with-SHA256');
const root = sampleCertificate({
  key,
  subject: 'CN=Root,O=Exämple,C=DE',
  ca: true,
  extensions: [
    encodeNameConstraints({
      permittedSubtrees: [
        { base: { type: 'dNSName', value: 'example.com' } },
        { base: { type: 'iPAddress', bytes: new Uint8Array(8) } },
      ],
      excludedSubtrees: [{ base: { type: 'rfc822Name', value: '.evil.org' } }],
    }),
  ],
});
const issuer = { certificate: root, key };
const leaf = sampleCertificate({
  key: sampleKey('sha256WithRSAEncryption'),
  subject: 'CN=a.example.com',
  issuer,
  extensions: [
    encodeSubjectAltName(
      [
        { type: 'dNSName', value: 'a.example.com' },
        { type: 'iPAddress', bytes: parseIpAddress('::1') },
        { type: 'directoryName', name: parseDistinguishedName('CN=b') },
      ],
      false,
    ),
    encodeExtendedKeyUsage([oids.serverAuth]),
    encodeCRLDistributionPoints(['http://a/0.crl']),
    encodeAuthorityInfoAccess({ ocsp: ['http://a'], caIssuers: ['http://b'] }),
    encodeCertificatePolicies([{ policyIdentifier: '1.2.3', cps: ['http://c'] }]),
  ],
});
const certID = sampleCertID(root, leaf.serialNumber);
const seeds: Readonly<Record<string, Uint8Array>> = {
  root: root.der,
  leaf: leaf.der,
  tbs: leaf.tbsDer,
  request: sampleRequest(key, 'CN=a,emailAddress=b@c', [
    encodeSubjectAltName([{ type: 'dNSName', value: 'a' }], false),
  ]),
  crl: sampleCrl(issuer, [
    {
      serialNumber: '1',
      revocationDate: new Date('2026-01-01T00:00:00Z'),
      reasonCode: 'keyCompromise',
      invalidityDate: new Date('2025-01-01T00:00:00Z'),
    },
    { serialNumber: 'ff', revocationDate: new Date('2026-01-01T00:00:00Z') },
  ]),
  ocspRequest: encodeOcspRequest({ certIDs: [certID, certID], nonce: new Uint8Array(32) }),
  ocspResponse: sampleOcspResponse(
    issuer,
    [
      {
        certID,
        certStatus: {
          type: 'revoked',
          revocationTime: new Date('2026-01-01T00:00:00Z'),
          reasonCode: 'certificateHold',
        },
      },
    ],
    new Uint8Array(8),
  ),
  name: root.subject.der,
  spki: leaf.subjectPublicKeyInfo.der,
};

/** Everything that reads octets, and goes on to use what it read. */
const readers: Readonly<Record<string, (input: Uint8Array) => void>> = {
  certificate: (input) => {
    const certificate = parseCertificate(input);
    formatDistinguishedName(certificate.subject);
    verifyChain([certificate, root], new Date('2030-01-01T00:00:00Z'));
    verifyChain([leaf, certificate]);
    checkNameConstraints([certificate], leaf.subject, []);
  },
  tbsCertificate: parseTbsCertificate,
  certificationRequest: (input) => {
    verifyCertificationRequest(parseCertificationRequest(input));
  },
  certificateList: (input) => {
    for (const _entry of parseCertificateList(input).entries());
  },
  tbsCertList: parseTbsCertList,
  ocspRequest: parseOcspRequest,
  ocspResponse: parseOcspResponse,
  responseData: parseResponseData,
  name: (input) => {
    formatDistinguishedName(parseNameDer(input));
  },
  generalNames: (input) => {
    parseGeneralNames(input).map(formatGeneralName);
    checkNameConstraints([root], leaf.subject, parseSubjectAltName(input));
  },
  subjectPublicKeyInfo: (input) => {
    importVerificationKey(parseSubjectPublicKeyInfo(input));
  },
  ...extensionParsers,
};

/** Feeds the input to every reader; nothing but a ChanceryError of a known kind may come out. */
function feed(input: Uint8Array): void {
  for (const [name, read] of Object.entries(readers)) {
    try {
      read(input);
    } catch (error) {
      if (isChanceryError(error) && ['malformed', 'badCsr', 'badPublicKey'].includes(error.code))
        continue;
      throw new Error(`${name} of ${Buffer.from(input).toString('hex')}`, { cause: error });
    }
  }
}

describe('T-FUZZ-1, T-DER-1 (I3, I43): whatever the octets, only a ChanceryError', () => {
  it('random octets', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), feed), { numRuns: 400 });
  });

  it.each(Object.keys(seeds))(
    'a sound %s with octets changed, dropped, added and doubled',
    (seed) => {
      const sound = seeds[seed] ?? new Uint8Array(0);
      const edit = fc.tuple(
        fc.nat(),
        fc.nat(255),
        fc.constantFrom('change', 'drop', 'add', 'flip'),
      );
      fc.assert(
        fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
          const octets = [...sound];
          for (const [place, value, kind] of edits) {
            const at = place % (octets.length + 1);
            if (kind === 'change') octets.splice(at, 1, value);
            else if (kind === 'drop') octets.splice(at, 1);
            else if (kind === 'add') octets.splice(at, 0, value);
            else octets.splice(at, 1, (octets[at] ?? 0) ^ (1 << (value & 7)));
          }
          feed(Uint8Array.from(octets));
        }),
        { numRuns: 100 },
      );
    },
  );

  it('every sound structure cut short at every octet', () => {
    for (const sound of [seeds['request'], seeds['ocspRequest'], seeds['name']]) {
      for (let length = 0; length < (sound?.length ?? 0); length += 1)
        feed(sound?.subarray(0, length) ?? new Uint8Array(0));
    }
  });

  it('every constructed element emptied, with the lengths around it put right', () => {
    let emptied = 0;
    for (const sound of Object.values(seeds)) {
      for (const variant of emptiedVariants(sound)) {
        feed(variant);
        emptied += 1;
      }
    }
    expect(emptied).toBeGreaterThan(100);
  });
});

/** The same structure with one constructed element without content, for each such element. */
function* emptiedVariants(input: Uint8Array): Generator<Uint8Array> {
  const tag = input[0] ?? 0;
  if ((tag & 0x20) === 0) return;
  const long = (input[1] ?? 0) & 0x80;
  const start = long === 0 ? 2 : 2 + ((input[1] ?? 0) & 0x7f);
  const children: Uint8Array[] = [];
  for (let at = start; at < input.length; ) {
    const first = input[at + 1] ?? 0;
    const count = first < 0x80 ? 0 : first & 0x7f;
    let length = count === 0 ? first : 0;
    for (let i = 0; i < count; i += 1) length = length * 256 + (input[at + 2 + i] ?? 0);
    children.push(input.subarray(at, at + 2 + count + length));
    at += 2 + count + length;
  }
  yield Uint8Array.of(tag, 0);
  for (const [index, child] of children.entries()) {
    for (const variant of emptiedVariants(child)) {
      const parts = children.map((one, i) => (i === index ? variant : one));
      const content = Buffer.concat(parts);
      const head =
        content.length < 0x80
          ? [content.length]
          : content.length < 0x100
            ? [0x81, content.length]
            : [0x82, content.length >> 8, content.length & 255];
      yield Uint8Array.from([tag, ...head, ...content]);
    }
  }
}

describe('text: whatever the characters, only a ChanceryError', () => {
  it('distinguished names, addresses and PEM', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc
        .array(
          fc.constantFrom(
            'CN',
            '=',
            ',',
            '+',
            '\\',
            '#',
            '0c01',
            '61',
            ' ',
            '"',
            'ü',
            '1.2.3',
            ':',
            '::',
            '255',
            '.',
            '-----BEGIN A-----',
            '-----END A-----',
            '\n',
            'AQ==',
          ),
          { maxLength: 20 },
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (value) => {
        for (const read of [
          parseDistinguishedName,
          parseIpAddress,
          (input: string) => decodePem(input),
        ]) {
          try {
            read(value);
          } catch (error) {
            if (!isChanceryError(error)) throw error;
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('inputs made to be slow end soon', () => {
  const limit = 1500;
  const sequence = (tag: number, content: Uint8Array): Uint8Array =>
    Uint8Array.from([
      tag,
      0x83,
      content.length >> 16,
      (content.length >> 8) & 255,
      content.length & 255,
      ...content,
    ]);

  it.each<[string, Uint8Array]>([
    [
      '100,000 empty SEQUENCEs',
      sequence(
        0x30,
        new Uint8Array(200_000).map((_octet, i) => (i % 2 === 0 ? 0x30 : 0)),
      ),
    ],
    [
      '100,000 NULLs',
      sequence(
        0x30,
        new Uint8Array(200_000).map((_octet, i) => (i % 2 === 0 ? 5 : 0)),
      ),
    ],
    ['one INTEGER of 200,000 octets', sequence(0x02, new Uint8Array(200_000).fill(1))],
    ['one OID of 200,000 octets', sequence(0x06, new Uint8Array(200_000).fill(0x81))],
    [
      'a SET OF 100,000 equal elements',
      sequence(
        0x31,
        new Uint8Array(200_000).map((_octet, i) => (i % 2 === 0 ? 5 : 0)),
      ),
    ],
    ['200,000 octets of nesting', new Uint8Array(200_000).fill(0x30)],
  ])('%s', (_what, input) => {
    const started = performance.now();
    feed(input);
    feed(sequence(0x30, input));
    expect(performance.now() - started).toBeLessThan(limit);
  });
});
