/** ACME's pure core: whatever the input, an answer or an AcmeProblem; whatever the order, no way out of an end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAllowed, parseAllowed } from '../../src/acme/allowed-names.ts';
import { decodeBase64url, encodeBase64url } from '../../src/acme/base64url.ts';
import { parseExternalAccountBinding } from '../../src/acme/external-account.ts';
import { baseOf, parseIdentifiers } from '../../src/acme/identifiers.ts';
import { parseJwk } from '../../src/acme/jwk.ts';
import { parseJws } from '../../src/acme/jws.ts';
import type { Identifier } from '../../src/acme/ports.ts';
import { AcmeProblem } from '../../src/acme/problem.ts';
import { formatCertId, parseCertId, suggestedWindow } from '../../src/acme/renewal-info.ts';
import {
  accountTransitions,
  authorizationTransitions,
  challengeTransitions,
  nextOf,
  orderTransitions,
  type Transitions,
} from '../../src/acme/states.ts';
import { isChanceryError } from '../../src/domain/index.ts';
import { base64url, jwsKey, signJws } from '../support/acme-keys.ts';

const runs = { numRuns: 500 };

/** Runs it; a refusal is undefined. Anything thrown but an AcmeProblem in the words of §6.7 fails. */
function outcome<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof AcmeProblem)) throw error;
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(500);
    expect(error.document.type).toMatch(/^urn:ietf:params:acme:error:[A-Za-z]+$/);
    // A refusal repeats some of the input, never all of a large one.
    expect(error.message.length).toBeLessThan(2000);
    return undefined;
  }
}

const key = jwsKey();
const right = signJws(
  key,
  { alg: 'ES256', nonce: 'bm9uY2U', url: 'https://a.test/x', kid: 'https://a.test/1' },
  { contact: [] },
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    'ES256',
    'none',
    'constructor',
    '__proto__',
    'e30',
    'EC',
    'P-256',
    'RSA',
    'AQAB',
  ),
  fc.base64String().map((value) => value.replaceAll('=', '')),
);
const json = fc.oneof(text, fc.jsonValue({ maxDepth: 4 }));
const record = (names: readonly string[]) =>
  fc.dictionary(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: text }),
    json,
  );
const headers = record(['alg', 'nonce', 'url', 'kid', 'jwk', 'crit', 'b64']);
const members = fc.record({
  protected: fc.oneof(
    text,
    headers.map((header) => base64url(JSON.stringify(header))),
  ),
  payload: text,
  signature: fc.oneof(text, fc.constant(right.signature)),
});

describe('parseJws is total (A2, A3)', () => {
  test('over octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        outcome(() => parseJws(octets, { nonce: 'required' }));
      }),
      runs,
    );
  });

  test('over JSON, as text and as a value', () => {
    fc.assert(
      fc.property(
        fc.oneof(json, members, record(['protected', 'payload', 'signature', 'header'])),
        (value) => {
          for (const nonce of ['required', 'forbidden'] as const) {
            const parsed = outcome(() => parseJws(value, { nonce }));
            const read = outcome(() => parseJws(Buffer.from(JSON.stringify(value)), { nonce }));
            expect(read === undefined || parsed !== undefined).toBe(true);
          }
        },
      ),
      runs,
    );
  });

  test('with one octet of a right one changed: refused, or read as something that was signed differently', () => {
    const octets = Buffer.from(JSON.stringify(right));
    fc.assert(
      fc.property(
        fc.nat({ max: octets.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (index, change) => {
          const changed = Buffer.from(octets);
          changed[index] = (changed[index] ?? 0) ^ change;
          const read = outcome(() => parseJws(changed, { nonce: 'required' }));
          if (read === undefined) return;
          expect(read.compact).not.toEqual(right);
        },
      ),
      runs,
    );
  });
});

describe('keys and bindings are total', () => {
  test('parseJwk', () => {
    const jwks = record(['kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'k', 'use', 'alg', 'key_ops']);
    fc.assert(
      fc.property(
        fc.oneof(
          json,
          jwks,
          jwks.map((jwk) => ({ ...key.jwk, ...jwk })),
        ),
        (value) => {
          const account = outcome(() => parseJwk(value));
          if (account !== undefined)
            expect(parseJwk(account.jwk).thumbprint).toBe(account.thumbprint);
        },
      ),
      runs,
    );
  });

  test('parseExternalAccountBinding', () => {
    const expected = { url: 'https://a.test/x', jwk: key.jwk };
    fc.assert(
      fc.property(fc.oneof(json, members), (value) => {
        outcome(() => parseExternalAccountBinding(value, expected));
      }),
      runs,
    );
  });
});

test('base64url has one spelling for everything, and that one back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      expect(decodeBase64url(encodeBase64url(octets))).toEqual(octets);
    }),
    runs,
  );
  fc.assert(
    fc.property(text, (value) => {
      const octets = decodeBase64url(value);
      if (octets !== undefined) expect(encodeBase64url(octets)).toBe(value);
    }),
    runs,
  );
});

const label = fc.stringMatching(/^[A-Za-z0-9*_-]{1,10}$/);
const hosts = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.')),
  fc.domain(),
  fc.domain().map((name) => `*.${name}`),
  fc.string({ unit: 'grapheme' }),
  text,
);
const identifier = fc.oneof(
  fc.record({ type: fc.constant('dns'), value: hosts }),
  fc.record({
    type: fc.constant('ip'),
    value: fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), text),
  }),
  fc.record({ type: text, value: hosts }),
  json,
);

describe('identifiers', () => {
  test('are total and idempotent, and every refused one has a subproblem', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(identifier, { maxLength: 5 }), json), (value) => {
        const read = outcome(() => parseIdentifiers(value, 10));
        if (read === undefined) return;
        expect(parseIdentifiers(read, 10)).toEqual(read);
        expect(new Set(read.map(({ type, value: name }) => `${type}:${name}`)).size).toBe(
          read.length,
        );
        for (const one of read) {
          expect(one.value).toBe(one.value.toLowerCase());
          const { identifier: base, wildcard } = baseOf(one);
          expect(base.value).not.toContain('*');
          expect(wildcard ? `*.${base.value}` : base.value).toBe(one.value);
          // A name is allowed by itself, and a stored entry is read as it was written.
          if (wildcard) expect(isAllowed([one.value], one)).toBe(true);
          else expect(isAllowed(parseAllowed([one.value]), one)).toBe(true);
        }
      }),
      runs,
    );
  });

  test('a credential without wildcards never allows one, and nothing outside its names', () => {
    const name = fc.constantFrom(
      'a.test',
      'b.a.test',
      'xa.test',
      '*.a.test',
      '*.b.a.test',
      'a.test.evil',
      '10.0.0.1',
    );
    fc.assert(
      fc.property(
        fc.constantFrom('a.test', '.a.test', '*.a.test', '10.0.0.0/8'),
        name,
        (entry, value) => {
          const one: Identifier = { type: value === '10.0.0.1' ? 'ip' : 'dns', value };
          if (!isAllowed([entry], one)) return;
          if (value.startsWith('*.')) expect(entry).toBe('*.a.test');
          if (one.type === 'dns') expect(`.${baseOf(one).identifier.value}`).toMatch(/\.a\.test$/);
        },
      ),
      runs,
    );
  });

  test('allow is total', () => {
    fc.assert(
      fc.property(hosts, (entry) => {
        try {
          const stored = parseAllowed([entry]);
          expect(parseAllowed(stored)).toEqual(stored);
        } catch (error) {
          expect(isChanceryError(error) && error.code).toBe('invalidArgument');
        }
      }),
      runs,
    );
  });
});

describe('RFC 8555 §7.1.6 (A15): no sequence of events leaves an end', () => {
  const machines: readonly [string, Transitions<string, string>, string, readonly string[]][] = [
    ['order', orderTransitions, 'pending', ['valid', 'invalid']],
    [
      'authorization',
      authorizationTransitions,
      'pending',
      ['invalid', 'deactivated', 'expired', 'revoked'],
    ],
    ['challenge', challengeTransitions, 'pending', ['valid', 'invalid']],
    ['account', accountTransitions, 'valid', ['deactivated', 'revoked']],
  ];
  test.each(machines)('%s', (_, transitions, initial, ends) => {
    const events = [...new Set(Object.values(transitions).flatMap((one) => Object.keys(one)))];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events)), (sequence) => {
        let status = initial;
        for (const event of sequence) {
          const next = nextOf(transitions, status, event) ?? status;
          if (ends.includes(status)) expect(next).toBe(status);
          status = next;
          expect(Object.keys(transitions)).toContain(status);
        }
      }),
      runs,
    );
    // Those and only those are ends, and every status can be reached.
    for (const [status, leaving] of Object.entries(transitions)) {
      expect(Object.keys(leaving).length === 0).toBe(ends.includes(status));
    }
    const reached = new Set([initial]);
    for (const status of reached) {
      for (const next of Object.values(transitions[status] ?? {}))
        if (next !== undefined) reached.add(next);
    }
    expect([...reached].toSorted()).toEqual(Object.keys(transitions).toSorted());
  });
});

describe('RFC 9773', () => {
  test('a certID goes there and back (A34)', () => {
    const hex = fc
      .uint8Array({ minLength: 1, maxLength: 20 })
      .map((octets) => Buffer.from(octets).toString('hex'));
    const serial = hex.map((digits) => digits.replace(/^0+/, '')).filter((digits) => digits !== '');
    fc.assert(
      fc.property(hex, serial, (keyIdentifier, serialNumber) => {
        const certId = { keyIdentifier, serialNumber };
        expect(parseCertId(formatCertId(certId))).toEqual(certId);
      }),
      runs,
    );
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.tuple(text, text).map(([a, b]) => `${a}.${b}`),
        ),
        (value) => {
          const certId = parseCertId(value);
          if (certId !== undefined) expect(formatCertId(certId)).toBe(value);
        },
      ),
      runs,
    );
  });

  test('end lies after start, always; within the life but for a revocation or an incident (A35)', () => {
    const time = fc.integer({ min: Date.parse('2000-01-01'), max: Date.parse('2099-01-01') });
    const length = fc.integer({ min: 0, max: 4_000 * 86_400_000 });
    fc.assert(
      fc.property(
        fc.record({ from: time, life: length, now: time, starts: time, pace: length, since: time }),
        fc.constantFrom('good' as const, 'onHold' as const, 'revoked' as const),
        fc.boolean(),
        fc.integer({ min: 1 }),
        (times, status, hasIncident, serial) => {
          const certificate = {
            notBefore: new Date(times.from),
            notAfter: new Date(times.from + times.life),
            serialNumber: serial.toString(16),
          };
          const incident = {
            tenant: 't',
            incidentId: 'i',
            issuedBefore: new Date(times.starts),
            startsAt: new Date(times.starts),
            endsAt: new Date(times.starts + times.pace),
            createdAt: new Date(times.starts),
            createdBy: 'a',
          };
          const now = new Date(times.now);
          const { start, end, retryAfterSeconds } = suggestedWindow({
            certificate,
            status: { status, notGoodSince: new Date(times.since) },
            incident: hasIncident ? incident : undefined,
            now,
          });
          expect(end.getTime()).toBeGreaterThan(start.getTime());
          expect(start.getTime() % 1000).toBe(0);
          expect(end.getTime() % 1000).toBe(0);
          expect(retryAfterSeconds).toBeGreaterThanOrEqual(60);
          expect(retryAfterSeconds).toBeLessThanOrEqual(6 * 3600);
          if (status === 'revoked') {
            expect(end.getTime()).toBeLessThan(now.getTime());
          } else if (!hasIncident && times.life >= 3000) {
            expect(start.getTime()).toBeGreaterThanOrEqual(times.from);
            expect(end.getTime()).toBeLessThanOrEqual(times.from + times.life);
          }
        },
      ),
      runs,
    );
  });
});
