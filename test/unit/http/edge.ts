/** The real HTTP servers over a stand-in authority: the edge is under test, the use cases are not. */
import { mkdtempSync, rmSync } from 'node:fs';
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorize, permissionsOf } from '../../../src/access/index.ts';
import type { Acme } from '../../../src/acme/index.ts';
import type { Authority } from '../../../src/authority/index.ts';
import { type Configuration, loadConfiguration } from '../../../src/config/index.ts';
import {
  type Clock,
  defaultTenant,
  type Permission,
  type Principal,
  type Role,
} from '../../../src/domain/index.ts';
import { startHttpServers } from '../../../src/http/index.ts';
import {
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodePem,
  findExtension,
  oids,
  parseCertificationRequest,
} from '../../../src/pkix/index.ts';
import { createLogger, createMetrics } from '../../../src/telemetry/index.ts';
import { type TestIssuer, testCertificate, testIssuer } from '../../support/test-hierarchy.ts';

export function principalOf(role: Role, scope?: readonly Permission[]): Principal {
  return {
    id: `id-${role}`,
    name: `the-${role}`,
    role,
    tenant: defaultTenant,
    permissions: permissionsOf(role, scope),
  };
}

/** The bearer token of a role, which the stand-in knows. */
export function tokenOf(role: Role): string {
  return `token-of-${role}`;
}

export interface StandIn {
  readonly authority: Authority;
  readonly acme: Acme;
  /** Use cases called, in order. */
  readonly calls: { readonly name: string; readonly arguments: readonly unknown[] }[];
  /** Refusals that the door had recorded. */
  readonly refusals: { readonly principal: string; readonly permission: string }[];
}

export type Overrides = Readonly<Record<string, (...values: never[]) => unknown>>;

/** Answers what the overrides say; any other use case answers something empty. */
export function standIn(overrides: Overrides = {}): StandIn {
  const calls: StandIn['calls'] = [];
  const refusals: StandIn['refusals'] = [];
  const own: Overrides = {
    authenticateToken: async (token: string) => {
      const role = /^token-of-(\w+)$/.exec(token)?.[1];
      return role === undefined ? undefined : principalOf(role as Role);
    },
    authenticateCertificate: async () => undefined,
    authorize: async (principal: Principal, permission: Permission) => {
      try {
        authorize(principal, permission);
      } catch (error) {
        refusals.push({ principal: principal.name, permission });
        throw error;
      }
    },
    recordUnauthenticated: async () => undefined,
    readiness: () => ({ ready: true, reasons: [] }),
    publishedFile: async () => undefined,
    listForeignIssuers: async () => [],
    listIssuers: async () => [],
    ...overrides,
  };
  const authority = new Proxy(
    {},
    {
      get: (_target, name) => {
        if (typeof name !== 'string' || name === 'then') return undefined;
        return (...values: never[]) => {
          calls.push({ name, arguments: values });
          const override = own[name];
          if (override !== undefined) return override(...values);
          return Promise.reject(new Error(`the stand-in has no ${name}`));
        };
      },
    },
  ) as Authority & Acme;
  return { authority, acme: authority, calls, refusals };
}

export interface Edge extends StandIn {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly configuration: Configuration;
  readonly trust: string;
  readonly issuer: TestIssuer;
  /** Log lines so far. */
  readonly log: string[];
  close(): Promise<void>;
}

export interface EdgeOptions {
  readonly overrides?: Overrides | undefined;
  readonly configuration?: Partial<Configuration> | undefined;
  readonly clock?: Clock | undefined;
}

let issuer: TestIssuer | undefined;

export function edgeIssuer(): TestIssuer {
  issuer ??= testIssuer('edge');
  return issuer;
}

/** A server certificate as the authority makes it from the edge's CSR. */
export function serverChain(csrDer: Uint8Array, notBefore?: Date, notAfter?: Date): Uint8Array[] {
  const csr = parseCertificationRequest(csrDer);
  const names = findExtension(csr.requestedExtensions, oids.subjectAltName);
  if (names === undefined) throw new Error('the CSR names nothing');
  const { certificate } = testCertificate(edgeIssuer(), {
    subject: '',
    publicKey: csr.subjectPublicKeyInfo,
    notBefore,
    notAfter: notAfter ?? new Date(Math.floor(Date.now() / 1000) * 1000 + 6 * 86_400_000),
    extensions: [
      names,
      encodeKeyUsage(['digitalSignature']),
      encodeExtendedKeyUsage([oids.serverAuth]),
    ],
  });
  return [certificate.der];
}

export async function startEdge(options: EdgeOptions = {}): Promise<Edge> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-edge-'));
  const configuration: Configuration = {
    ...loadConfiguration({
      CHANCERY_DATA: folder,
      CHANCERY_DATABASE_URL: 'postgresql://app@localhost/none',
      CHANCERY_LISTEN: '127.0.0.1',
    }),
    httpPort: 0,
    httpsPort: 0,
    drainTimeoutMilliseconds: 2000,
    ...options.configuration,
  };
  const double = standIn(options.overrides);
  const log: string[] = [];
  const starting = startHttpServers({
    authority: double.authority,
    acme: double.acme,
    configuration,
    logger: createLogger({
      level: 'debug',
      process: 'test',
      stream: { write: (line) => log.push(line) },
    }),
    metrics: createMetrics('test'),
    clock: options.clock ?? { now: () => new Date() },
    obtainServerCertificate: async (csr) => serverChain(csr),
  });
  starting.catch(() => rmSync(folder, { recursive: true, force: true }));
  const servers = await starting;
  return {
    ...double,
    httpPort: servers.ports.http,
    httpsPort: servers.ports.https,
    configuration,
    trust: encodePem('CERTIFICATE', edgeIssuer().certificate.der),
    issuer: edgeIssuer(),
    log,
    close: async () => {
      await servers.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

export interface Question {
  readonly method?: string | undefined;
  readonly path: string;
  /** A role, whose token is sent. */
  readonly as?: Role | undefined;
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** An object is sent as JSON; text as it is. */
  readonly body?: unknown;
  readonly tls?: RequestOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One request on a connection of its own. */
export async function ask(edge: Edge, question: Question, plain = false): Promise<Reply> {
  const { body } = question;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const options: RequestOptions = {
    host: '127.0.0.1',
    servername: 'localhost',
    port: plain ? edge.httpPort : edge.httpsPort,
    ca: edge.trust,
    agent: false,
    method: question.method ?? 'GET',
    path: question.path,
    headers: {
      ...(question.as === undefined ? {} : { authorization: `Bearer ${tokenOf(question.as)}` }),
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...question.headers,
    },
    ...(question.signal === undefined ? {} : { signal: question.signal }),
    ...question.tls,
  };
  return new Promise((resolve, reject) => {
    const outgoing = (plain ? httpRequest : httpsRequest)(options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        const received = Buffer.concat(chunks).toString();
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: received,
          json: () => JSON.parse(received) as Record<string, unknown>,
        });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(text);
  });
}
