/** OCSP at 64 keep-alive connections beside an empty node:http server with a body of its size. */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type LoadResult, load, rawRequest, type Target } from './load.ts';
import { type Product, withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, median, report } from './report.ts';
import { makeCsrs, makeOcspRequests } from './requests.ts';

const certificates = 1000;
const connections = 64;
const rounds = 3;
const seconds = 3;

interface Round {
  readonly kind: string;
  readonly ours: LoadResult;
  readonly peer: LoadResult;
}

/** Pre-signed by POST and GET, and with a nonce in each request, which has each answer signed. */
export async function benchOcsp(): Promise<void> {
  const csrs = await withProgress('CSRs', certificates, (progress) =>
    makeCsrs(certificates, progress),
  );
  const taken: Round[] = [];
  await withProduct(async (product) => {
    say(`issuing ${certificates} certificates`);
    const issuances = csrs.map((csr) =>
      rawRequest(
        'POST',
        '/api/v1/certificates',
        'application/json',
        JSON.stringify({ profile: 'tls-server', csr }),
      ),
    );
    await load(product.rest, issuances, { connections: 16 });
    const { certificate } = await product.issuer();
    const serialNumbers = await issuedSerialNumbers(product);
    const plain = makeOcspRequests(certificate, serialNumbers);
    const nonced = makeOcspRequests(certificate, serialNumbers, () => randomBytes(32));
    say('asking for each once, so that its answer is signed');
    const posts = plain.map(post);
    const { bodyBytes } = await load(product.ocsp, [...posts, ...plain.map(get)], {
      connections: 16,
    });
    await withEmptyServer(bodyBytes, async (empty) => {
      for (let round = 1; round <= rounds; round += 1) {
        for (const [kind, requests] of [
          ['POST', posts],
          ['GET', plain.map(get)],
          ['POST with nonces', nonced.map(post)],
        ] as const) {
          const how = { connections, seconds, warmUpSeconds: 1 };
          const ours = await load(product.ocsp, requests, how);
          const peer = await load(empty, requests, how);
          taken.push({ kind, ours, peer });
          say(
            `round ${round}, ${kind}: ${Math.round(ours.perSecond)}/s beside ${Math.round(peer.perSecond)}/s`,
          );
        }
      }
    });
  });
  const kinds = [...new Set(taken.map(({ kind }) => kind))];
  const figures = kinds.map((kind): Figure => {
    const of = taken.filter((round) => round.kind === kind);
    const signed = kind.includes('nonces');
    return {
      what: `OCSP, ${connections} connections, ${kind}${signed ? ' (each signed)' : ''}`,
      unit: '/s',
      ours: median(of.map(({ ours }) => ours.perSecond)),
      peerName: 'empty server',
      peer: median(of.map(({ peer }) => peer.perSecond)),
      ratio: median(of.map(({ ours, peer }) => ours.perSecond / peer.perSecond)),
      aim: signed ? '' : 'ratio 0.5',
      p50: median(of.map(({ ours }) => ours.p50)),
      p99: median(of.map(({ ours }) => ours.p99)),
      peerP99: median(of.map(({ peer }) => peer.p99)),
    };
  });
  report('ocsp', figures, taken);
}

async function issuedSerialNumbers(product: Product): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: { items: { serialNumber: string }[]; next: string | null } = await product.call(
      'GET',
      `/api/v1/certificates?profile=tls-server${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    found.push(...page.items.map(({ serialNumber }) => serialNumber));
    cursor = page.next;
  }
  return found;
}

function post(request: Uint8Array): Buffer {
  return rawRequest('POST', '/', 'application/ocsp-request', request);
}

function get(request: Uint8Array): Buffer {
  return rawRequest('GET', `/${encodeURIComponent(Buffer.from(request).toString('base64'))}`);
}

async function withEmptyServer(
  bodyBytes: number,
  work: (empty: Target) => Promise<void>,
): Promise<void> {
  const child = fork(new URL('./empty-server.ts', import.meta.url), { stdio: 'inherit' });
  try {
    const port = await new Promise<number>((done, fail) => {
      child.once('message', (bound: number) => done(bound));
      child.once('exit', (code) => fail(new Error(`the empty server ended with ${code}`)));
      child.send(bodyBytes);
    });
    await work({ host: '127.0.0.1', port, expectedStatus: 200 });
  } finally {
    child.kill('SIGTERM');
  }
}
