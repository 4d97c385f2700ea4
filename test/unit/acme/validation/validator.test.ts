/** What an attempt says to its caller and to the log, and how settings are checked. */
import { afterAll, describe, expect, it } from 'vitest';
import {
  checkValidationSettings,
  createValidator,
  type ValidationSettings,
} from '../../../../src/acme/validation/index.ts';
import { reverseName } from '../../../../src/acme/validation/tls-alpn-01.ts';
import { serverNameOf } from '../../../support/challenge-server.ts';
import {
  keyAuthorization,
  problemOf,
  startValidationTrial,
  token,
} from '../../../support/validation-trial.ts';

const trial = await startValidationTrial();
afterAll(async () => trial.close());

const settings: ValidationSettings = {
  http01Port: 80,
  tlsAlpn01Port: 443,
  targets: [],
  allowLoopback: false,
  timeoutMilliseconds: 1000,
};

describe('settings', () => {
  it('each directory has its own', async () => {
    const asked: string[] = [];
    const validator = createValidator(
      (directory) => {
        asked.push(directory);
        return { ...settings, http01Port: trial.server.httpPort, allowLoopback: directory === 'b' };
      },
      () => undefined,
    );
    trial.server.answerHttp(token, keyAuthorization);
    const attempt = async (directory: string) =>
      validator.validate({
        directory,
        type: 'http-01',
        identifier: { type: 'dns', value: 'localhost' },
        token,
        keyAuthorization,
      });
    expect(await attempt('a')).toMatchObject({ valid: false, type: 'unauthorized' });
    expect(await attempt('b')).toEqual({ valid: true, address: '127.0.0.1' });
    expect(asked).toEqual(['a', 'b']);
  });

  it.each([
    [{ resolver: { host: 'dns.example.test', port: 53 } }, /acme\.resolver.*192\.0\.2\.53:53/],
    [{ sourceAddress: 'eth0' }, /acme\.sourceAddress/],
    [{ targets: ['10.0.0.0/99'] }, /acme\.targets/],
  ])('%j is refused, with what to write', (change, words) => {
    expect(() => checkValidationSettings({ ...settings, ...change })).toThrow(words);
  });

  it('an IPv6 DNS server may be named', async () => {
    const resolver = { host: '::1', port: 1 };
    const problem = problemOf(await trial.attempt('dns-01', 'www.example.test', { resolver }));
    expect(problem).toMatchObject({ type: 'dns' });
  });
});

describe('what is said', () => {
  it('a failure is one line with directory, method, name and problem', async () => {
    trial.dns.fail('broken.example.test', 'SERVFAIL');
    const before = trial.log.length;
    await trial.attempt('http-01', 'broken.example.test');
    expect(trial.log.slice(before)).toHaveLength(1);
    expect(trial.log.at(-1)).toMatch(
      /^info .*"directory":"default".*http-01.*broken.*"problem":"dns"/,
    );
  });

  it("a fault of the CA's own raises an alarm and says nothing of itself to the client", async () => {
    const before = trial.log.length;
    const problem = problemOf(await trial.attempt('http-01', 'localhost', { targets: ['secret'] }));
    expect(problem).toMatchObject({ type: 'serverInternal', retryable: true });
    expect(problem.detail).not.toContain('secret');
    expect(trial.log.slice(before).join()).toMatch(/^alarm .*acme\.targets/);
  });

  it('A32 a wildcard is never validated under its star', async () => {
    for (const type of ['http-01', 'dns-01', 'tls-alpn-01'] as const) {
      const problem = problemOf(await trial.attempt(type, '*.example.test'));
      expect(problem.type).toBe('serverInternal');
    }
    expect(trial.dns.queries.filter(({ name }) => name.includes('*'))).toEqual([]);
  });
});

describe('RFC 8738 §6: reverse names', () => {
  it.each([
    ['192.0.2.1', '1.2.0.192.in-addr.arpa'],
    [
      '2001:db8::567:89ab',
      'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    ],
  ])('%s is %s', (address, name) => {
    expect(reverseName(address)).toBe(name);
    expect(serverNameOf(address)).toBe(name);
  });
});
