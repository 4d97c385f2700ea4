/** T-DISK-1, T-DISK-3: the published folder full, and a CRL damaged on disk. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCertificateList } from '../../src/pkix/index.ts';
import { Service } from '../support/availability.ts';
import { fetchCrl, onCrl } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import type { Received } from '../support/load-client.ts';
import { until } from '../support/quickstart-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-published-'));
const small = mountSmall();

/** Mounting needs root, as the tests do; where it is refused the test of the full disk fails and says so. */
function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const published = join(folder, 'published');
mkdirSync(published);
const chancery = useInstallation({ CHANCERY_PUBLISHED_FOLDER: published });
const service = new Service(chancery);
let known: Received;

beforeAll(async () => {
  known = await service.begin();
}, 60_000);

afterAll(() => {
  if (small) execFileSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true, force: true });
});

async function crlNumber(): Promise<bigint> {
  return parseCertificateList(await fetchCrl(chancery, known.issuerId)).crlNumber ?? 0n;
}

test('published folder full: the old CRL is served whole, readiness says so, and it recovers', async () => {
  expect(small, 'a tmpfs can be mounted here').toBe(true);
  const before = await fetchCrl(chancery, known.issuerId);
  const filler = join(folder, 'filler');
  for (let size = 256; size > 0; size = Math.floor(size / 2)) {
    try {
      writeFileSync(`${filler}${size}`, Buffer.alloc(size * 1024));
    } catch {
      // Until not one block is left.
    }
  }
  await service.client.change(known, 'hold');
  await service.untilNotReady('ca', /no space/);
  expect(await fetchCrl(chancery, known.issuerId)).toEqual(before);
  // OCSP does not depend on the folder.
  await until('OCSP to show the hold', async () =>
    (await service.ocsp(known.serialNumber)).includes('certificateHold'),
  );
  execFileSync('find', [folder, '-name', 'filler*', '-delete']);
  await until('the CRL to name it', async () =>
    (await onCrl(chancery, known.issuerId)).has(known.serialNumber),
  );
  await service.expectBack(undefined);
}, 90_000);

test.each([
  ['cut in the middle', (file: string): void => truncateSync(file, 100)],
  ['empty', (file: string): void => truncateSync(file, 0)],
  ['gone', (file: string): void => rmSync(file)],
])(
  'a CRL file that is %s is not served, and made anew with a higher number',
  async (_, damage) => {
    const before = await crlNumber();
    const file = join(published, 'crl', known.issuerId, '0.crl');
    damage(file);
    const answer = await fetch(`${chancery.httpUrl}/crl/${known.issuerId}/0.crl`);
    // From memory, whole, for a moment; then not at all.
    if (answer.status === 200) {
      parseCertificateList(new Uint8Array(await answer.arrayBuffer()));
    } else expect([404, 503]).toContain(answer.status);
    await until('it not to be served', async () =>
      crlNumber().then(
        (number) => number > before,
        () => true,
      ),
    );
    const pid = chancery.pid('ca');
    chancery.kill('ca');
    await until('the CA to be started again', () => ![undefined, pid].includes(chancery.pid('ca')));
    await until('a whole CRL', async () =>
      crlNumber().then(
        (number) => number > before,
        () => false,
      ),
    );
    await service.expectBack(undefined);
  },
  60_000,
);

test('a CA certificate that is gone is published again', async () => {
  rmSync(join(published, 'ca', `${known.issuerId}.cer`));
  const pid = chancery.pid('ca');
  chancery.kill('ca');
  await until('the CA to be started again', () => ![undefined, pid].includes(chancery.pid('ca')));
  await until('the certificate', async () => {
    const answer = await fetch(`${chancery.httpUrl}/ca/${known.issuerId}.cer`).catch(
      () => undefined,
    );
    return answer?.status === 200;
  });
}, 60_000);
