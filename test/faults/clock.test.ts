/** T-CLK-1, T-CLK-2, T-CLK-3: the clock of CA and responder jumps; the database's does not. */
import { existsSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseCertificateList } from '../../src/pkix/index.ts';
import { Service } from '../support/availability.ts';
import { fetchCrl } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import type { Received } from '../support/load-client.ts';
import { sampled } from '../support/sampled.ts';

const library = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
].find((path) => existsSync(path));
if (library === undefined)
  throw new Error('libfaketime is not installed: apt-get install libfaketime');

const clockFile = join(mkdtempSync(join(tmpdir(), 'chancery-clock-')), 'clock');
setClock('+0');
const chancery = useInstallation({
  LD_PRELOAD: library,
  FAKETIME_TIMESTAMP_FILE: clockFile,
  FAKETIME_NO_CACHE: '1',
  DONT_FAKE_MONOTONIC: '1',
});
const service = new Service(chancery);
let known: Received;

function setClock(offset: string): void {
  writeFileSync(`${clockFile}.new`, `${offset}\n`);
  renameSync(`${clockFile}.new`, clockFile);
}

async function served(): Promise<{ readonly crlNumber: bigint; readonly thisUpdate: Date }> {
  const { crlNumber = 0n, thisUpdate } = parseCertificateList(
    await fetchCrl(chancery, known.issuerId),
  );
  return { crlNumber, thisUpdate };
}

beforeAll(async () => {
  known = await service.begin();
}, 60_000);

const jumps = [
  ['2 hours back', '-2h'],
  ['10 minutes back', '-10m'],
  ['10 minutes ahead', '+10m'],
  ['400 days ahead', '+400d'],
] as const;

test.each(sampled('clock jumps', jumps, 2, ([name]) => name))(
  'the clock jumps %s: nothing is signed with it, and service returns with the time',
  async (_, offset) => {
    const before = await served();
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z');
    const subject = await service.client.issue();
    await chancery.ok('hold', subject.serialNumber, '--until', tomorrow, '--then', 'release');
    const wrong = await (async () => {
      setClock(offset);
      try {
        // 401 where the administrator's own certificate is not valid at that time.
        const answer = await service.tryToIssue();
        expect([401, 503]).toContain(answer.status);
        await service.untilNotReady('ca', /the clock reads/);
        expect((await service.tryToIssue()).status).not.toBe(201);
        return await served();
      } finally {
        setClock('+0');
      }
    })();
    // Of that time nothing was published.
    expect(Math.abs(wrong.thisUpdate.getTime() - Date.now())).toBeLessThan(120_000);
    expect(wrong.crlNumber).toBeGreaterThanOrEqual(before.crlNumber);
    await service.expectBack(undefined);
    // The deadline of a hold is not passed because a clock said so.
    expect(await service.client.show(subject.serialNumber)).toMatchObject({ status: 'onHold' });
    await chancery.ok('release', subject.serialNumber);
    await chancery.ok('crl', 'publish', '--issuer', known.issuerId);
    expect((await served()).crlNumber).toBeGreaterThan(wrong.crlNumber);
    expect(service.log('ca')).toMatch(/"alarm":true[^\n]*the clock is wrong/);
  },
  90_000,
);
