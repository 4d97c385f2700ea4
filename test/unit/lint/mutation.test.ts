import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LintResult } from '../../../src/lint/index.ts';
import { lintCertificate, lintCrl, lintOcspResponse } from '../../../src/lint/index.ts';
import {
  parseResponseData,
  parseTbsCertificate,
  parseTbsCertList,
} from '../../../src/pkix/index.ts';
import { soundCertificates } from '../../vectors/lint/certificate-sound.ts';
import { soundKinds } from '../../vectors/lint/crl-kind-vectors.ts';
import { soundCrls } from '../../vectors/lint/crl-vectors.ts';
import { soundResponses } from '../../vectors/lint/ocsp-vectors.ts';

/** One octet changed, added, or a stretch cut out: what a writer's slip looks like. */
const mutation = fc.record({
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  octet: fc.nat(255),
  act: fc.constantFrom('replace', 'insert', 'remove', 'swap'),
  length: fc.integer({ min: 1, max: 40 }),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(der: Uint8Array, { place, octet, act, length }: Mutation): Uint8Array {
  const at = Math.floor(place * der.length);
  const before = der.subarray(0, at);
  switch (act) {
    case 'replace':
      return Uint8Array.of(...before, octet, ...der.subarray(at + 1));
    case 'insert':
      return Uint8Array.of(...before, octet, ...der.subarray(at));
    case 'swap':
      return Uint8Array.of(...before, der[at + 1] ?? 0, der[at] ?? 0, ...der.subarray(at + 2));
    default:
      return Uint8Array.of(...before, ...der.subarray(at + length));
  }
}

const kinds = [
  [
    'certificate',
    soundCertificates.map(({ der, context }) => ({
      der,
      lint: (bytes: Uint8Array): LintResult[] => lintCertificate(bytes, context),
      read: (bytes: Uint8Array): unknown => parseTbsCertificate(bytes),
    })),
  ],
  [
    'CRL',
    [...soundCrls, ...soundKinds].map(({ der, context }) => ({
      der,
      lint: (bytes: Uint8Array): LintResult[] => lintCrl(bytes, context),
      read: (bytes: Uint8Array): unknown => [...parseTbsCertList(bytes).entries()],
    })),
  ],
  [
    'OCSP response',
    soundResponses.map(({ der, context }) => ({
      der,
      lint: (bytes: Uint8Array): LintResult[] => lintOcspResponse(bytes, context),
      read: (bytes: Uint8Array): unknown => parseResponseData(bytes),
    })),
  ],
] as const;

it.each(kinds)(
  'mutated bytes of a %s: lints always answer, and what they pass the strict parser reads',
  (_, vectors) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...vectors),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (vector, list) => {
          const bytes = list.reduce(mutate, vector.der);
          if (vector.lint(bytes).length === 0) expect(() => vector.read(bytes)).not.toThrow();
        },
      ),
      { numRuns: 3000 },
    );
  },
);

it('random bytes fail, and nothing is thrown', () => {
  const [{ context: certificate } = { context: undefined }] = soundCertificates;
  const [{ context: crl } = { context: undefined }] = soundCrls;
  const [{ context: response } = { context: undefined }] = soundResponses;
  if (certificate === undefined || crl === undefined || response === undefined)
    throw new Error('no vectors');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(lintCertificate(bytes, certificate)).toHaveLength(1);
      expect(lintCrl(bytes, crl)).toHaveLength(1);
      expect(lintOcspResponse(bytes, response)).toHaveLength(1);
    }),
    { numRuns: 2000 },
  );
});
