/** A real authority's door for one responder, over TLS: what src/http does of it, as far as a responder asks. */
import { createServer } from 'node:https';
import type { Authority } from '../../src/authority/index.ts';
import { decodePem, encodePem } from '../../src/pkix/index.ts';
import { principal } from './authority.ts';
import { privateKeyPem, testCertificate, testIssuer } from './test-hierarchy.ts';

export interface EnrolmentDoor {
  readonly url: string;
  /** PEM of its certificate's root, which is the client's as well. */
  readonly trust: string;
  readonly client: { readonly key: string; readonly certificate: string };
  close(): Promise<void>;
}

export async function enrolmentDoor(authority: Authority): Promise<EnrolmentDoor> {
  const issuer = testIssuer('Responders');
  const own = testCertificate(issuer, { subject: 'CN=localhost' });
  const client = testCertificate(issuer, { subject: 'CN=responder' });
  const trust = encodePem('CERTIFICATE', issuer.certificate.der);
  const answer = async (path: string, body: string): Promise<string | undefined> => {
    const [, issuerId] = /^\/api\/v1\/responders\/([0-9a-f]{40})\/certificate$/.exec(path) ?? [];
    if (issuerId === undefined) return undefined;
    const { csr } = JSON.parse(body) as { csr: string };
    const der = decodePem(csr, 'CERTIFICATE REQUEST')[0]?.der ?? new Uint8Array();
    const { certificate } = await authority.enrolResponder(principal('responder'), {
      issuer: issuerId,
      csr: der,
    });
    return encodePem('CERTIFICATE', certificate);
  };
  const server = createServer(
    { key: privateKeyPem(own.privateKey), cert: own.pem, ca: trust, requestCert: true },
    (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        answer(request.url ?? '', body).then(
          (certificate) => {
            response.writeHead(certificate === undefined ? 204 : 201, {
              'Content-Type': 'application/json',
            });
            response.end(certificate === undefined ? '' : JSON.stringify({ certificate }));
          },
          (error: unknown) => {
            response.writeHead(503, { 'Content-Type': 'application/json' });
            response.end(JSON.stringify({ code: 'internal', detail: String(error) }));
          },
        );
      });
    },
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `https://localhost:${port}`,
    trust,
    client: { key: privateKeyPem(client.privateKey), certificate: client.pem },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}
