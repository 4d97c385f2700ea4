/** T-MEM-1: the entries of a large CRL go through a file without a name; what is signed is never held whole. */
import { spawnSync } from 'node:child_process';
import { createHash, createSign } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { issueCrl, prepareCrl } from '../../../src/issuance/index.ts';
import type { Signer } from '../../../src/issuance/ports.ts';
import {
  CertificateListStream,
  encodeRevokedCertificates,
  keyIdentifier,
  type RevokedCertificate,
} from '../../../src/pkix/index.ts';
import { fileEntrySpools } from '../../../src/storage/index.ts';
import { collected } from '../../support/chunks.ts';
import { crlEnd, crlIssuer, crlNow } from '../../support/crl-issuer.ts';

const storage = new URL('../../../src/storage/index.ts', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'chancery-spools-'));
const spools = fileEntrySpools(join(folder, 'work'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Files without a name that this process has open below the folder. */
function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(join(folder, 'work')) ? [`/proc/self/fd/${fd}`] : [];
    } catch {
      return [];
    }
  });
}

const pages = 100;
const ofPage = 1000;

/** Entries of one page, ascending from page to page. */
function page(number: number): readonly RevokedCertificate[] {
  return Array.from({ length: ofPage }, (_, at) => ({
    serialNumber: `5${(number * ofPage + at).toString(16).padStart(31, '0')}`,
    revocationDate: crlNow,
    reasonCode: 'superseded',
  }));
}

describe('a spool', () => {
  test('of few entries is memory alone', async () => {
    const spool = spools.open();
    await spool.write(Buffer.from('abc'), 1);
    const entries = await spool.close();
    expect((await collected(entries.chunks())).toString()).toBe('abc');
    expect(openFiles()).toEqual([]);
    await spool.discard();
  });

  test('of many is a file of mode 0600 without a name, read as often as wanted, gone when it is discarded', async () => {
    const spool = spools.open();
    const hash = createHash('sha256');
    for (let n = 0; n < 30; n += 1) {
      const chunk = Buffer.alloc(100_003, n);
      hash.update(chunk);
      await spool.write(chunk, 10);
      // The caller may use its octets again.
      chunk.fill(0xff);
    }
    const entries = await spool.close();
    const digest = hash.digest('hex');
    expect([entries.octets, entries.count]).toEqual([3_000_090, 300]);
    for (let times = 0; times < 2; times += 1) {
      const read = await collected(entries.chunks());
      expect(createHash('sha256').update(read).digest('hex')).toBe(digest);
    }
    expect(readdirSync(join(folder, 'work'))).toEqual([]);
    const [file] = openFiles();
    expect(statSync(file ?? '').mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'work')).mode & 0o777).toBe(0o700);
    await spool.discard();
    expect(openFiles()).toEqual([]);
    await expect(collected(entries.chunks())).rejects.toMatchObject({ code: 'internal' });
  });

  test('removes what a process that is gone left, and nothing that is not a spool', async () => {
    const work = join(folder, 'work');
    // No process has this number: it is above the kernel's limit.
    writeFileSync(join(work, 'entries-99999999-1.spool'), 'left');
    writeFileSync(join(work, 'entries-1-1.spool'), 'of a process that runs');
    writeFileSync(join(work, 'notes.txt'), 'kept');
    const spool = spools.open();
    await spool.write(Buffer.alloc(2_000_000), 1);
    expect(readdirSync(work).toSorted()).toEqual(['entries-1-1.spool', 'notes.txt']);
    await spool.discard();
    rmSync(join(work, 'entries-1-1.spool'));
    rmSync(join(work, 'notes.txt'));
  });

  test('T-DISK-1: on a full disk says so and closes its file; the next one works when there is room', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const program = `import { fileEntrySpools } from ${JSON.stringify(storage)};
      const spools = fileEntrySpools(${JSON.stringify(join(disk, 'work'))});
      const write = async (size) => {
        const spool = spools.open();
        await spool.write(Buffer.alloc(size), 1);
        await spool.close();
        await spool.discard();
        return 'done';
      };
      const first = await write(3_000_000).catch(({ code, message }) => code + ' ' + message);
      console.log(first + '; ' + (await write(1_100_000)));`;
    const script = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" --input-type=module -e "$3"';
    const parameters = ['-rm', 'sh', '-c', script, 'sh', disk, process.execPath, program];
    const ran = spawnSync('unshare', parameters, { encoding: 'utf8' });
    expect(ran.stdout.trim(), ran.stderr).toMatch(/^overloaded no space is left below .*; done$/);
  });
});

describe('a CRL of 100,000 entries', () => {
  test('is linted, signed and read again while no more than a piece of it is held', async () => {
    const made = crlIssuer({ name: 'Large' });
    const { issuer, signing } = made;
    const spool = spools.open();
    for (let number = 0; number < pages; number += 1) {
      await spool.write(encodeRevokedCertificates(page(number)), ofPage);
    }
    const spooled = await spool.close();
    let given = 0;
    /** Octets read from the spool and not taken by the signer yet, at most. */
    let held = 0;
    let largest = 0;
    const entries = {
      ...spooled,
      async *chunks() {
        for await (const chunk of spooled.chunks()) {
          given += chunk.length;
          largest = Math.max(largest, chunk.length);
          yield chunk;
        }
      },
    };
    const signer: Signer = {
      sign: async () => Promise.reject(new Error('a CRL is signed as a stream')),
      signStream: async ({ chunks, length }) => {
        const sign = createSign(issuer.input.signatureAlgorithm.digest ?? '');
        let taken = 0;
        given = 0;
        for await (const chunk of chunks()) {
          held = Math.max(held, given - taken);
          taken += chunk.length;
          sign.update(chunk);
        }
        expect(taken).toBe(length);
        return Promise.resolve(sign.sign(issuer.key.privateKey));
      },
    };
    const { certificate, input } = issuer;
    const crl = await issueCrl(
      await prepareCrl({
        tbs: {
          signature: input.signatureAlgorithm,
          issuer: certificate.subject,
          thisUpdate: crlNow,
          nextUpdate: crlEnd,
          crlNumber: 1n,
          authorityKeyIdentifier: keyIdentifier(certificate.subjectPublicKeyInfo),
          issuingDistributionPoint: {
            fullName: [{ type: 'uniformResourceIdentifier', value: made.distributionPoint }],
          },
        },
        entries,
        issuer: signing,
        distributionPoint: made.distributionPoint,
        previous: undefined,
        now: crlNow,
      }),
      signer,
      5000,
    );
    const outline = await new CertificateListStream(crl.chunks(), signing.publicKey).end();
    expect(outline).toMatchObject({ entries: pages * ofPage, octets: crl.octets, verified: true });
    expect(crl.octets).toBeGreaterThan(4_000_000);
    expect(largest).toBeLessThanOrEqual(128 * 1024);
    expect(held).toBeLessThanOrEqual(2 * 128 * 1024);
    await spool.discard();
  });
});
