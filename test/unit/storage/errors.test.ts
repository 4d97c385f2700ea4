import { describe, expect, test } from 'vitest';
import { isConnectionError, isRetryable, mapDatabaseError } from '../../../src/storage/errors.ts';

function databaseError(code: string, constraint?: string): Error {
  return Object.assign(new Error(`SQLSTATE ${code}`), { code, constraint });
}

describe('T-DB-3: errors of the database', () => {
  test.each([
    '25006',
    '53100',
    '53300',
    '55P03',
    '57014',
    '57P01',
    '57P02',
    '57P03',
    '08006',
    '08001',
    '25P03',
    '40001',
    '40P01',
    '58030',
  ])('%s is unavailable, with a time to try again', (code) => {
    expect(mapDatabaseError(databaseError(code))).toMatchObject({
      code: 'databaseUnavailable',
      retryAfter: 5,
    });
  });

  test.each(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN'])(
    '%s of the socket is unavailable, and the connection is dropped',
    (code) => {
      expect(mapDatabaseError(databaseError(code))).toMatchObject({ code: 'databaseUnavailable' });
      expect(isConnectionError(databaseError(code))).toBe(true);
    },
  );

  test.each([
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
  ])('the driver saying "%s" is unavailable', (message) => {
    expect(mapDatabaseError(new Error(message))).toMatchObject({ code: 'databaseUnavailable' });
  });

  test('only what was rolled back for the sake of others is run again', () => {
    const retried = ['40001', '40P01', '57P01', '08006', '23505', '57014'].filter((code) =>
      isRetryable(databaseError(code)),
    );
    expect(retried).toEqual(['40001', '40P01']);
    for (const constraint of ['certificate_status_pkey', 'acme_accounts_thumbprint_key']) {
      expect(isRetryable(databaseError('23505', constraint))).toBe(true);
    }
  });

  test.each([
    ['23505', 'alreadyExists'],
    ['23000', 'illegalTransition'],
    ['22021', 'malformed'],
    ['28P01', 'configuration'],
    ['3D000', 'configuration'],
    ['42501', 'configuration'],
  ])('%s is %s', (code, mapped) => {
    expect(mapDatabaseError(databaseError(code))).toMatchObject({ code: mapped });
  });

  test('what is not known stays as it is: a defect', () => {
    const defect = databaseError('42601');
    expect(mapDatabaseError(defect)).toBe(defect);
    expect(mapDatabaseError(new TypeError('x'))).toBeInstanceOf(TypeError);
  });
});
