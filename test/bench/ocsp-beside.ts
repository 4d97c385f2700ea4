/**
 * OCSP beside other work (I23, T-LOAD-1, T-MEM-1): the responder's p99 at half of its own maximum, and
 * the delay of its event loop, while certificates are issued and while a CRL of a million entries is built.
 */
import { until } from '../support/quickstart-run.ts';
import { type LoadResult, load, rawRequest } from './load.ts';
import type { Product } from './product.ts';
import { say, withProgress } from './progress.ts';
import type { Figure } from './report.ts';
import { makeCsrs } from './requests.ts';
import { seedInventory } from './seed-inventory.ts';

const entries = Number(process.env['CHANCERY_BENCH_ENTRIES'] ?? 1_000_000);
const how = { connections: 64, seconds: 8, warmUpSeconds: 1 };

interface Beside {
  readonly issuerId: string;
  /** That are in the inventory already. */
  readonly certificates: number;
  /** host:port of the responder's metrics. */
  readonly metrics: string;
}

/** Half of the responder's own maximum is offered: alone, beside issuance, beside a CRL. */
export async function besideOtherWork(
  product: Product,
  posts: readonly Buffer[],
  { issuerId, certificates, metrics }: Beside,
): Promise<readonly Figure[]> {
  const csrs = await withProgress('CSRs', 1000, (progress) => makeCsrs(1000, progress));
  const issuances = csrs.map((csr) =>
    rawRequest(
      'POST',
      '/api/v1/certificates',
      'application/json',
      JSON.stringify({ profile: 'tls-server', csr }),
    ),
  );
  const issued = await load(product.rest, issuances, { connections: 16, seconds: 4 });
  // Rows by the hundred thousand leave the database with work of its own: first they, then all rounds.
  await withProgress('revoked certificates', entries, async (progress) =>
    seedInventory(product.ownerUrl(), {
      ...{ issuerId, certificates: entries, first: certificates, progress },
      ...{ revokedShare: 1, days: 300 },
    }),
  );
  say('waiting for the schedule to publish them');
  await until('a CRL of all entries', async () => listed(product, issuerId), 600_000);
  const most = (await load(product.ocsp, posts, { ...how, seconds: 3 })).perSecond;
  const offered = { ...how, offeredPerSecond: most / 2 };
  const under = async (work: () => Promise<unknown>): Promise<Measured> => {
    await delaySeconds(metrics);
    const [result] = await Promise.all([load(product.ocsp, posts, offered), work()]);
    return { result, delay: await delaySeconds(metrics) };
  };
  const alone = await under(async () => Promise.resolve());
  const issuing = await under(async () =>
    load(product.rest, issuances, {
      connections: 16,
      seconds: 9,
      offeredPerSecond: issued.perSecond / 4,
    }),
  );
  const building = await under(async () =>
    product.call('POST', `/api/v1/issuers/${issuerId}/crl`, {}),
  );
  return [
    ...figures('issuance at a quarter of its own', issuing, alone),
    ...figures(`while a CRL of ${entries.toLocaleString('en')} entries is built`, building, alone),
  ];
}

interface Measured {
  readonly result: LoadResult;
  /** Seconds. */
  readonly delay: number;
}

function figures(what: string, measured: Measured, alone: Measured): readonly Figure[] {
  const { p50, p99 } = measured.result;
  const milliseconds = measured.delay * 1000;
  return [
    {
      what: `p99 of OCSP at half of its maximum, ${what}`,
      unit: 'ms',
      ours: p99,
      peerName: 'alone',
      peer: alone.result.p99,
      ratio: p99 / alone.result.p99,
      aim: 'at most 3',
      p50,
      p99,
    },
    {
      what: `event-loop delay of the responder, p99.9, ${what}`,
      unit: 'ms',
      ours: milliseconds,
      peerName: 'limit',
      peer: 50,
      ratio: milliseconds / 50,
      aim: 'at most 50 ms',
    },
  ];
}

async function listed(product: Product, issuerId: string): Promise<boolean> {
  const { items } = await product.call<{ items: { issuerId: string; entries?: number }[] }>(
    'GET',
    '/api/v1/crls',
  );
  return items.some((crl) => crl.issuerId === issuerId && (crl.entries ?? 0) >= entries);
}

/** Since it was asked for last. */
async function delaySeconds(metrics: string): Promise<number> {
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  return Number(/^chancery_ocsp_event_loop_delay_p999_seconds\S* (\S+)$/m.exec(text)?.[1]);
}
