/** A CRL of a million entries, from the database to the published file, beside `openssl ca -gencrl`; one shard of 128. */
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/quickstart-run.ts';
import { benchShard } from './crl-shard.ts';
import { type GeneratedCrl, withOpensslCa } from './openssl-ca.ts';
import { forgetPeak, residentMemory, withChildren } from './process-statistics.ts';
import { type Product, withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, median, report } from './report.ts';
import { revocations, seedRevocations } from './seed.ts';

const count = 1_000_000;
const rounds = 3;
const megabyte = 1_000_000;

interface Round {
  readonly seconds: number;
  /** Octets; the most so far. */
  readonly aboveIdle: number;
  readonly peer: GeneratedCrl;
}

/** The whole list, then one shard of many, each on an installation of its own. */
export async function benchCrl(): Promise<void> {
  await benchComplete();
  await benchShard();
}

/**
 * The first list is built by the schedule as soon as the rows are there; the rounds then publish
 * again by REST, which compares each list with the one before. Memory is that of the CA's process
 * and of its signer process together, above what they had before the rows were there.
 */
async function benchComplete(): Promise<void> {
  const entries = revocations(count, new Date(Math.floor(Date.now() / 1000) * 1000 - 1000));
  const taken = await withOpensslCa(entries, async (generate) =>
    withProduct(async (product) => {
      const { issuerId } = await product.issuer();
      // Idle: what a start needed has been given back as far as it will be.
      await delay(3000);
      const processes = withChildren(product.pid('ca'));
      const idle = processes.map((pid) => residentMemory(pid, 'now'));
      for (const pid of processes) forgetPeak(pid);
      await withProgress('rows', count, async (progress) =>
        seedRevocations(product.ownerUrl(), issuerId, entries, progress),
      );
      say('waiting for the schedule to publish them');
      await until('a CRL with all entries', async () => has(product, issuerId, count), 120_000);
      const aboveIdleNow = (): number =>
        processes.reduce((sum, pid, at) => sum + residentMemory(pid, 'peak') - (idle[at] ?? 0), 0);
      const results: Round[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        const started = performance.now();
        const crl = await product.call<{ entries: number }>(
          'POST',
          `/api/v1/issuers/${issuerId}/crl`,
          {},
        );
        const seconds = (performance.now() - started) / 1000;
        if (crl.entries !== count) throw new Error(`the CRL has ${crl.entries} entries`);
        const result = { seconds, aboveIdle: aboveIdleNow(), peer: await generate() };
        results.push(result);
        say(
          `round ${round}: ${seconds.toFixed(2)} s beside ${result.peer.seconds.toFixed(2)} s, ${Math.round(result.aboveIdle / megabyte)} MB above idle`,
        );
      }
      return results;
    }),
  );
  const ours = median(taken.map(({ seconds }) => seconds));
  const peer = median(taken.map((round) => round.peer.seconds));
  const peerMemory = median(taken.map((round) => round.peer.peakMemory));
  const memory = (what: string, round: Round | undefined, aim: string): Figure => ({
    what,
    unit: 'MB',
    ours: (round?.aboveIdle ?? Number.NaN) / megabyte,
    peerName: 'openssl ca -gencrl',
    peer: peerMemory / megabyte,
    ratio: (round?.aboveIdle ?? Number.NaN) / peerMemory,
    aim,
  });
  report(
    'crl',
    [
      {
        what: `CRL of ${count.toLocaleString('en')} entries, time`,
        unit: 's',
        ours,
        peerName: 'openssl ca -gencrl',
        peer,
        ratio: median(taken.map((round) => round.seconds / round.peer.seconds)),
        aim: 'ratio 0.5',
      },
      memory('its peak memory above idle, first list and the next', taken[0], '150 MB'),
      memory(`the same after ${rounds} without a pause`, taken.at(-1), ''),
    ],
    taken,
  );
}

async function has(product: Product, issuerId: string, wanted: number): Promise<boolean> {
  const { items } = await product.call<{ items: { issuerId: string; entries?: number }[] }>(
    'GET',
    '/api/v1/crls',
  );
  return items.some((crl) => crl.issuerId === issuerId && (crl.entries ?? 0) >= wanted);
}
