import { describe, expect, it } from 'vitest';
import { ChanceryError } from '../../../src/domain/index.ts';
import { createLogger, redactText } from '../../../src/telemetry/index.ts';

function capture(level = 'info') {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    process: 'test',
    stream: { write: (line) => lines.push(line) },
  });
  return { logger, lines };
}

const pem = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIHunter2\n-----END EC PRIVATE KEY-----';

describe('createLogger', () => {
  it.each([
    ['a member', { token: 'hunter2' }],
    ['a nested member', { request: { headers: { authorization: 'hunter2' } } }],
    ['a PIN', { token: { pin: 'hunter2' }, issuing: { pin: 'hunter2' } }],
    ['a header as text', { header: 'Authorization: Bearer hunter2' }],
    ['a URL with a password', { url: 'postgresql://app:hunter2@db.example/chancery' }],
    ['a URL with a password parameter', { url: 'postgresql:///x?password=hunter2&user=a' }],
    ['a private key', { text: pem.replace('Hunter2', 'hunter2') }],
    ['an error', { err: new Error('connect postgresql://app:hunter2@db failed') }],
    [
      "an error's cause",
      {
        err: new ChanceryError('databaseUnavailable', {
          message: 'no database',
          cause: new Error('postgresql://app:hunter2@db'),
        }),
      },
    ],
  ])('keeps a secret out that is %s', (_, fields) => {
    const { logger, lines } = capture();
    logger.info(fields, 'message');
    logger.child({ requestId: 'r1' }).error(fields, 'with postgresql://app:hunter2@db');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toContain('hunter2');
  });

  it('writes one JSON object a line with process, level and UTC time', () => {
    const { logger, lines } = capture();
    logger.warn({ requestId: 'abc', err: new Error('why\nnot') }, 'careful "quoted"\nsecond');
    logger.debug('below the level');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(line).toMatchObject({ process: 'test', level: 'warn', requestId: 'abc' });
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(line['err']).toMatchObject({ message: 'why\nnot' });
  });

  it('names the reason of an error that carries a whole certificate, and of each address tried', () => {
    const cert: Record<string, unknown> = {};
    cert['issuerCertificate'] = cert;
    const mismatch = Object.assign(new Error('not in the names'), { code: 'ERR_TLS', cert });
    const { logger, lines } = capture();
    logger.error({ err: new ChanceryError('internal', { message: 'why', cause: mismatch }) }, 'x');
    logger.error({ err: new AggregateError([new Error('by v6'), new Error('by v4')]) }, 'x');
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first?.['err']).toMatchObject({
      type: 'ChanceryError',
      code: 'internal',
      message: 'why',
      cause: { message: 'not in the names', code: 'ERR_TLS' },
    });
    expect(second?.['err']).toMatchObject({
      errors: [{ message: 'by v6' }, { message: 'by v4' }],
    });
  });

  it('stays valid JSON after a redaction', () => {
    const { logger, lines } = capture();
    logger.info({ text: pem }, `Bearer abc.defg and "postgres://a:b@c/d"`);
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(line['msg']).toBe('Bearer [redacted] and "postgres://a:[redacted]@c/d"');
  });
});

describe('redactText', () => {
  it('leaves ordinary text alone', () => {
    for (const text of [
      'http://localhost:8080/crl/ab/0.crl',
      'bearer of good news',
      '2030-01-02T03:04:05Z a:b c@d',
      'subject CN=token, serial 1A:2B',
    ]) {
      expect(redactText(text)).toBe(text);
    }
  });

  it('takes linear time on hostile text', () => {
    const started = performance.now();
    redactText('a://'.repeat(50_000));
    redactText(`a://${'b'.repeat(200_000)}`);
    redactText('-----BEGIN PRIVATE KEY-----'.repeat(5_000));
    redactText('Bearer '.repeat(50_000));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
