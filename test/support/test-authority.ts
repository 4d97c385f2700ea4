/** The CA's side of a responder's enrolment, over real TLS: the two routes that the responder uses. */
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import {
  decodePem,
  encodePem,
  parseCertificationRequest,
  verifyCertificationRequest,
} from '../../src/pkix/index.ts';
import type { MemoryStatus } from './memory-status.ts';
import {
  delegateExtensions,
  privateKeyPem,
  type TestCertificateOptions,
  type TestIssuer,
  testCertificate,
} from './test-hierarchy.ts';

export interface TestAuthority {
  readonly url: string;
  /** PEM of its certificate's root. */
  readonly trust: string;
  /** Those that it signs delegates for. */
  readonly issuers: TestIssuer[];
  /** Requests so far, reports apart: path and the serial number of the client's certificate. */
  readonly requests: { readonly path: string; readonly client: string }[];
  /** What the responder told of its keys (POST /responders/keys), newest last. */
  readonly reports: KeyReport[];
  /** What it told of each key for which it asked for a certificate. */
  readonly told: unknown[];
  /** Changes what delegates look like from now on. */
  delegate: Partial<TestCertificateOptions>;
  /** The issuer that signs delegates instead of the right one. */
  wrongIssuer: TestIssuer | undefined;
  failing: boolean;
  close(): Promise<void>;
}

/** A report as JSON. */
export interface KeyReport {
  readonly keys: readonly { readonly keyId: string; readonly signatures: number }[];
  readonly destroyed: readonly { readonly keyId: string; readonly objects: number }[];
  readonly selfTest?: { readonly label: string } | undefined;
  readonly inToken: {
    readonly objects: readonly { readonly class: string; readonly keyId?: string }[];
    readonly expected: readonly string[];
  };
}

/** Answers for these issuers; client certificates must come from `clientIssuer`. */
export async function startTestAuthority(
  issuers: readonly TestIssuer[],
  clientIssuer: TestIssuer,
  status: MemoryStatus,
): Promise<TestAuthority> {
  const own = testCertificate(clientIssuer, { subject: 'CN=localhost' });
  const ca = encodePem('CERTIFICATE', clientIssuer.certificate.der);
  let authority: TestAuthority | undefined = undefined;
  const server: Server = createServer(
    {
      key: privateKeyPem(own.privateKey),
      cert: own.pem,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      // An intermediate as the trust anchor of client certificates.
      allowPartialTrustChain: true,
    },
    (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        const socket = request.socket as TLSSocket;
        const client = socket.getPeerCertificate().serialNumber.toLowerCase();
        const isReport = request.url === '/api/v1/responders/keys';
        if (!isReport) authority?.requests.push({ path: request.url ?? '', client });
        if (isReport && authority?.failing === false) {
          authority.reports.push(JSON.parse(body) as KeyReport);
          response.writeHead(204).end();
          return;
        }
        const pem = authority?.failing === true ? undefined : answer(request.url ?? '', body);
        response.writeHead(pem === undefined ? 503 : 201, { 'Content-Type': 'application/json' });
        response.end(
          JSON.stringify(pem === undefined ? { code: 'internal' } : { certificate: pem }),
        );
      });
    },
  );
  const answer = (path: string, body: string): string | { pem: string } | undefined => {
    const { csr, key } = JSON.parse(body) as { csr: string; key?: unknown };
    const request = parseCertificationRequest(
      decodePem(csr, 'CERTIFICATE REQUEST')[0]?.der ?? new Uint8Array(),
    );
    if (!verifyCertificationRequest(request).ok) return undefined;
    const delegate = /^\/api\/v1\/responders\/([0-9a-f]{40})\/certificate$/.exec(path);
    if (delegate === null) {
      const renewed = testCertificate(clientIssuer, {
        subject: 'CN=responder',
        publicKey: request.subjectPublicKeyInfo,
      });
      return { pem: renewed.pem };
    }
    const issuer = authority?.issuers.find((one) => one.issuerId === delegate[1]);
    if (issuer === undefined) return undefined;
    const made = testCertificate(authority?.wrongIssuer ?? issuer, {
      subject: 'CN=OCSP responder',
      publicKey: request.subjectPublicKeyInfo,
      extensions: delegateExtensions,
      ...authority?.delegate,
    });
    status.issued(issuer, made.certificate);
    authority?.told.push(key);
    return made.pem;
  };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  authority = {
    url: `https://localhost:${port}`,
    trust: ca,
    issuers: [...issuers],
    requests: [],
    reports: [],
    told: [],
    delegate: {},
    wrongIssuer: undefined,
    failing: false,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
  return authority;
}
