/**
 * OCSP at 64 keep-alive connections beside an empty Node server, each in a process of its own on
 * this machine, the client included. Run alone: `node test/bench/ocsp.ts`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { startResponder } from '../../ocsp/responder.ts';
import { createCertID, encodeOcspRequest } from '../../src/pkix/index.ts';
import { MemoryStatus } from '../support/memory-status.ts';
import { until } from '../support/quickstart-run.ts';
import { softwareToken } from '../support/software-token.ts';
import { startTestAuthority } from '../support/test-authority.ts';
import { privateKeyPem, testCertificate, testIssuer } from '../support/test-hierarchy.ts';

const connections = 64;
const seconds = 5;
const certificates = 200;

export interface OcspFigure {
  readonly what: string;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p99: number;
  readonly failures: number;
}

interface Served {
  readonly port: number;
  /** Base64 of requests about different certificates. */
  readonly requests: readonly string[];
}

type Kind = 'GET' | 'POST' | 'nonce';

async function serveEmpty(): Promise<Served> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.end('ok');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, requests: [] };
}

async function serveOcsp(folder: string): Promise<Served> {
  const issuer = testIssuer('Bench');
  const clients = testIssuer('Clients');
  const status = new MemoryStatus();
  status.addIssuer(issuer);
  const authority = await startTestAuthority([issuer], clients, status);
  const client = testCertificate(clients, { subject: 'CN=responder' });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const responder = await startResponder({
    listen: [{ host: '127.0.0.1', port: 0 }],
    folder,
    source: status,
    token: softwareToken(),
    enrolment: {
      authorityUrl: authority.url,
      keyFile: file('key.pem', privateKeyPem(client.privateKey)),
      certificateFile: file('cert.pem', client.pem),
      trustFile: file('trust.pem', authority.trust),
    },
    clock: { now: () => new Date() },
    log: () => undefined,
    validitySeconds: 3600,
    requestTimeoutMilliseconds: 10_000,
    drainTimeoutMilliseconds: 100,
    signDeadline: 5000,
  });
  await until('the responder', () => responder.readiness().ready);
  const { subject, subjectPublicKeyInfo } = issuer.certificate;
  const requests = Array.from({ length: certificates }, (_unused, n) => {
    const { certificate } = testCertificate(issuer, { subject: `CN=${n}` });
    status.issued(issuer, certificate);
    const certID = createCertID('sha1', subject, subjectPublicKeyInfo, certificate.serialNumber);
    return Buffer.from(encodeOcspRequest({ certIDs: [certID] })).toString('base64');
  });
  return { port: responder.ports[0] ?? 0, requests };
}

/** A nonce extension after the request list, as openssl sends it. */
function withNonce(base64: string): Buffer {
  const list = Buffer.from(base64, 'base64').subarray(4);
  const nonce = Buffer.from(
    `a2 1f 30 1d 30 1b 06 09 2b0601050507300102 04 0e 04 0c`.replaceAll(' ', ''),
    'hex',
  );
  const body = Buffer.concat([list, nonce, Buffer.from('0123456789ab')]);
  const inner = Buffer.concat([Buffer.from([0x30, body.length]), body]);
  return Buffer.concat([Buffer.from([0x30, inner.length]), inner]);
}

function requestsOf({ requests }: Served, kind: Kind): autocannon.Request[] {
  const headers = { 'content-type': 'application/ocsp-request' };
  if (requests.length === 0) {
    return [
      kind === 'GET'
        ? { method: 'GET', path: '/' }
        : { method: 'POST', path: '/', headers, body: Buffer.alloc(76) },
    ];
  }
  return requests.map((base64) => {
    if (kind === 'GET') return { method: 'GET', path: `/${encodeURIComponent(base64)}` };
    const body = kind === 'POST' ? Buffer.from(base64, 'base64') : withNonce(base64);
    return { method: 'POST', path: '/', headers, body };
  });
}

async function measure(role: 'empty' | 'ocsp', kind: Kind, what: string): Promise<OcspFigure> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const child: ChildProcess = fork(import.meta.filename, ['serve', role, folder]);
  try {
    const served = await new Promise<Served>((done) => {
      child.once('message', (message) => done(message as Served));
    });
    const result = await autocannon({
      url: `http://127.0.0.1:${served.port}`,
      connections,
      duration: seconds,
      requests: requestsOf(served, kind),
    });
    const { requests, latency, non2xx, errors } = result;
    return { what, perSecond: requests.average, p99: latency.p99, failures: non2xx + errors };
  } finally {
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Figures in the order in which they were measured; the empty server first and again last. */
export async function benchOcsp(): Promise<readonly OcspFigure[]> {
  return [
    await measure('empty', 'GET', 'empty Node server, GET'),
    await measure('ocsp', 'GET', 'OCSP from memory, GET'),
    await measure('empty', 'POST', 'empty Node server, POST'),
    await measure('ocsp', 'POST', 'OCSP from memory, POST'),
    await measure('ocsp', 'nonce', 'OCSP, each signed (nonce; P-256 software key), POST'),
    await measure('empty', 'GET', 'empty Node server, GET, again'),
  ];
}

const [, script, command, role, folder] = process.argv;
if (script === import.meta.filename) {
  if (command === 'serve' && folder !== undefined) {
    process.send?.(role === 'empty' ? await serveEmpty() : await serveOcsp(folder));
  } else {
    for (const { what, perSecond, p99, failures } of await benchOcsp()) {
      console.log(`${what}: ${Math.round(perSecond)}/s, p99 ${p99} ms, ${failures} failures`);
    }
  }
}
