/** Whatever is asked: a TBS that keeps what its profile promises, or refusals that say why. Never anything else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Extension,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeTbsCertificate,
  findExtension,
  type GeneralName,
  type KeyUsageBit,
  oids,
  parseBasicConstraints,
  parseExtendedKeyUsage,
  parseKeyUsage,
  parseSubjectAltName,
  parseTbsCertificate,
} from '../../src/pkix/index.ts';
import {
  applyProfile,
  type CertificateRequestInput,
  checkNamePolicy,
  type NamePolicy,
  normaliseName,
} from '../../src/policy/index.ts';
import { decidingIssuer, decisionTime } from '../support/decision.ts';
import { productProfile, softwareKey } from '../support/software-issuer.ts';

const profileNames = [
  ...[
    'tls-server',
    'https-server',
    'tls-client',
    'tls-mutual',
    'device',
    'code-signing',
    'email-signing',
  ],
  ...[
    'email-encryption',
    'user-authentication',
    'short-lived',
    'ocsp-signing',
    'issuing-ca',
    'root-ca',
  ],
];

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const ascii = fc.string({ unit: 'binary-ascii', maxLength: 30 });
const text = fc.oneof(
  host,
  host.map((name) => name.toUpperCase()),
  host.map((name) => `*.${name}`),
  ascii,
  fc.string({ unit: 'binary', maxLength: 20 }),
);

const generalName: fc.Arbitrary<GeneralName> = fc.oneof(
  { arbitrary: text.map((value): GeneralName => ({ type: 'dNSName', value })), weight: 4 },
  fc.uint8Array({ maxLength: 17 }).map((bytes): GeneralName => ({ type: 'iPAddress', bytes })),
  fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .map((bytes): GeneralName => ({ type: 'iPAddress', bytes })),
  fc
    .oneof(
      ascii,
      fc.tuple(label, host).map(([a, b]) => `${a}@${b}`),
    )
    .map((value): GeneralName => ({ type: 'rfc822Name', value })),
  fc
    .oneof(ascii, fc.webUrl())
    .map((value): GeneralName => ({ type: 'uniformResourceIdentifier', value })),
  fc
    .tuple(fc.constantFrom(oids.userPrincipalName, '1.2.3'), fc.uint8Array({ maxLength: 8 }))
    .map(([typeId, value]): GeneralName => ({ type: 'otherName', typeId, value })),
  fc.constant<GeneralName>({ type: 'registeredID', oid: '2.999.3' }),
);

const usageBits: readonly KeyUsageBit[] = [
  ...(['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment'] as const),
  ...(['keyAgreement', 'keyCertSign', 'cRLSign', 'encipherOnly', 'decipherOnly'] as const),
];
const purposes = [
  oids.serverAuth,
  oids.clientAuth,
  oids.codeSigning,
  oids.emailProtection,
  oids.ocspSigning,
  oids.anyExtendedKeyUsage,
];
/** Most requests ask for little: otherwise hardly one would be granted. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 7 }, { arbitrary, weight: 2 });
const keyUsage = rarely(
  fc.oneof(
    fc.constant<KeyUsageBit[]>(['digitalSignature']),
    fc.subarray([...usageBits], { minLength: 1, maxLength: 3 }),
  ),
);
const extendedKeyUsage = rarely(fc.subarray(purposes, { minLength: 1, maxLength: 2 }));
const attribute = fc.oneof(
  fc.record({
    oid: fc.constantFrom(oids.commonName, oids.organizationName),
    value: host,
    tag: fc.constant(12),
  }),
  fc.record({
    oid: fc.constantFrom(
      oids.commonName,
      oids.organizationName,
      oids.countryName,
      oids.emailAddress,
      '1.2.3.4',
    ),
    value: fc.oneof(text, fc.constantFrom('CH', 'Example')),
    tag: fc.constantFrom(12, 19, 20, 22, 30),
  }),
);
const time = rarely(
  fc.oneof(
    fc.date({ min: new Date('2026-11-21T11:59:00Z'), max: new Date('2027-01-01') }),
    fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: false }),
  ),
);
const unknownExtension: fc.Arbitrary<Extension> = fc.record({
  oid: fc.constantFrom(
    '2.999.9',
    oids.basicConstraints,
    oids.nameConstraints,
    oids.noRevAvail,
    oids.certificatePolicies,
  ),
  critical: fc.boolean(),
  value: fc.uint8Array({ maxLength: 6 }),
});
const placeholder = Uint8Array.of(0x30, 0);

const request: fc.Arbitrary<CertificateRequestInput> = fc
  .record({
    algorithm: fc.constantFrom('p256' as const, 'rsa2048' as const, 'ed25519' as const),
    rdns: fc.array(
      attribute.map((one) => [one]),
      { maxLength: 2 },
    ),
    names: fc.option(fc.array(generalName, { maxLength: 3 }), { nil: undefined }),
    notBefore: time,
    notAfter: time,
    days: rarely(fc.oneof(fc.integer({ min: -1, max: 400 }), fc.double())),
    keyUsage,
    extendedKeyUsage,
    extras: rarely(fc.uniqueArray(unknownExtension, { maxLength: 1, selector: ({ oid }) => oid })),
  })
  .map(({ algorithm, rdns, extras, ...rest }) => ({
    ...rest,
    subject: { der: placeholder, rdns },
    subjectPublicKeyInfo: softwareKey(algorithm).subjectPublicKeyInfo,
    requestedExtensions: [
      ...(extras ?? []),
      ...(rest.keyUsage === undefined ? [] : [encodeKeyUsage(rest.keyUsage)]),
      ...(rest.extendedKeyUsage === undefined
        ? []
        : [encodeExtendedKeyUsage(rest.extendedKeyUsage)]),
    ],
  }));

const policies: readonly NamePolicy[] = [
  {},
  { allow: { dns: ['example.org', 'a'] } },
  { deny: { ip: ['0.0.0.0/0'] } },
];
let granted = 0;

describe('applyProfile', () => {
  test('any request ends in a TBS within its profile or in violations', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...profileNames),
        request,
        fc.constantFrom(...policies),
        (name, asked, namePolicy) => {
          const profile = productProfileOf(name);
          const { certificate: _certificate, ...unborn } = decidingIssuer.input;
          const result = applyProfile({
            profile,
            request: asked,
            issuer: profile.selfSigned ? { ...unborn, chain: [] } : decidingIssuer.input,
            now: decisionTime,
            serialNumber: '1234',
            namePolicy,
          });
          if (!result.ok) {
            expect(result.violations.length).toBeGreaterThan(0);
            for (const { rule, message, clause } of result.violations)
              expect(rule && message && clause).toBeTruthy();
            return;
          }
          granted += 1;
          const { tbs } = result;
          const valueOf = (oid: string): Uint8Array | undefined =>
            findExtension(tbs.extensions, oid)?.value;
          const isCa = profile.type === 'ca';
          expect(parseBasicConstraints(valueOf(oids.basicConstraints) ?? placeholder).cA).toBe(
            isCa,
          );
          const bits = parseKeyUsage(valueOf(oids.keyUsage) ?? placeholder);
          expect(bits.includes('keyCertSign')).toBe(isCa);
          // What was asked for is granted, never left out.
          expect((asked.keyUsage ?? []).every((bit) => bits.includes(bit))).toBe(true);
          const ekuValue = valueOf(oids.extendedKeyUsage);
          const eku = ekuValue === undefined ? [] : parseExtendedKeyUsage(ekuValue);
          expect(eku.includes(oids.ocspSigning)).toBe(profile.type === 'ocspSigning');
          expect(eku).not.toContain(oids.anyExtendedKeyUsage);
          expect((asked.extendedKeyUsage ?? []).every((purpose) => eku.includes(purpose))).toBe(
            true,
          );
          const seconds =
            (tbs.validity.notAfter.getTime() - tbs.validity.notBefore.getTime()) / 1000 + 1;
          expect(seconds).toBeGreaterThan(0);
          expect(seconds).toBeLessThanOrEqual(
            Math.max(profile.validity.maximum, isCa ? (profile.validity.ceremonyMaximum ?? 0) : 0),
          );
          if (!profile.selfSigned) {
            expect(tbs.validity.notAfter.getTime()).toBeLessThanOrEqual(
              decidingIssuer.certificate.validity.notAfter.getTime(),
            );
          }
          const names = valueOf(oids.subjectAltName);
          for (const one of names === undefined ? [] : parseSubjectAltName(names)) {
            expect(normaliseName(one)).toEqual({ ok: true, name: one });
            expect(checkNamePolicy(one, namePolicy)).toBeUndefined();
          }
          expect(new Set(tbs.extensions.map(({ oid }) => oid)).size).toBe(tbs.extensions.length);
          JSON.stringify([result.requested, result.granted]);
          if (tbs.subject.der !== placeholder)
            expect(parseTbsCertificate(encodeTbsCertificate(tbs)).serialNumber).toBe('1234');
        },
      ),
      { numRuns: 3000 },
    );
    // Enough of them are granted that the first half of the property means something.
    expect(granted).toBeGreaterThan(30);
  });
});

describe('normaliseName', () => {
  test('is idempotent and never throws', () => {
    fc.assert(
      fc.property(generalName, (name) => {
        const first = normaliseName(name);
        if (first.ok) expect(normaliseName(first.name)).toEqual(first);
        else expect(first.violation.clause).not.toBe('');
      }),
      { numRuns: 5000 },
    );
  });

  test('an allow list holds: no granted DNS name lies outside it', () => {
    fc.assert(
      fc.property(host, fc.constantFrom('', 'x', 'x.', '*.'), (name, prefix) => {
        const asked: GeneralName = { type: 'dNSName', value: `${prefix}${name}` };
        const result = normaliseName(asked);
        if (!result.ok || result.name.type !== 'dNSName') return;
        const refused =
          checkNamePolicy(result.name, { allow: { dns: ['example.org'] } }) !== undefined;
        const inside = /(^|\.)example\.org$/.test(result.name.value.replace(/^\*\./, ''));
        expect(refused).toBe(!inside);
      }),
      {
        numRuns: 500,
        examples: [
          ['example.org', ''],
          ['example.org', 'x'],
          ['example.org', 'x.'],
          ['example.org', '*.'],
        ],
      },
    );
  });
});

const cache = new Map<string, ReturnType<typeof productProfile>>();
function productProfileOf(name: string): ReturnType<typeof productProfile> {
  const known = cache.get(name) ?? productProfile(name);
  cache.set(name, known);
  return known;
}
