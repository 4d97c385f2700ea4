/** The compromise of an issuer with 100,000 certificates: from the declaration to the last right answer. */
import { Client } from 'pg';
import { until } from '../support/quickstart-run.ts';
import { requireRevoked } from './bulk.ts';
import { type Product, withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, report } from './report.ts';
import { seededSerialNumbers, seedInventory } from './seed-inventory.ts';

const wanted = Number(process.env['CHANCERY_BENCH_CERTIFICATES'] ?? 100_000);
const asked = 200;

interface StatusJson {
  readonly id: string;
  readonly state: string;
  readonly affected: number;
  readonly progress: { readonly revoked: number; readonly subscribers: number };
  readonly job?: { readonly counts: { readonly done: number; readonly refused: number } };
}

export async function benchIncident(): Promise<void> {
  const figures = await withProduct(async (product) => {
    const { issuerId } = await product.issuer();
    const seeded = { issuerId, certificates: wanted };
    await withProgress('certificates', wanted, async (progress) =>
      seedInventory(product.ownerUrl(), { ...seeded, revokedShare: 0, days: 300, progress }),
    );
    const sample = await seededSerialNumbers(product.ownerUrl(), seeded, asked);
    const bare = await bareWrites(product, issuerId);
    const looked = performance.now();
    const { reach } = await product.call<{ reach: { certificates: number } }>(
      'POST',
      '/api/v1/compromises',
      { issuer: issuerId, dryRun: true },
    );
    const dryRun = (performance.now() - looked) / 1000;
    const parents = await crlNumbers(product, issuerId);

    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    const { id } = await product.call<StatusJson>('POST', '/api/v1/compromises', {
      issuer: issuerId,
      reason: 'benchmark',
      expectedCount: reach.certificates,
    });
    const declared = seconds();
    await requireRevoked(product, sample);
    const answered = seconds();
    await until(
      'the CRL of the parent',
      async () => (await crlNumbers(product, issuerId)) !== parents,
      300_000,
    );
    const listed = seconds();
    let status: StatusJson | undefined;
    await until(
      'the job to end',
      async () => {
        status = await product.call<StatusJson>('GET', `/api/v1/incidents/${id}`);
        return status.state === 'waiting';
      },
      1_800_000,
    );
    const acted = seconds();
    if ((status?.progress.revoked ?? 0) < wanted) {
      throw new Error(`not all are revoked: ${JSON.stringify(status)}`);
    }
    const counting = performance.now();
    await product.call<StatusJson>('GET', `/api/v1/incidents/${id}`);
    const counted = (performance.now() - counting) / 1000;
    say(
      `dry run ${dryRun.toFixed(2)} s, declared ${declared.toFixed(2)} s, OCSP right ${answered.toFixed(2)} s, on the parent's CRL ${listed.toFixed(1)} s, all revoked ${acted.toFixed(1)} s, progress counted in ${counted.toFixed(2)} s`,
    );
    const whole = wanted.toLocaleString('en');
    const figure = (what: string, ours: number, aim: string): Figure => ({
      ...{ what, unit: 's', ours, aim },
      peerName: `bare SQL writing ${whole} statuses`,
      peer: bare,
      ratio: ours / bare,
    });
    return [
      figure(`declaration of ${whole}`, declared, 'a few seconds'),
      figure('to the last OCSP answer', answered, 'the declaration and 2 s'),
      figure('to the CRL of the parent', listed, 'below 300 s (T-MASS-1)'),
      figure(`to the last of ${whole} revoked`, acted, 'below 300 s (T-MASS-1)'),
    ];
  });
  report('incident', figures, { wanted });
}

/** One statement that writes the status of all, with neither history nor feed nor audit: what no design beats. */
async function bareWrites(product: Product, issuerId: string): Promise<number> {
  const client = new Client({ connectionString: product.ownerUrl() });
  await client.connect();
  try {
    await client.query('CREATE TABLE bare_status (LIKE chancery.certificate_status INCLUDING ALL)');
    const started = performance.now();
    await client.query(
      `INSERT INTO bare_status (certificate_id, not_after, shard, tenant, issuer_id, serial_number, status, reason_code, not_good_since)
        SELECT id, not_after, shard, tenant, issuer_id, serial_number, 'revoked', 'cACompromise', now()
        FROM chancery.certificates WHERE issuer_id = $1`,
      [issuerId],
    );
    const took = (performance.now() - started) / 1000;
    await client.query('DROP TABLE bare_status');
    return took;
  } finally {
    await client.end();
  }
}

/** Numbers of the newest CRLs of all other issuers. */
async function crlNumbers(product: Product, issuerId: string): Promise<string> {
  const { items } = await product.call<{ items: { issuerId: string; crlNumber?: string }[] }>(
    'GET',
    '/api/v1/crls',
  );
  return items
    .filter((crl) => crl.issuerId !== issuerId)
    .map(({ crlNumber }) => String(crlNumber))
    .join();
}
