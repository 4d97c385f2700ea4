import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalRequest,
  certIdStart,
  decodePlainTarget,
  longestCanonical,
} from '../../../ocsp/canonical-request.ts';
import { decodeRequestPath } from '../../../ocsp/request-path.ts';
import { isChanceryError } from '../../../src/domain/index.ts';
import { createCertID, encodeOcspRequest, parseOcspRequest } from '../../../src/pkix/index.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';

const { subject, subjectPublicKeyInfo } = testIssuer('Canonical').certificate;
const hashes = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
const certIDs = fc
  .tuple(fc.constantFrom(...hashes), fc.uint8Array({ minLength: 1, maxLength: 19 }))
  .filter(([, octets]) => octets.some((octet) => octet !== 0))
  .map(([hash, octets]) => {
    const serialNumber = Buffer.from(octets).toString('hex');
    return createCertID(hash, subject, subjectPublicKeyInfo, serialNumber);
  });
const extension = { oid: '1.3.6.1.5.5.7.48.1.4', critical: false, value: Uint8Array.of(0x30, 0) };

/** A request and what somebody did to its octets. */
const requests = fc
  .tuple(
    certIDs,
    fc.array(certIDs, { maxLength: 1 }),
    fc.option(fc.uint8Array({ minLength: 1, maxLength: 32 }), { freq: 1 }),
    fc.boolean(),
  )
  .map(([first, more, nonce, extended]) =>
    encodeOcspRequest({
      certIDs: [first, ...more],
      nonce: nonce ?? undefined,
      extensions: extended ? [extension] : [],
    }),
  );
const mutated = fc
  .tuple(
    requests,
    fc.array(fc.tuple(fc.nat(259), fc.nat(255)), { maxLength: 2 }),
    fc.integer({ min: -2, max: 2 }),
  )
  .map(([request, changes, longer]) => {
    const octets = Buffer.concat([request, Buffer.alloc(Math.max(0, longer))]);
    for (const [at, value] of changes) if (at < octets.length) octets[at] = value;
    return octets.subarray(0, octets.length + Math.min(0, longer));
  });

describe('the request that is recognised without parsing', () => {
  it('is every request for one certificate that says nothing else, by each digest', () => {
    fc.assert(
      fc.property(certIDs, (certID) => {
        const request = encodeOcspRequest({ certIDs: [certID] });
        expect(canonicalRequest(certID.der)).toEqual(Buffer.from(request));
        const start = certIdStart(request, request.length);
        expect(Buffer.from(request.subarray(start))).toEqual(Buffer.from(certID.der));
      }),
    );
  });

  it('means to the full parser just that: one certID, the same, and no extension, name or signature', () => {
    let recognised = 0;
    fc.assert(
      fc.property(mutated, (octets) => {
        const start = certIdStart(octets, octets.length);
        let parsed: ReturnType<typeof parseOcspRequest> | undefined;
        try {
          parsed = parseOcspRequest(octets);
        } catch (error) {
          expect(isChanceryError(error)).toBe(true);
        }
        if (parsed === undefined || start < 0) {
          // What the parser refuses is recognised at most around a certID that nothing was kept for.
          return;
        }
        recognised += 1;
        expect(parsed).toMatchObject({ extensions: [], signature: undefined });
        expect(parsed.nonce).toBeUndefined();
        expect(parsed.requestorName).toBeUndefined();
        expect(parsed.requests).toHaveLength(1);
        expect(parsed.requests[0]?.extensions).toEqual([]);
        expect(Buffer.from(parsed.requests[0]?.certID.der ?? [])).toEqual(octets.subarray(start));
      }),
      { numRuns: 1000 },
    );
    expect(recognised).toBeGreaterThan(10);
  });

  it('is not recognised around a certID of before unless the full parser takes the whole', () => {
    fc.assert(
      fc.property(certIDs, fc.nat(259), fc.nat(255), (certID, at, value) => {
        const octets = Buffer.from(encodeOcspRequest({ certIDs: [certID] }));
        if (at < octets.length) octets[at] = value;
        const start = certIdStart(octets, octets.length);
        if (start >= 0 && octets.subarray(start).equals(certID.der)) {
          expect(parseOcspRequest(octets).requests).toHaveLength(1);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the target of a GET that is decoded at once', () => {
  const into = new Uint8Array(longestCanonical);
  const targets = fc
    .tuple(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('/', '//', ''),
      fc.constantFrom('as it is', 'escaped', 'lower', 'unpadded'),
      fc.array(fc.tuple(fc.nat(300), fc.constantFrom('%', '=', '/', ' ', '+', '%2B', '\n', '-'))),
    )
    .map(([octets, slashes, form, changes]) => {
      let text = Buffer.from(octets).toString('base64');
      if (form === 'escaped' || form === 'lower') text = encodeURIComponent(text);
      if (form === 'lower') text = text.replace(/%../g, (escape) => escape.toLowerCase());
      if (form === 'unpadded') text = text.replace(/=+$/, '');
      for (const [at, insert] of changes.slice(0, 2)) {
        if (at < text.length) text = text.slice(0, at) + insert + text.slice(at);
      }
      return slashes + text;
    });

  it('is decoded as the full way decodes it, or left to it', () => {
    let decoded = 0;
    fc.assert(
      fc.property(targets, (target) => {
        const length = decodePlainTarget(target, into);
        if (length <= 0) return;
        decoded += 1;
        expect(Buffer.from(into.subarray(0, length))).toEqual(
          Buffer.from(decodeRequestPath(target)),
        );
      }),
      { numRuns: 1000 },
    );
    expect(decoded).toBeGreaterThan(200);
  });
});
