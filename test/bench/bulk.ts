/** Revocation of 100,000 by query, to the published CRL and the right answers, beside single acts. */
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { ocspStatuses } from '../support/crash-judges.ts';
import { run } from '../support/installation.ts';
import { until } from '../support/quickstart-run.ts';
import { type Product, withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, report } from './report.ts';
import { seededSerialNumbers, seedInventory } from './seed-inventory.ts';

const wanted = Number(process.env['CHANCERY_BENCH_CERTIFICATES'] ?? 100_000);
const singles = 1000;
const connections = 16;
const asked = 200;

interface JobJson {
  readonly id: string;
  readonly state: string;
  readonly counts: { readonly done: number; readonly refused: number };
}

/**
 * The single acts come first, over as many connections as ever helped, and are measured to their
 * answer; a job is measured to its end, to the CRL that lists all, and to OCSP.
 */
export async function benchBulk(): Promise<void> {
  // The installation's own certificates, the administrator's among them, are younger.
  const requestedBefore = new Date().toISOString();
  const figures = await withProduct(async (product) => {
    const { issuerId } = await product.issuer();
    const seeded = { issuerId, certificates: wanted + singles };
    await withProgress('certificates', wanted + singles, async (progress) =>
      seedInventory(product.ownerUrl(), { ...seeded, revokedShare: 0, days: 300, progress }),
    );
    const drawn = new Set(await seededSerialNumbers(product.ownerUrl(), seeded, 2 * singles));
    const perSecondSingly = await revokeSingly(product, [...drawn].slice(0, singles));
    const published = async (): Promise<number> => {
      const { items } = await product.call<{ items: { issuerId: string; entries?: number }[] }>(
        'GET',
        '/api/v1/crls',
      );
      return items.reduce(
        (sum, crl) => sum + (crl.issuerId === issuerId ? (crl.entries ?? 0) : 0),
        0,
      );
    };
    await until('the CRL of the single acts', async () => (await published()) >= singles, 120_000);

    const asking = {
      act: 'revoke',
      reasonCode: 'superseded',
      query: { issuer: issuerId, status: 'good', requestedBefore },
    };
    const { counts } = await product.call<{ counts: { items: number } }>(
      'POST',
      '/api/v1/bulk-jobs',
      { ...asking, dryRun: true, limit: 1 },
    );
    const count = counts.items;
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    const { id } = await product.call<JobJson>('POST', '/api/v1/bulk-jobs', {
      ...asking,
      expectedCount: count,
    });
    const planned = seconds();
    let job: JobJson | undefined;
    await withProgress('revoked', count, async (progress) => {
      let shown = 0;
      await until(
        'the job to end',
        async () => {
          job = await product.call<JobJson>('GET', `/api/v1/bulk-jobs/${id}`);
          progress.step(job.counts.done - shown);
          shown = job.counts.done;
          return job.state === 'done';
        },
        1_800_000,
      );
    });
    if (job?.counts.done !== count) throw new Error(`not all are revoked: ${JSON.stringify(job)}`);
    const revoked = seconds();
    await until(
      'the CRL that lists them',
      async () => (await published()) >= count + singles,
      300_000,
    );
    const listed = seconds();
    await requireRevoked(product, await seededSerialNumbers(product.ownerUrl(), seeded, asked));
    const answered = seconds();
    say(
      `planned in ${planned.toFixed(2)} s, revoked in ${revoked.toFixed(1)} s, on the CRL after ${listed.toFixed(1)} s, OCSP right after ${answered.toFixed(1)} s`,
    );
    const perSecond = count / revoked;
    const one: Figure = {
      what: `revocations a second, ${count.toLocaleString('en')} by query`,
      unit: '1/s',
      ours: perSecond,
      peerName: `single acts, ${connections} connections`,
      peer: perSecondSingly,
      ratio: perSecond / perSecondSingly,
      aim: 'above 1, while issuance and OCSP go on',
    };
    const whole: Figure = {
      what: 'to the published CRL and right answers',
      unit: 's',
      ours: answered,
      peerName: 'the same singly',
      peer: count / perSecondSingly,
      ratio: answered / (count / perSecondSingly),
      aim: 'below 300 s for 10,000 (T-MASS-1)',
    };
    return [one, whole];
  });
  report('bulk', figures, { wanted });
}

async function revokeSingly(product: Product, serials: readonly string[]): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let next = 0;
  const started = performance.now();
  await withProgress('single acts', singles, async (progress) => {
    const worker = async (): Promise<void> => {
      for (let serial = serials[next]; serial !== undefined; serial = serials[next]) {
        next += 1;
        await revokeOne(product, agent, serial);
        progress.step();
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
  });
  agent.destroy();
  return singles / ((performance.now() - started) / 1000);
}

async function revokeOne({ rest }: Product, agent: Agent, serial: string): Promise<void> {
  await new Promise<void>((done, fail) => {
    const sent = request(
      {
        ...rest.tls,
        agent,
        host: 'localhost',
        port: rest.port,
        method: 'POST',
        path: `/api/v1/certificates/${serial}/revoke`,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        response.on('end', () => {
          if (response.statusCode === 200) done();
          else fail(new Error(`${serial} was answered ${response.statusCode}`));
        });
      },
    );
    sent.on('error', fail);
    sent.end(JSON.stringify({ reasonCode: 'superseded' }));
  });
}

/** openssl asks for a sample, spread over all. */
export async function requireRevoked(product: Product, sample: readonly string[]): Promise<void> {
  const { certificate } = await product.issuer();
  const issuerFile = `${product.dataFolder}/bench-issuer.pem`;
  const pem = Buffer.from(certificate)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n');
  writeFileSync(issuerFile, `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----\n`);
  const url = `http://${product.ocsp.host}:${product.ocsp.port}/`;
  const responder = {
    root: `${product.dataFolder}/trust/root.pem`,
    ocspUrl: url,
    openssl: async (parameters: readonly string[]) => run('openssl', parameters),
  };
  await until(
    'the right answers',
    async () => {
      const said = await ocspStatuses(responder, issuerFile, sample, url);
      return sample.every((serial) => said.get(serial) === 'revoked');
    },
    60_000,
  );
}
