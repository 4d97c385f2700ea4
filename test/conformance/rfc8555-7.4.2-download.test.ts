/** RFC 8555 §7.4.2, §9.1: the chain, judged by openssl and node:crypto (A24). */
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, headerOf, links, type Obtained } from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { scratchFolder } from '../support/openssl.ts';

const under = await acmeUnderTest('acme-7-4-2');
const client = under.client();
const names = ['a.example.test', 'b.example.test'];
const request = csr(names, { commonNames: names.slice(0, 1) });
let obtained: Obtained;

beforeAll(async () => {
  await client.register();
  obtained = await client.obtain(names, request.der);
});

function certificatesOf(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  );
}

describe('A24', () => {
  it('application/pem-certificate-chain, nothing outside the PEM blocks', async () => {
    const answer = await client.get(obtained.order.certificate ?? '');
    expect(headerOf(answer, 'content-type')).toMatch(/^application\/pem-certificate-chain\b/);
    // RFC 8555 §9.1: strict PEM, no explanatory text.
    expect(answer.text).toMatch(
      /^(-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=]{1,64}\r?\n)+-----END CERTIFICATE-----\r?\n?)+$/,
    );
    expect(links(answer, 'index')).toEqual([client.directoryUrl]);
  });

  it('end entity first, each next certifies the one before, the root is left to the relying party', () => {
    const chain = certificatesOf(obtained.pem);
    expect(chain.length).toBeGreaterThanOrEqual(2);
    for (const [at, certificate] of chain.slice(0, -1).entries()) {
      const issuer = chain[at + 1];
      if (issuer === undefined) throw new Error('unreachable');
      expect(certificate.checkIssued(issuer)).toBe(true);
      expect(certificate.verify(issuer.publicKey)).toBe(true);
    }
    expect(chain[0]?.ca).toBe(false);
    const last = chain.at(-1);
    expect(last?.issuer).not.toBe(last?.subject);
  });

  it('openssl verifies it for TLS servers against the root; the key is the one of the CSR', () => {
    const folder = scratchFolder();
    try {
      const [leaf, ...rest] = certificatesOf(obtained.pem);
      const files = [
        folder.file('leaf.pem', leaf?.toString() ?? ''),
        folder.file('rest.pem', rest.map(String).join('')),
        folder.file('root.pem', new X509Certificate(under.root).toString()),
      ];
      const said = under.openssl([
        ...[
          'verify',
          '-x509_strict',
          '-purpose',
          'sslserver',
          '-verify_hostname',
          'b.example.test',
        ],
        ...['-attime', String(Math.floor(under.clock.now().getTime() / 1000) + 60)],
        ...['-CAfile', files[2] ?? '', '-untrusted', files[1] ?? '', files[0] ?? ''],
      ]);
      expect(said).toMatch(/: OK/);
    } finally {
      folder.remove();
    }
    const { certificate } = obtained;
    expect(certificate.checkPrivateKey(request.privateKey)).toBe(true);
    expect(certificate.subjectAltName?.split(', ').toSorted()).toEqual([
      'DNS:a.example.test',
      'DNS:b.example.test',
    ]);
  });

  it('the same octets each time; alternates begin with the same end-entity certificate', async () => {
    const url = obtained.order.certificate ?? '';
    const first = await client.get(url);
    expect((await client.get(url)).text).toBe(first.text);
    const alternates = links(first, 'alternate');
    for (const alternate of alternates) {
      const answer = await client.get(alternate);
      expect(answer.status).toBe(200);
      const [leaf, issuer] = certificatesOf(answer.text);
      expect(leaf?.fingerprint256).toBe(obtained.certificate.fingerprint256);
      expect(issuer === undefined || leaf?.checkIssued(issuer)).toBe(true);
    }
    expect((await client.get(`${url}/99`)).status).toBe(404);
    expect((await client.get(`${url}/x`)).status).toBe(404);
  });

  it('an order without a certificate has none to download', async () => {
    const { url } = await client.order(['none.example.test']);
    const absent = url.replace('/order/', '/certificate/');
    expectProblem(await client.get(absent), 404, 'malformed');
  });

  it('a revoked certificate is still the one that was issued', async () => {
    const other = await client.obtain(['gone.example.test'], csr(['gone.example.test']).der);
    const { revokeCert } = await client.directory();
    const certificate = Buffer.from(other.certificate.raw).toString('base64url');
    expect((await client.post(revokeCert, { certificate })).status).toBe(200);
    expect((await client.get(other.order.certificate ?? '')).text).toBe(other.pem);
  });
});
