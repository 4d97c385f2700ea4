import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  connectionConfig,
  passwordIn,
  redactDatabaseUrl,
} from '../../../src/storage/connection.ts';

const folder = mkdtempSync(join(tmpdir(), 'passfile-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a database URL', () => {
  test.each([
    ['postgresql://u:secret@/db?host=%2Frun%2Fpg', 'postgresql://u:***@/db?host=%2Frun%2Fpg'],
    ['postgres://u:s%40:cret@h/db', 'postgres://u:***@h/db'],
    [
      'postgresql://u@h/db?password=secret&sslmode=disable',
      'postgresql://u@h/db?password=***&sslmode=disable',
    ],
    ['postgresql://u@h/db', 'postgresql://u@h/db'],
  ])('%s is logged as %s', (url, logged) => {
    expect(redactDatabaseUrl(url)).toBe(logged);
  });

  test.each([
    'postgresql://u:p@/db?host=%2Frun%2Fpg',
    'postgresql:///db?host=/run/pg&user=u',
    'postgresql://u:p@localhost:5433/db',
    'postgresql://u:p@127.0.0.1/db',
    'postgresql://u:p@[::1]/db',
    'postgresql://u:p@db.example/db?sslmode=verify-full',
    'postgresql://u:p@db.example/db?sslmode=disable',
  ])('%s is taken', (url) => {
    expect(connectionConfig(url).connectionString).toContain('/db');
  });

  test.each(['require', 'prefer', 'allow', 'verify-ca'])(
    'sslmode=%s is raised to verify-full',
    (mode) => {
      const { connectionString } = connectionConfig(`postgresql://u@db.example/db?sslmode=${mode}`);
      expect(new URL(connectionString ?? '').searchParams.get('sslmode')).toBe('verify-full');
    },
  );

  test.each([
    ['postgresql://u:secret@db.example/db', /sslmode=verify-full/],
    ['postgresql://u:secret@db.example/db?sslmode=no-verify', /no-verify/],
    ['mysql://u:secret@localhost/db', /is not a database URL/],
    ['postgresql://u:secret@[/db', /is not a database URL/],
  ])('%s is refused without its password', (url, message) => {
    let refusal: unknown;
    try {
      connectionConfig(url);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(message),
    });
    expect(String(refusal)).not.toContain('secret');
  });
});

describe('a password file', () => {
  const identity = { host: 'db.example', port: '5432', database: 'chancery', user: 'app' };

  test.each([
    ['secret\n', 'secret'],
    ['# comment\nother:5432:*:app:no\ndb.example:5432:chancery:app:yes\n', 'yes'],
    ['*:*:*:app:with\\:colon\\\\\n', 'with:colon\\'],
    ['*:*:*:somebody:no\n', undefined],
    ['', undefined],
  ])('%j gives %j', (text, password) => {
    expect(passwordIn(text, identity)).toBe(password);
  });

  test('is read at each connection, and never put into the URL', async () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'first\n');
    const { connectionString, password } = connectionConfig(
      `postgresql://app@localhost/db?passfile=${file}`,
    );
    expect(connectionString).not.toContain('passfile');
    if (typeof password !== 'function') throw new Error('no password');
    expect(await password()).toBe('first');
    writeFileSync(file, 'second\n');
    expect(await password()).toBe('second');
    rmSync(file);
    await expect(password()).rejects.toMatchObject({ code: 'configuration' });
  });
});
