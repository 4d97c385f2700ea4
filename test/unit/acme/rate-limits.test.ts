import { describe, expect, it } from 'vitest';
import type { AccountAccess, DirectoryLimits, DirectoryPolicy } from '../../../src/acme/ports.ts';
import {
  failedValidationLimits,
  newAccountLimits,
  newOrderLimits,
  rateLimitedProblem,
} from '../../../src/acme/rate-limits.ts';

const policy = (limits: DirectoryLimits): DirectoryPolicy => ({
  name: 'default',
  profiles: new Map([['tls-server', '']]),
  defaultProfile: 'tls-server',
  challengeTypes: ['http-01'],
  names: {},
  externalAccount: 'none',
  limits,
  maximumIdentifiers: 100,
  orderLifetimeSeconds: 1,
  authorizationLifetimeSeconds: 1,
  retrySeconds: [],
});
const rate = { burst: 10, seconds: 3600 };
const gcra = { intervalMilliseconds: 360_000, burst: 10 };
const now = new Date('2026-11-21T00:00:00.400Z');
const account = { accountId: 'acc' } as AccountAccess['account'];
const access: AccountAccess = { account, ownerDisabled: false };
const names = [
  { type: 'dns', value: '*.a.test' },
  { type: 'ip', value: '2001:db8::1' },
] as const;

describe('limits of a directory', () => {
  it('none that is not configured', () => {
    expect(newOrderLimits(policy({}), access, names)).toEqual([]);
    expect(newAccountLimits(policy({}), '192.0.2.1')).toEqual([]);
    expect(failedValidationLimits(policy({}), 'acc', names[0])).toEqual([]);
  });

  it('a new order counts for account, credential and each name', () => {
    const all = policy({
      newOrderPerAccount: rate,
      newOrderPerCredential: rate,
      newOrderPerName: rate,
    });
    const credential = { kid: 'kid-1' } as NonNullable<AccountAccess['credential']>;
    expect(newOrderLimits(all, { ...access, credential }, names)).toEqual([
      { limit: 'newOrderPerAccount', key: 'acc', ...gcra },
      { limit: 'newOrderPerCredential', key: 'kid-1', ...gcra },
      { limit: 'newOrderPerName', key: 'default/*.a.test', ...gcra },
      { limit: 'newOrderPerName', key: 'default/2001:db8::1', ...gcra },
    ]);
    expect(newOrderLimits(all, access, []).map(({ limit }) => limit)).toEqual([
      'newOrderPerAccount',
    ]);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['::1', '::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['unknown', 'unknown'],
  ])('a registration from %s counts for %s: IPv6 by /64', (address, key) => {
    expect(newAccountLimits(policy({ newAccountPerAddress: rate }), address)).toEqual([
      { limit: 'newAccountPerAddress', key: `default/${key}`, ...gcra },
    ]);
  });

  it("a failed validation counts for account and name together: nobody locks out another's", () => {
    const limits = policy({ failedValidationPerName: rate });
    const of = (id: string): string | undefined =>
      failedValidationLimits(limits, id, names[0])[0]?.key;
    expect(of('acc')).toBe('acc/a.test');
    expect(of('other')).not.toBe(of('acc'));
  });

  it('an interval is never nought', () => {
    const fast = policy({ newOrderPerAccount: { burst: 100_000, seconds: 1 } });
    expect(newOrderLimits(fast, access, [])[0]?.intervalMilliseconds).toBe(1);
  });
});

describe('RFC 8555 §6.6 rateLimited (A10)', () => {
  const limited = { limit: 'newOrderPerName', key: 'default/a.test' };

  it('names the limit, the key and when', () => {
    const problem = rateLimitedProblem(
      { ...limited, retryAt: new Date(now.getTime() + 90_100) },
      now,
    );
    expect(problem.status).toBe(429);
    expect(problem.headers).toEqual({ 'retry-after': '91' });
    expect(problem.document.type).toBe('urn:ietf:params:acme:error:rateLimited');
    for (const part of ['newOrderPerName', 'default/a.test', '2026-11-21T00:01:32Z', 'override']) {
      expect(problem.message).toContain(part);
    }
  });

  it('Retry-After is at least a second, and the time told is never before the limit ends', () => {
    for (const wait of [-5, 0, 1, 999, 1000, 59_999]) {
      const retryAt = new Date(now.getTime() + wait);
      const problem = rateLimitedProblem({ ...limited, retryAt }, now);
      const seconds = Number(problem.headers['retry-after']);
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(now.getTime() + seconds * 1000).toBeGreaterThanOrEqual(retryAt.getTime());
      const told = new Date(/after (\S+Z)/.exec(problem.message)?.[1] ?? 0);
      expect(told.getTime()).toBeGreaterThanOrEqual(retryAt.getTime());
    }
  });

  it('a limit of another version is told all the same', () => {
    expect(rateLimitedProblem({ limit: 'x', key: 'y', retryAt: now }, now).message).toMatch(
      /limit x/,
    );
  });
});
