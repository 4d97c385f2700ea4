/** RFC 8738: addresses as identifiers (row A33 for tls-alpn-01). */
import { afterAll, describe, expect, it } from 'vitest';
import { challengeCertificate } from '../support/challenge-certificate.ts';
import {
  keyAuthorization,
  problemOf,
  startValidationTrial,
  token,
} from '../support/validation-trial.ts';

const trial = await startValidationTrial({ hosts: ['127.0.0.1', '::1'] });
const { dns, server } = trial;
afterAll(async () => trial.close());

const reverse = {
  '127.0.0.1': '1.0.0.127.in-addr.arpa',
  '::1': '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa',
} as const;

describe('RFC 8738 §5: http-01 of an address', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ])('%s is connected to as it is; Host is %s', async (address, host) => {
    server.answerHttp(token, keyAuthorization);
    expect(await trial.attempt('http-01', address)).toEqual({ valid: true, address });
    expect(server.requests.at(-1)).toMatchObject({ host, localAddress: address });
    expect(dns.queries).toEqual([]);
  });

  it('an address that may not be connected to is refused', async () => {
    for (const address of ['169.254.169.254', '::ffff:127.0.0.1', '0.0.0.0', '::']) {
      const problem = problemOf(await trial.attempt('http-01', address));
      expect(problem, address).toMatchObject({ type: 'unauthorized', retryable: false });
    }
  });
});

describe('A33 RFC 8738 §6: tls-alpn-01 of an address', () => {
  it.each(['127.0.0.1', '::1'] as const)('%s: SNI is its reverse name', async (address) => {
    server.setCertificate(
      reverse[address],
      challengeCertificate({ identifier: address, keyAuthorization }),
    );
    expect(await trial.attempt('tls-alpn-01', address)).toEqual({ valid: true, address });
    expect(server.handshakes.at(-1)?.serverName).toBe(reverse[address]);
    expect(dns.queries).toEqual([]);
  });

  it.each([
    ['its text as dNSName', { type: 'dNSName', value: '127.0.0.1' }],
    ['its reverse name as dNSName', { type: 'dNSName', value: reverse['127.0.0.1'] }],
    ['another address', { type: 'iPAddress', bytes: Uint8Array.of(127, 0, 0, 2) }],
    [
      'its IPv4-mapped form',
      {
        type: 'iPAddress',
        bytes: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1),
      },
    ],
  ] as const)('a certificate with %s does not answer', async (_, general) => {
    server.setCertificate(
      reverse['127.0.0.1'],
      challengeCertificate({ identifier: '127.0.0.1', keyAuthorization, names: [general] }),
    );
    const problem = problemOf(await trial.attempt('tls-alpn-01', '127.0.0.1'));
    expect(problem).toMatchObject({ type: 'incorrectResponse' });
    expect(problem.detail).toContain('iPAddress 127.0.0.1');
  });
});

describe('RFC 8738 §7: dns-01 of an address', () => {
  it('is refused', async () => {
    const problem = problemOf(await trial.attempt('dns-01', '127.0.0.1'));
    expect(problem).toMatchObject({ type: 'unauthorized', retryable: false });
    expect(dns.queries).toEqual([]);
  });
});
