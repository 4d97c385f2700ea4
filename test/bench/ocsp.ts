/**
 * OCSP at 64 keep-alive connections over a million seeded certificates (CHANCERY_BENCH_CERTIFICATES
 * sets another number): beside an empty node:http server, cfssl's ocspserve and a bare loop that
 * signs; memory and time to readiness; and while issuance runs or a CRL is built.
 */
import { randomBytes } from 'node:crypto';
import { freePorts } from '../support/quickstart-run.ts';
import { type LoadResult, load, rawRequest } from './load.ts';
import { besideOtherWork } from './ocsp-beside.ts';
import { bareSignaturesPerSecond, withCfsslResponder, withEmptyServer } from './ocsp-peers.ts';
import { residentMemory } from './process-statistics.ts';
import { type Product, withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, median, report } from './report.ts';
import { makeOcspRequests } from './requests.ts';
import { seededSerialNumbers, seedInventory } from './seed-inventory.ts';

const certificates = Number(process.env['CHANCERY_BENCH_CERTIFICATES'] ?? 1_000_000);
const connections = 64;
const rounds = 3;
const seconds = 3;
const how = { connections, seconds, warmUpSeconds: 1 };
/** Requests of a load, drawn from all: a client that holds more is slower for it. */
const measured = 200_000;
/** Answers that cfssl gets to serve. */
const forCfssl = Math.min(2000, certificates);

interface Round {
  readonly kind: string;
  readonly peerName: string;
  readonly ours: LoadResult;
  readonly peer: { readonly perSecond: number; readonly p99?: number };
}

/** From memory by POST and GET, signed for each request, and beside other work. */
export async function benchOcsp(): Promise<void> {
  const taken: Round[] = [];
  const figures: Figure[] = [];
  const metrics = `127.0.0.1:${(await freePorts())['CHANCERY_HTTPS_PORT']}`;
  const settings = { CHANCERY_OCSP_METRICS_LISTEN: metrics };
  await withProduct(async (product) => {
    const { issuerId, certificate } = await product.issuer();
    const drawn = Math.min(certificates * 2, 1_000_000);
    await withProgress('certificates', certificates, async (progress) => {
      await seedInventory(product.ownerUrl(), { issuerId, certificates, progress });
    });
    const serialNumbers = [
      ...new Set(await seededSerialNumbers(product.ownerUrl(), { issuerId, certificates }, drawn)),
    ];
    const plain = makeOcspRequests(certificate, serialNumbers);
    const posts = plain.map(post);
    say(`asking for ${posts.length} answers once, so that they are signed and kept`);
    const started = performance.now();
    const { bodyBytes } = await load(product.ocsp, posts, { connections });
    say(`signed in ${Math.round((performance.now() - started) / 1000)} s`);
    figures.push(memoryFigure(product, posts.length));
    const asked = posts.slice(0, measured);
    const gets = plain.slice(0, measured).map(get);
    const nonced = makeOcspRequests(certificate, serialNumbers.slice(0, 20_000), () =>
      randomBytes(32),
    ).map(post);
    const some = posts.slice(0, forCfssl);
    const responses = await bodiesOf(product, plain.slice(0, forCfssl));
    await withCfsslResponder(responses, async (cfssl) => {
      await withEmptyServer(bodyBytes, async (empty) => {
        const keep = (kind: string, peerName: string, ours: LoadResult, peer: Round['peer']) => {
          taken.push({ kind, peerName, ours, peer });
          say(
            `${kind}: ${Math.round(ours.perSecond)}/s, ${peerName} ${Math.round(peer.perSecond)}/s`,
          );
        };
        for (let round = 1; round <= rounds; round += 1) {
          for (const [kind, requests] of [
            ['POST', asked],
            ['GET', gets],
          ] as const) {
            const ours = await load(product.ocsp, requests, how);
            keep(kind, 'empty server', ours, await load(empty, requests, how));
          }
          const ours = await load(product.ocsp, some, how);
          keep('POST, beside cfssl', 'cfssl ocspserve', ours, await load(cfssl, some, how));
          const signed = await load(product.ocsp, nonced, how);
          const [bare] = await Promise.all([
            bareSignaturesPerSecond(product.dataFolder, issuerId, seconds),
            // The same client, as busy as it was.
            load(empty, nonced, { ...how, offeredPerSecond: signed.perSecond }),
          ]);
          keep('POST with nonces, each signed', 'bare loop', signed, { perSecond: bare });
        }
      });
    });
    figures.push(...(await besideOtherWork(product, asked, { issuerId, certificates, metrics })));
    figures.push(await readyFigure(product));
  }, settings);
  const kinds = [...new Set(taken.map(({ kind }) => kind))];
  report('ocsp', [...kinds.map((kind) => rateFigure(kind, taken)), ...figures], taken);
}

const aims: Readonly<Record<string, string>> = {
  POST: 'ratio 0.75, p99 twice',
  GET: 'ratio 0.75, p99 twice',
  'POST, beside cfssl': 'ratio 3',
  'POST with nonces, each signed': 'ratio 0.6',
};

function rateFigure(kind: string, taken: readonly Round[]): Figure {
  const of = taken.filter((round) => round.kind === kind);
  const p99s = of.flatMap(({ peer }) => peer.p99 ?? []);
  return {
    what: `OCSP, ${connections} connections, ${kind}`,
    unit: '/s',
    ours: median(of.map(({ ours }) => ours.perSecond)),
    peerName: of[0]?.peerName ?? '',
    peer: median(of.map(({ peer }) => peer.perSecond)),
    ratio: median(of.map(({ ours, peer }) => ours.perSecond / peer.perSecond)),
    aim: aims[kind] ?? '',
    p50: median(of.map(({ ours }) => ours.p50)),
    p99: median(of.map(({ ours }) => ours.p99)),
    ...(p99s.length === 0 ? {} : { peerP99: median(p99s) }),
  };
}

function memoryFigure(product: Product, answers: number): Figure {
  const megabytes = residentMemory(product.pid('ocsp'), 'now') / 1e6;
  return {
    what: `memory of the responder with ${answers} answers kept`,
    unit: 'MB',
    ours: megabytes,
    peerName: 'limit',
    peer: 700,
    ratio: megabytes / 700,
    aim: 'at most 700 MB for a million',
  };
}

/** From SIGKILL of the responder to the first 200 of /readyz, its start by the supervisor included. */
async function readyFigure(product: Product): Promise<Figure> {
  const killed = product.pid('ocsp');
  const started = performance.now();
  process.kill(killed, 'SIGKILL');
  const url = `http://127.0.0.1:${product.ocsp.port}/readyz`;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) break;
    await new Promise((done) => setTimeout(done, 20));
  }
  const elapsed = (performance.now() - started) / 1000;
  return {
    what: 'from SIGKILL of the responder to its readiness',
    unit: 's',
    ours: elapsed,
    peerName: 'limit',
    peer: 10,
    ratio: elapsed / 10,
    aim: 'at most 10 s',
  };
}

async function bodiesOf(
  product: Product,
  requests: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const url = `http://127.0.0.1:${product.ocsp.port}/`;
  const headers = { 'Content-Type': 'application/ocsp-request' };
  const bodies: Uint8Array[] = [];
  for (const request of requests) {
    const answer = await fetch(url, { method: 'POST', headers, body: Buffer.from(request) });
    bodies.push(new Uint8Array(await answer.arrayBuffer()));
  }
  return bodies;
}

function post(request: Uint8Array): Buffer {
  return rawRequest('POST', '/', 'application/ocsp-request', request);
}

function get(request: Uint8Array): Buffer {
  return rawRequest('GET', `/${encodeURIComponent(Buffer.from(request).toString('base64'))}`);
}
