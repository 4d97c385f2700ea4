/** RFC 8555 §8.4: dns-01 (rows A31, I32). */
import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { startDnsServer } from '../support/dns-server.ts';
import { keyAuthorization, problemOf, startValidationTrial } from '../support/validation-trial.ts';

// base64url of SHA-256 of the key authorization, without padding, as openssl computes it.
const digest = 'lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM';
const trial = await startValidationTrial();
const { dns } = trial;
afterAll(async () => trial.close());

/** A digest of something else. */
function wrong(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

describe('A31 §8.4: the record', () => {
  it('T-DNS-1 I32: it stands at _acme-challenge, underscore included, below the name', async () => {
    dns.set('_acme-challenge.pinned.example.test', 'TXT', [digest]);
    const before = dns.queries.length;
    expect(await trial.attempt('dns-01', 'pinned.example.test')).toEqual({ valid: true });
    expect(dns.queries.slice(before)).toEqual([
      { name: '_acme-challenge.pinned.example.test', type: 'TXT', transport: 'udp' },
    ]);
    dns.set('acme-challenge.bare.example.test', 'TXT', [digest]);
    dns.set('bare.example.test', 'TXT', [digest]);
    expect((await trial.attempt('dns-01', 'bare.example.test')).valid).toBe(false);
  });

  it('one right record among many is enough, by TCP when UDP is too small', async () => {
    const many = Array.from({ length: 40 }, (_, i) => wrong(String(i)));
    dns.set('_acme-challenge.many.example.test', 'TXT', [...many, digest, 'v=spf1 -all']);
    expect((await trial.attempt('dns-01', 'many.example.test')).valid).toBe(true);
    expect(dns.queries.at(-1)?.transport).toBe('tcp');
  });

  it('several strings of one record are joined; several records are not', async () => {
    dns.set('_acme-challenge.joined.example.test', 'TXT', [
      [digest.slice(0, 20), digest.slice(20)],
    ]);
    expect((await trial.attempt('dns-01', 'joined.example.test')).valid).toBe(true);
    dns.set('_acme-challenge.apart.example.test', 'TXT', [digest.slice(0, 20), digest.slice(20)]);
    expect((await trial.attempt('dns-01', 'apart.example.test')).valid).toBe(false);
  });

  it.each([
    ['the key authorization itself', keyAuthorization],
    ['a padded digest', `${digest}=`],
    ['a digest with white space', `${digest} `],
    ['a quoted digest', `"${digest}"`],
    ['a digest in hex', createHash('sha256').update(keyAuthorization).digest('hex')],
    ['the digest in another case', digest.toLowerCase()],
    ['the digest of another key authorization', wrong(`${keyAuthorization}x`)],
  ])('%s is none, and is not repeated in the problem', async (_, value) => {
    dns.set('_acme-challenge.wrong.example.test', 'TXT', [value]);
    const problem = problemOf(await trial.attempt('dns-01', 'wrong.example.test'));
    expect(problem).toMatchObject({ type: 'incorrectResponse', retryable: true });
    expect(problem.detail).toContain('_acme-challenge.wrong.example.test');
    if (!value.includes(digest)) expect(problem.detail).not.toContain(value);
  });

  it('a record that appears later is found by the next attempt: nothing is kept', async () => {
    const before = problemOf(await trial.attempt('dns-01', 'later.example.test'));
    expect(before).toMatchObject({ type: 'dns', retryable: true });
    expect(before.detail).toContain('NXDOMAIN');
    dns.set('_acme-challenge.later.example.test', 'TXT', [digest]);
    expect((await trial.attempt('dns-01', 'later.example.test')).valid).toBe(true);
  });
});

describe('§8.4: CNAME', () => {
  it('is followed by the DNS server', async () => {
    dns.set('_acme-challenge.alias.example.test', 'CNAME', ['alias.validation.test']);
    dns.set('alias.validation.test', 'TXT', [digest]);
    expect((await trial.attempt('dns-01', 'alias.example.test')).valid).toBe(true);
  });

  it('is followed by hand when the DNS server answers the CNAME alone, up to 8 of them', async () => {
    const bare = await startDnsServer({ bareCname: true });
    try {
      const chain = (name: string, length: number): void => {
        for (let hop = 0; hop < length; hop++) {
          const from = hop === 0 ? `_acme-challenge.${name}.test` : `${hop}.${name}.test`;
          bare.set(from, 'CNAME', [`${hop + 1}.${name}.test`]);
        }
        bare.set(`${length}.${name}.test`, 'TXT', [digest]);
      };
      chain('eight', 8);
      chain('nine', 9);
      bare.set('_acme-challenge.circle.test', 'CNAME', ['b.circle.test']);
      bare.set('b.circle.test', 'CNAME', ['_ACME-challenge.circle.test']);
      const options = { resolver: bare };
      expect((await trial.attempt('dns-01', 'eight.test', options)).valid).toBe(true);
      const nine = problemOf(await trial.attempt('dns-01', 'nine.test', options));
      expect(nine).toMatchObject({ type: 'dns' });
      expect(nine.detail).toContain('more than 8 CNAMEs');
      const circle = problemOf(await trial.attempt('dns-01', 'circle.test', options));
      expect(circle.detail).toContain('circle');
      bare.set('www.test', 'CNAME', ['host.test']);
      bare.set('host.test', 'A', ['127.0.0.1']);
      trial.server.answerHttp(keyAuthorization.split('.')[0] ?? '', keyAuthorization);
      expect((await trial.attempt('http-01', 'www.test', options)).valid).toBe(true);
    } finally {
      await bare.close();
    }
  });
});

describe('§8.4: what fails', () => {
  it.each([
    ['SERVFAIL', 'SERVFAIL'],
    ['REFUSED', 'REFUSED'],
  ] as const)('%s is a dns problem worth another attempt', async (trouble, words) => {
    dns.fail('_acme-challenge.trouble.example.test', trouble);
    const problem = problemOf(await trial.attempt('dns-01', 'trouble.example.test'));
    dns.remove('_acme-challenge.trouble.example.test');
    expect(problem).toMatchObject({ type: 'dns', retryable: true });
    expect(problem.detail).toContain(words);
  });

  it('no answer is one too, in time', async () => {
    dns.fail('_acme-challenge.silent.example.test', 'silent');
    const problem = problemOf(
      await trial.attempt('dns-01', 'silent.example.test', { timeoutMilliseconds: 500 }),
    );
    expect(problem).toMatchObject({ type: 'dns', retryable: true });
  });

  it('a question that got lost is asked again within the attempt', async () => {
    const name = '_acme-challenge.lossy.example.test';
    const asked = (): number => dns.queries.filter((query) => query.name === name).length;
    dns.fail(name, 'silent');
    const attempt = trial.attempt('dns-01', 'lossy.example.test', { timeoutMilliseconds: 5000 });
    await expect.poll(asked).toBeGreaterThan(0);
    dns.remove(name);
    dns.set(name, 'TXT', [digest]);
    expect((await attempt).valid).toBe(true);
    expect(asked()).toBeGreaterThan(1);
  });

  it('a name without a TXT record is a dns problem', async () => {
    dns.set('_acme-challenge.empty.example.test', 'A', ['127.0.0.1']);
    const problem = problemOf(await trial.attempt('dns-01', 'empty.example.test'));
    expect(problem).toMatchObject({ type: 'dns', retryable: true });
    expect(problem.detail).toContain('no TXT record');
  });

  it('a DNS server that is not there', async () => {
    const resolver = { host: '127.0.0.1', port: 1 };
    const problem = problemOf(await trial.attempt('dns-01', 'www.example.test', { resolver }));
    expect(problem).toMatchObject({ type: 'dns', retryable: true });
    expect(problem.detail).toContain('not reachable');
  });

  it('RFC 8738 §7: an address has no dns-01, and localhost is never asked of the DNS', async () => {
    const before = dns.queries.length;
    for (const identifier of ['192.0.2.1', '2001:db8::1', 'localhost', 'www.localhost']) {
      const problem = problemOf(await trial.attempt('dns-01', identifier));
      expect(problem.retryable, identifier).toBe(false);
    }
    expect(dns.queries.length).toBe(before);
  });

  it('a name that _acme-challenge makes too long is refused before it is asked', async () => {
    const name = `${`${'a'.repeat(60)}.`.repeat(4)}test`;
    const problem = problemOf(await trial.attempt('dns-01', name));
    expect(problem).toMatchObject({ type: 'dns', retryable: false });
  });
});
