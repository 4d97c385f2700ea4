/**
 * The inventory at ten thousand certificates and at a million, in one database and one run: what
 * issuance writes, look-ups by serial number, the responder's look-up, searches. Ratios count.
 *
 * CHANCERY_BENCH_CERTIFICATES sets the larger number, 10000000 for instance.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  postgresRoles,
  startEmbeddedPostgres,
} from '../../scripts/supervisor/embedded-postgres.ts';
import { migrate, openStatusStorage, openStorage } from '../../src/storage/index.ts';
import { certificateOver, preparedRecord, tenant } from '../support/inventory-records.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, median, report } from './report.ts';
import { seededSerialNumbers, seedInventory } from './seed-inventory.ts';

const small = 10_000;
const large = Number(process.env['CHANCERY_BENCH_CERTIFICATES'] ?? 1_000_000);
const issuerId = 'be'.repeat(20);
const rounds = 5;
const secondsARound = 2;
const concurrency = 8;

type Act = () => Promise<unknown>;

export async function benchInventory(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const server = await startEmbeddedPostgres({ dataFolder: join(folder, 'postgres') });
  try {
    await migrate({
      ownerUrl: server.ownerUrl(),
      roles: { app: postgresRoles.application, ocsp: postgresRoles.responder },
    });
    await seed(server.ownerUrl(), small, 0);
    const before = await measure(server, small);
    await seed(server.ownerUrl(), large - small, small);
    const after = await measure(server, large);
    report(
      'inventory',
      [...before].map(([what, rate]): Figure => {
        const now = after.get(what) ?? Number.NaN;
        return {
          what: `${what}, ${large.toLocaleString('en')} certificates`,
          unit: '/s',
          ours: now,
          peerName: `${small.toLocaleString('en')} certificates`,
          peer: rate,
          ratio: now / rate,
          aim: 'at least 0.8',
        };
      }),
      { certificates: large, secondsARound, rounds, concurrency },
    );
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function seed(ownerUrl: string, certificates: number, first: number): Promise<void> {
  await withProgress('certificates', certificates, async (progress) =>
    seedInventory(ownerUrl, { issuerId, certificates, first, shards: 4, progress }),
  );
}

/** Acts a second, the median of rounds, by what is done. */
async function measure(
  server: Awaited<ReturnType<typeof startEmbeddedPostgres>>,
  certificates: number,
): Promise<ReadonlyMap<string, number>> {
  const storage = await openStorage({ url: server.url('application'), poolSize: concurrency });
  const responder = await openStatusStorage({
    url: server.url('responder'),
    poolSize: concurrency,
  });
  const serials = await seededSerialNumbers(server.ownerUrl(), { issuerId, certificates }, 100_000);
  let at = 0;
  const next = (): string => serials[(at += 1) % serials.length] ?? '';
  const number = (): number => Math.floor(Math.random() * small);
  const search = async (filter: object): Promise<unknown> =>
    storage.unitOfWork.read(async ({ inventory }) =>
      inventory.search({ tenant, now: new Date(), limit: 50, ...filter }),
    );
  const acts: readonly (readonly [string, Act])[] = [
    [
      'issuance, its statements and commits',
      async () => {
        const record = preparedRecord({
          issuerId,
          tbsCertificate: Uint8Array.from([0x30, 0x82, 2, 88, ...randomBytes(600)]),
          requestedAt: new Date(),
          subject: `CN=${randomBytes(6).toString('hex')}.example.com`,
          notAfter: new Date(Date.now() + 90 * 86_400_000),
        });
        await storage.unitOfWork.run(async ({ inventory }) =>
          Promise.all([
            inventory.isKeyBlocked(tenant, record.spkiHash),
            inventory.findKeyUses(tenant, record.spkiHash, 10),
            inventory.insertPrepared(record),
          ]),
        );
        await storage.unitOfWork.run(async ({ inventory }) =>
          inventory.markIssued(
            tenant,
            issuerId,
            record.serialNumber,
            certificateOver(record.tbsCertificate),
            new Date(),
          ),
        );
      },
    ],
    [
      'look-up of a certificate by serial number',
      async () =>
        storage.unitOfWork.readOne(async ({ inventory }) =>
          inventory.find(tenant, issuerId, next()),
        ),
    ],
    [
      'look-up of a status, as the responder',
      async () => responder.source.lookup(issuerId, [next()]),
    ],
    [
      'certificates of a key',
      async () =>
        storage.unitOfWork.readOne(async ({ inventory }) =>
          inventory.findBySpkiHash(tenant, createHash('sha256').update(next()).digest('hex'), 10),
        ),
    ],
    [
      'search by name',
      async () => search({ name: `host-${number()}.site-${number() % 1000}.example.com` }),
    ],
    ['search by part of a name', async () => search({ subject: `host-${number()}.site` })],
    ['search by owner', async () => search({ owner: `team-${number() % 500}` })],
    [
      'search of what expires within a day',
      async () => search({ notAfterBefore: new Date(Date.now() + 86_400_000) }),
    ],
  ];
  const rates = new Map<string, number>();
  try {
    for (const [what, act] of acts) {
      const taken: number[] = [];
      // The first round warms plans and pages, and does not count.
      for (let round = 0; round <= rounds; round += 1) {
        const rate = await rateOf(act);
        if (round > 0) taken.push(rate);
      }
      rates.set(what, median(taken));
      say(`${certificates.toLocaleString('en')}: ${what}: ${Math.round(median(taken))}/s`);
    }
  } finally {
    await Promise.all([storage.close(), responder.close()]);
  }
  return rates;
}

async function rateOf(act: Act): Promise<number> {
  const started = performance.now();
  const end = started + secondsARound * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < end) {
        await act();
        done += 1;
      }
    }),
  );
  return (done * 1000) / (performance.now() - started);
}
