import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { importEntries } from '../../../scripts/command/import-sources.ts';
import { readIndex } from '../../../scripts/command/openssl-index.ts';
import { testCertificate, testIssuer } from '../../support/test-hierarchy.ts';

const line = (state: string, revoked: string, serial = '0A'): string =>
  `${state}\t301231235959Z\t${revoked}\t${serial}\tunknown\t/C=DE/O=a\\, b/CN=x/y\n`;

test('states, times, serial numbers and subjects', () => {
  const text = `${line('V', '')}\n${line('E', '', '00FF')}${line('R', '19991231000000Z')}`;
  expect(readIndex(text, 'index.txt')).toMatchObject([
    { line: 1, serialNumber: 'a', notAfter: '2030-12-31T23:59:59Z' },
    { line: 3, serialNumber: 'ff' },
    { line: 4, revocation: { at: '1999-12-31T00:00:00Z', reasonCode: 'unspecified' } },
  ]);
  expect(readIndex(line('V', ''), 'i')[0]?.subject).toMatch(/^CN=x\/y,O=.*,C=DE$/);
});

test.each([
  ['keyCompromise', 'keyCompromise', undefined],
  ['CACompromise', 'cACompromise', undefined],
  ['certificateHold', 'certificateHold', undefined],
  ['holdInstruction,holdInstructionCallIssuer', 'certificateHold', undefined],
  ['keyTime,20260101000000Z', 'keyCompromise', '2026-01-01T00:00:00Z'],
  ['CAkeyTime,20260101000000Z', 'cACompromise', '2026-01-01T00:00:00Z'],
])('reason %s is %s', (word, reasonCode, invalidityDate) => {
  const [found] = readIndex(line('R', `260301000000Z,${word}`), 'index.txt');
  expect(found?.revocation).toEqual({
    at: '2026-03-01T00:00:00Z',
    reasonCode,
    ...(invalidityDate === undefined ? {} : { invalidityDate }),
  });
});

test('removeFromCRL: good again', () => {
  expect(readIndex(line('R', '260301000000Z,removeFromCRL'), 'i')[0]?.revocation).toBeUndefined();
});

test.each([
  ['X\t301231235959Z\t\t0A\tunknown\t/CN=x', 'none of V, R and E'],
  ['V\tsoon\t\t0A\tunknown\t/CN=x', 'no time'],
  ['V\t301231235959Z\t\tzz\tunknown\t/CN=x', 'no serial number'],
  ['R\t301231235959Z\tnever\t0A\tunknown\t/CN=x', 'no time of a revocation'],
  ['R\t301231235959Z\t260301000000Z,whim\t0A\tunknown\t/CN=x', 'not known'],
])('%j is refused with its line', (text, problem) => {
  expect(() => readIndex(`${line('V', '')}${text}`, 'index.txt')).toThrow(
    new RegExp(`^index.txt:2: .*${problem}`),
  );
});

test('a revocation belongs to the certificate with its serial number and end, not to a namesake of another CA', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-index-'));
  const common = { subject: 'CN=x', serialNumber: '0a' };
  const own = testCertificate(testIssuer('Indexed'), {
    ...common,
    notAfter: new Date('2030-12-31T23:59:59Z'),
  });
  const stranger = testCertificate(testIssuer('Elsewhere'), common);
  const index = join(folder, 'index.txt');
  writeFileSync(index, line('R', '260301000000Z,keyCompromise'));
  writeFileSync(join(folder, 'a.der'), stranger.certificate.der);
  writeFileSync(join(folder, 'b.der'), own.certificate.der);
  const said = (names: readonly string[]) =>
    [
      ...importEntries(
        names.map((name) => join(folder, name)),
        index,
      ),
    ].map(({ certificate, revocation }) => [certificate !== undefined, revocation?.reasonCode]);
  expect(said(['a.der', 'b.der'])).toEqual([
    [true, undefined],
    [true, 'keyCompromise'],
  ]);
  // Of whom the file is missing, the index alone tells.
  expect(said(['a.der'])).toEqual([
    [true, undefined],
    [false, 'keyCompromise'],
  ]);
  rmSync(folder, { recursive: true });
});
