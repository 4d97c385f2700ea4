/** A revocation among a million entries in 128 shards: from the act to the one file that changes. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { newRequest } from '../support/load-client.ts';
import { until } from '../support/quickstart-run.ts';
import { type Product, withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { median, report } from './report.ts';
import { revocations, seedRevocations } from './seed.ts';

const count = 1_000_000;
const shards = 128;
const acts = 30;

interface Taken {
  /** From the request to its answer: what a revocation costs without its CRL. */
  readonly answered: number;
  /** From the answer to the new file; less than 0 when the file was first. */
  readonly published: number;
}

export async function benchShard(): Promise<void> {
  const taken = await withProduct(async (product) => {
    const { issuerId } = await product.issuer();
    await product.call('PATCH', `/api/v1/issuers/${issuerId}/status-policy`, {
      crl: { shards },
    });
    const entries = revocations(count, new Date(Math.floor(Date.now() / 1000) * 1000 - 1000));
    await withProgress('rows', count, async (progress) =>
      seedRevocations(product.ownerUrl(), issuerId, entries, progress, shards),
    );
    say(`waiting for the schedule to publish ${shards} shards`);
    await until('all shards', async () => (await published(product, issuerId)) >= count, 240_000);
    const results: Taken[] = [];
    for (let act = 0; act < acts; act += 1) results.push(await revokeOne(product, issuerId));
    return results;
  });
  const seconds = median(taken.map(({ published: after }) => after)) * 1000;
  report(
    'crl-shard',
    [
      {
        what: `a changed shard of ${shards}, ${count.toLocaleString('en')} entries in all: from the answer to the file`,
        unit: 'ms',
        ours: seconds,
        peerName: 'the revocation itself',
        peer: median(taken.map(({ answered }) => answered)) * 1000,
        ratio: median(taken.map((one) => one.published / one.answered)),
        aim: '100 ms',
      },
    ],
    taken,
  );
}

async function published(product: Product, issuerId: string): Promise<number> {
  const { items } = await product.call<{ items: { issuerId: string; entries?: number }[] }>(
    'GET',
    '/api/v1/crls',
  );
  return items
    .filter((crl) => crl.issuerId === issuerId)
    .reduce((sum, { entries = 0 }) => sum + entries, 0);
}

async function revokeOne(product: Product, issuerId: string): Promise<Taken> {
  const { certificate } = await product.call<{ certificate: { serialNumber: string } }>(
    'POST',
    '/api/v1/certificates',
    newRequest('shard').body,
  );
  const before = newest(product, issuerId);
  // What the act before left to do is done.
  await delay(300);
  const started = Date.now();
  await product.call('POST', `/api/v1/certificates/${certificate.serialNumber}/revoke`, {
    reasonCode: 'superseded',
  });
  const answered = Date.now();
  await until('the shard', () => newest(product, issuerId) > before);
  return {
    answered: (answered - started) / 1000,
    published: (newest(product, issuerId) - answered) / 1000,
  };
}

/** When the newest of the files got its name: ctime, which a rename sets. */
function newest(product: Product, issuerId: string): number {
  const folder = join(product.dataFolder, 'published', 'crl', issuerId);
  return Math.max(...readdirSync(folder).map((file) => statSync(join(folder, file)).ctimeMs));
}
