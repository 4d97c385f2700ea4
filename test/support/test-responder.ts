/** The responder in this process, over memory and software keys, with a small hierarchy. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Responder, type ResponderOptions, startResponder } from '../../ocsp/responder.ts';
import type { Clock } from '../../src/domain/index.ts';
import {
  type CertID,
  createCertID,
  type Extension,
  encodeOcspRequest,
  encodePem,
  type OcspResponse,
  parseOcspResponse,
  type SingleResponse,
} from '../../src/pkix/index.ts';
import { MemoryStatus } from './memory-status.ts';
import { until } from './quickstart-run.ts';
import { type SoftwareToken, softwareToken } from './software-token.ts';
import { startTestAuthority, type TestAuthority } from './test-authority.ts';
import {
  privateKeyPem,
  type TestCertificate,
  type TestIssuer,
  testCertificate,
  testIssuer,
} from './test-hierarchy.ts';

/** System time plus an offset that a test may change. */
export class TestClock implements Clock {
  offset = 0;

  now(): Date {
    return new Date(Date.now() + this.offset);
  }
}

export interface TestResponder {
  readonly folder: string;
  readonly root: TestIssuer;
  readonly issuing: TestIssuer;
  readonly status: MemoryStatus;
  readonly token: SoftwareToken;
  readonly authority: TestAuthority;
  readonly clock: TestClock;
  readonly logs: { level: string; message: string; fields?: unknown }[];
  readonly options: ResponderOptions;
  responder: Responder;
  readonly url: string;
  readonly port: number;
  /** Issues a certificate that the status source knows as good. */
  issue(subject?: string, issuer?: TestIssuer): TestCertificate;
  /** Writes an issuer's or a certificate's PEM and answers the file. */
  file(name: string, text: string): string;
  /** Stops and starts over the same folder. */
  restart(change?: Partial<ResponderOptions>): Promise<void>;
}

/** Starts one for this test file and waits until it is ready. */
export async function startTestResponder(
  change: Partial<ResponderOptions> & {
    readonly hierarchy?: { readonly root: TestIssuer; readonly issuing: TestIssuer } | undefined;
    readonly others?: readonly TestIssuer[] | undefined;
    readonly wait?: boolean | undefined;
  } = {},
): Promise<TestResponder> {
  const { hierarchy, others, wait, ...options } = change;
  const folder = mkdtempSync(join(tmpdir(), 'chancery-ocsp-'));
  const root = hierarchy?.root ?? testIssuer('Test Root', { key: 'p384' });
  const issuing = hierarchy?.issuing ?? testIssuer('Test Issuing', { parent: root });
  const status = new MemoryStatus();
  for (const issuer of [root, issuing, ...(others ?? [])]) status.addIssuer(issuer);
  const clientIssuer = testIssuer('Clients');
  const authority = await startTestAuthority(
    [root, issuing, ...(others ?? [])],
    clientIssuer,
    status,
  );
  const client = testCertificate(clientIssuer, { subject: 'CN=responder' });
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const token = softwareToken();
  const clock = new TestClock();
  const logs: TestResponder['logs'] = [];
  const all: ResponderOptions = {
    listen: [{ host: '127.0.0.1', port: 0 }],
    folder,
    source: status,
    token,
    enrolment: {
      authorityUrl: authority.url,
      keyFile: file('client-key.pem', privateKeyPem(client.privateKey)),
      certificateFile: file('client-cert.pem', client.pem),
      trustFile: file('trust.pem', authority.trust),
    },
    clock,
    log: (level, message, fields) => {
      logs.push({ level, message, fields });
    },
    validitySeconds: 3600,
    requestTimeoutMilliseconds: 10_000,
    drainTimeoutMilliseconds: 2000,
    signDeadline: 5000,
    delegateKeys: ['p256'],
    responderId: 'key',
    ...options,
    timing: { issuersInterval: 100, readinessInterval: 500, ...options.timing },
  };
  const made: TestResponder = {
    folder,
    root,
    issuing,
    status,
    token,
    authority,
    clock,
    logs,
    options: all,
    responder: await startResponder(all),
    get url() {
      return `http://127.0.0.1:${this.port}/`;
    },
    get port() {
      return this.responder.ports[0] ?? 0;
    },
    issue(subject = 'CN=leaf', issuer = issuing) {
      const issued = testCertificate(issuer, { subject });
      status.issued(issuer, issued.certificate);
      return issued;
    },
    file,
    async restart(restartChange = {}) {
      await this.responder.close();
      this.responder = await startResponder({ ...all, ...restartChange });
    },
  };
  afterAll(async () => {
    await made.responder.close();
    await authority.close();
    rmSync(folder, { recursive: true, force: true });
  });
  if (wait !== false) await untilReady(made);
  return made;
}

export async function untilReady(made: TestResponder): Promise<void> {
  await until('the responder to be ready', () => made.responder.readiness().ready, 10_000);
}

export function certIDOf(
  issuer: TestIssuer,
  serialNumber: string,
  hash: 'sha1' | 'sha256' | 'sha384' | 'sha512' = 'sha1',
): CertID {
  const { subject, subjectPublicKeyInfo } = issuer.certificate;
  return createCertID(hash, subject, subjectPublicKeyInfo, serialNumber);
}

export function requestFor(
  certIDs: readonly CertID[],
  nonce?: Uint8Array,
  extensions?: readonly Extension[],
): Uint8Array {
  return encodeOcspRequest({ certIDs, nonce, extensions });
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** One HTTP exchange with the target exactly as given (no client normalises it). */
export async function exchange(
  port: number,
  options: {
    readonly method?: string | undefined;
    readonly target?: string | undefined;
    readonly body?: Uint8Array | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
  },
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: options.method ?? 'GET',
        path: options.target ?? '/',
        headers: options.headers ?? {},
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          });
        });
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

export async function post(port: number, body: Uint8Array): Promise<HttpAnswer> {
  return exchange(port, {
    method: 'POST',
    body,
    headers: {
      'Content-Type': 'application/ocsp-request',
      'Content-Length': String(body.length),
    },
  });
}

/** POSTs a question and reads the answer. */
export async function ask(
  made: { readonly port: number },
  certIDs: readonly CertID[],
  nonce?: Uint8Array,
  extensions?: readonly Extension[],
): Promise<OcspResponse> {
  const answer = await post(made.port, requestFor(certIDs, nonce, extensions));
  return parseOcspResponse(answer.body);
}

/** The first answer. */
export function singleOf(response: OcspResponse): SingleResponse {
  const [single] = response.basic?.responseData.responses ?? [];
  if (single === undefined) throw new Error(response.status);
  return single;
}

/** The certStatus of the first answer, or the error's name. */
export function statusOf(response: OcspResponse): string {
  const single = response.basic?.responseData.responses[0];
  if (single === undefined) return response.status;
  const { certStatus } = single;
  if (certStatus.type !== 'revoked') return certStatus.type;
  return certStatus.reasonCode === undefined ? 'revoked' : `revoked:${certStatus.reasonCode}`;
}

export function issuerPem(issuer: TestIssuer): string {
  return encodePem('CERTIFICATE', issuer.certificate.der);
}
