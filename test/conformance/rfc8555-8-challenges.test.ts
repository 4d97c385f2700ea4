/** RFC 8555 §8.1 key authorizations, §8.2 retries (A29, A30, I1, I32). */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ValidationOutcome } from '../../src/acme/ports.ts';
import { type Challenge, challengeOf, headerOf, json, type Order } from '../support/acme-client.ts';
import { keyWithLeadingZero, thumbprintOf } from '../support/acme-keys.ts';
import { directoryPolicy } from '../support/acme-node.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { until } from '../support/quickstart-run.ts';

const under = await acmeUnderTest('acme-8', {
  directories: [directoryPolicy('retrying', { retrySeconds: [60, 120] })],
});
const client = under.client();
const refusedOnce: ValidationOutcome = {
  valid: false,
  type: 'incorrectResponse',
  detail: 'the answer was another',
  retryable: true,
};

beforeAll(async () => {
  await client.register();
});

describe('§8.1', () => {
  it('A29, I32: keyAuthorization is token, full stop, RFC 7638 thumbprint, also of a key with leading zeros', async () => {
    const other = under.client('default', keyWithLeadingZero());
    await other.register();
    const { order } = await other.order(['zero.example.test']);
    await other.authorize(order);
    const asked = under.validator.asked.at(-1);
    const [authorization] = await other.authorizations(order);
    const token = authorization?.challenges[0]?.token ?? '';
    expect(asked).toMatchObject({
      type: 'http-01',
      token,
      identifier: { type: 'dns', value: 'zero.example.test' },
      keyAuthorization: `${token}.${other.key.thumbprint}`,
    });
  });

  it("A29: RFC 7638 §3.1's own example, by the judge of this test", () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    expect(thumbprintOf({ e: 'AQAB', kty: 'RSA', n })).toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    );
  });
});

describe('§8.2 retries', () => {
  const retrying = under.client('retrying');

  it('A30: while attempts are left it is processing, each failure is in error, Retry-After says when', async () => {
    await retrying.register();
    const { order, url } = await retrying.order(['r.example.test']);
    const challenge = challengeOf(await retrying.authorizationOf(order), 'http-01');
    await under.finding(refusedOnce, async () => {
      await retrying.respond(challenge);
      const seen = async (count: number): Promise<Challenge> => {
        let found: Challenge | undefined;
        await until(`${count} failures in the challenge`, async () => {
          const answer = await retrying.get(challenge.url);
          found = json<Challenge>(answer);
          const failures =
            found.error === undefined ? 0 : 1 + (found.error.subproblems ?? []).length;
          if (found.status === 'processing' && failures === count) {
            expect(Number(headerOf(answer, 'retry-after'))).toBeGreaterThanOrEqual(30);
          }
          return failures >= count;
        });
        if (found === undefined) throw new Error('unreachable');
        return found;
      };
      expect((await seen(1)).status).toBe('processing');
      expect((await retrying.authorizationOf(order)).status).toBe('pending');
      // Asked again, the server tries at once: the second of three, then the last.
      await retrying.respond(challenge);
      expect((await seen(2)).status).toBe('processing');
      await retrying.respond(challenge);
      expect((await seen(3)).status).toBe('invalid');
    });
    expect((await retrying.fetch<Order>(url)).status).toBe('invalid');
  });

  it('A30: a later attempt that succeeds is a success', async () => {
    const { order, url } = await retrying.order(['later.example.test']);
    const challenge = challengeOf(await retrying.authorizationOf(order), 'http-01');
    await under.finding(refusedOnce, async () => {
      await retrying.respond(challenge);
      await until('the first failure', async () => {
        const found = await retrying.fetch<Challenge>(challenge.url);
        return found.error !== undefined;
      });
    });
    await retrying.respond(challenge);
    expect((await retrying.settled(url)).status).toBe('ready');
  });

  it('I1: a validator that throws proves nothing', async () => {
    const { order, url } = await client.order(['throws.example.test']);
    const challenge = challengeOf(await client.authorizationOf(order), 'http-01');
    under.validator.answer = () => {
      throw new Error('secret text of the inside');
    };
    try {
      await client.respond(challenge);
      const failed = await client.settled(url);
      expect(failed.status).toBe('invalid');
      expect(JSON.stringify(failed)).not.toContain('secret text');
    } finally {
      under.validator.answer = () => ({ valid: true });
    }
  });
});
