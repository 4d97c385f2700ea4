import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResponseCache } from '../../../ocsp/response-cache.ts';
import type { SignedAnswer, StatusQuestion } from '../../../ocsp/source.ts';
import { type CertID, createCertID } from '../../../src/pkix/index.ts';
import { type TestIssuer, testIssuer } from '../../support/test-hierarchy.ts';

const one = testIssuer('One');
const other = testIssuer('Other');
const tail = Buffer.alloc(600, 7);

function certID(serialNumber: string, hash: 'sha1' | 'sha256' | 'sha512' = 'sha1', issuer = one) {
  const { subject, subjectPublicKeyInfo } = issuer.certificate;
  return createCertID(hash, subject, subjectPublicKeyInfo, serialNumber);
}

function asked(certIDs: readonly CertID[], issuer: TestIssuer = one): StatusQuestion {
  return {
    issuer: { ...issuer, certifiedBy: issuer.issuerId, policy: { extendedRevoke: false } },
    certIDs,
    serialNumbers: certIDs.map(({ serialNumber }) => serialNumber),
    restricted: false,
    key: certIDs.map(({ der }) => Buffer.from(der).toString('latin1')).join(''),
  };
}

function answer({ certIDs, issuer, serialNumbers }: StatusQuestion, word = 'good'): SignedAnswer {
  const body = Buffer.concat([Buffer.from(word), ...certIDs.map(({ der }) => der), tail]);
  return {
    body,
    tail,
    issuerId: issuer.issuerId,
    serialNumbers,
    thisUpdate: 1000,
    nextUpdate: 9000,
    etag: `"${createHash('sha256').update(body).digest('hex')}"`,
    reusable: true,
    good: word === 'good',
  };
}

describe('answers in memory', () => {
  it('comes back as it was signed', () => {
    const cache = new ResponseCache(10);
    const question = asked([certID('0a')]);
    const signed = answer(question, 'revoked');
    cache.set(question, signed, 5000);
    const { body, etag, thisUpdate, nextUpdate, good } = signed;
    expect(cache.get(question)).toMatchObject({
      ...{ body, etag, thisUpdate, nextUpdate, good },
      refreshAt: 5000,
    });
    expect(cache.compact.size).toBe(1);
    cache.set(question, answer(question, 'newer'), 6000);
    expect(cache.get(question)?.body.toString('latin1')).toMatch(/^newer/);
    expect(cache.size).toBe(1);
  });

  it('a change of status evicts what says anything of the certificate, in whichever form it was asked', () => {
    const cache = new ResponseCache(10);
    const questions = [
      asked([certID('80')]),
      asked([certID('80', 'sha256')]),
      asked([certID('80', 'sha512')]),
      asked([certID('80'), certID('81')]),
    ];
    const apart = [asked([certID('81')]), asked([certID('80', 'sha1', other)], other)];
    for (const question of [...questions, ...apart]) cache.set(question, answer(question), 5000);
    expect(cache.compact.size).toBe(5);
    cache.get(asked([certID('80')]));
    const evicted = cache.evict(one.issuerId, '80');
    expect(evicted.map(({ uses }) => uses).toSorted()).toEqual([0, 0, 1]);
    for (const question of questions) expect(cache.get(question)).toBeUndefined();
    for (const question of apart) expect(cache.get(question)).toBeDefined();
  });

  it('a certID in a form that could not be found again is kept by its question', () => {
    const cache = new ResponseCache(10);
    const { der, ...rest } = certID('80');
    // Parameters that are neither NULL nor absent.
    const strange = Buffer.from(der);
    strange[strange.indexOf(Buffer.of(5, 0))] = 4;
    const question = asked([{ ...rest, der: strange }]);
    cache.set(question, answer(question), 5000);
    expect(cache.compact.size).toBe(0);
    expect(cache.get(question)).toBeDefined();
    cache.evict(one.issuerId, '80');
    expect(cache.get(question)).toBeUndefined();
  });

  it('forgets an issuer at once, and takes its new answers', () => {
    const cache = new ResponseCache(10);
    const mine = asked([certID('01')]);
    const theirs = asked([certID('01', 'sha1', other)], other);
    cache.set(mine, answer(mine), 5000);
    cache.set(theirs, answer(theirs), 5000);
    cache.evictIssuer(one.issuerId);
    expect(cache.get(mine)).toBeUndefined();
    expect(cache.get(theirs)).toBeDefined();
    expect(cache.size).toBe(1);
    cache.set(mine, answer(mine), 5000);
    expect(cache.get(mine)).toBeDefined();
    expect(cache.size).toBe(2);
    cache.clear();
    expect(cache.size).toBe(0);
    expect(cache.get(mine)).toBeUndefined();
  });

  it('keeps to its bound, and keeps what is used', () => {
    const cache = new ResponseCache(100);
    const first = asked([certID('01')]);
    cache.set(first, answer(first), 5000);
    for (let n = 2; n < 600; n += 1) {
      const question = asked([certID(n.toString(16))]);
      cache.set(question, answer(question), 5000);
      cache.get(first);
    }
    expect(cache.compact.size).toBe(100);
    expect(cache.get(first)).toBeDefined();
    expect(cache.get(asked([certID((599).toString(16))]))).toBeDefined();
  });

  it('is a map that forgets: whatever is done, what is there is the last that was set', () => {
    const serials = fc.integer({ min: 1, max: 12 }).map((n) => n.toString(16).padStart(2, '0'));
    const acts = fc.array(
      fc.record({
        act: fc.constantFrom('set', 'set', 'set', 'evict', 'evictIssuer', 'clear'),
        serial: serials,
        hash: fc.constantFrom('sha1' as const, 'sha256' as const),
        issuer: fc.constantFrom(one, other),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(acts, fc.integer(), (history, seed) => {
        const cache = new ResponseCache(1000, seed);
        const model = new Map<string, { body: string; issuerId: string; serial: string }>();
        for (const [at, { act, serial, hash, issuer }] of history.entries()) {
          const question = asked([certID(serial, hash, issuer)], issuer);
          const { issuerId } = issuer;
          const forget = (gone: (kept: { issuerId: string; serial: string }) => boolean): void => {
            for (const [key, kept] of model) if (gone(kept)) model.delete(key);
          };
          if (act === 'set') {
            const signed = answer(question, `${at} `);
            cache.set(question, signed, 5000);
            model.set(question.key, { body: signed.body.toString('latin1'), issuerId, serial });
          } else if (act === 'evict') {
            cache.evict(issuerId, serial);
            forget((kept) => kept.issuerId === issuerId && kept.serial === serial);
          } else if (act === 'evictIssuer') {
            cache.evictIssuer(issuerId);
            forget((kept) => kept.issuerId === issuerId);
          } else {
            cache.clear();
            model.clear();
          }
          expect(cache.get(question)?.body.toString('latin1')).toBe(model.get(question.key)?.body);
          expect(cache.size).toBe(model.size);
        }
      }),
      { numRuns: 60 },
    );
  });
});
