/** RFC 8555 §7.4.2, §9.1: the chain, judged by openssl and node:crypto (A24). */
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { readAlternateChain } from '../../src/acme/index.ts';
import type { AlternateChain } from '../../src/acme/ports.ts';
import { certificatesToPem } from '../../src/authority/index.ts';
import {
  encodeBasicConstraints,
  encodeKeyUsage,
  formatDistinguishedName,
  parseCertificate,
} from '../../src/pkix/index.ts';
import { expectProblem, headerOf, links, type Obtained } from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { directoryPolicy } from '../support/acme-node.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { scratchFolder } from '../support/openssl.ts';
import { testCertificate, testIssuer } from '../support/test-hierarchy.ts';

/** Filled once there is an issuer that can be cross-certified. */
const alternateChains: AlternateChain[] = [];
const under = await acmeUnderTest('acme-7-4-2', {
  directories: [directoryPolicy('crossed', { alternateChains })],
});
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

  it('the same octets each time; no alternate where there is none', async () => {
    const url = obtained.order.certificate ?? '';
    const first = await client.get(url);
    expect((await client.get(url)).text).toBe(first.text);
    expect(links(first, 'alternate')).toEqual([]);
    expect((await client.get(`${url}/1`)).status).toBe(404);
    expect((await client.get(`${url}/99`)).status).toBe(404);
    expect((await client.get(`${url}/x`)).status).toBe(404);
  });

  it('a cross-certified issuer has an alternate chain, linked from each to the other, until it runs out', async () => {
    const { certificate: octets } = under.authority.issuing;
    const issuing = parseCertificate(octets ?? new Uint8Array());
    const ours = formatDistinguishedName(issuing.subject);
    const elsewhere = testIssuer('Elsewhere');
    const now = Math.floor(under.clock.now().getTime() / 1000) * 1000;
    const cross = (subject: string, publicKey = issuing.subjectPublicKeyInfo): AlternateChain => {
      const { pem } = testCertificate(elsewhere, {
        subject,
        publicKey,
        notBefore: new Date(now - 60_000),
        notAfter: new Date(now + 30 * 86_400_000),
        extensions: [
          encodeBasicConstraints({ cA: true }),
          encodeKeyUsage(['keyCertSign', 'cRLSign']),
        ],
      });
      return readAlternateChain(pem + certificatesToPem([elsewhere.certificate.der]));
    };
    alternateChains.push(
      // Of another key, and of another name: no chains of what this issuer issues.
      cross(ours, elsewhere.certificate.subjectPublicKeyInfo),
      cross('CN=Another name'),
      cross(ours),
    );
    const crossed = under.client('crossed');
    await crossed.register();
    const { order, certificate } = await crossed.obtain(names, csr(names).der);
    const url = order.certificate ?? '';
    const first = await crossed.get(url);
    const [alternate = '', ...more] = links(first, 'alternate');
    expect([alternate, more]).toEqual([`${url}/1`, []]);
    const answer = await crossed.get(alternate);
    expect(answer.status, answer.text).toBe(200);
    expect(headerOf(answer, 'content-type')).toMatch(/^application\/pem-certificate-chain\b/);
    expect(links(answer, 'alternate')).toEqual([url]);
    const [leaf, issuer, ...above] = certificatesOf(answer.text);
    expect(leaf?.fingerprint256).toBe(certificate.fingerprint256);
    expect(issuer?.issuer).toBe('CN=Elsewhere');
    expect(issuer?.verify(new X509Certificate(elsewhere.certificate.der).publicKey)).toBe(true);
    expect(above).toEqual([]);
    const folder = scratchFolder();
    try {
      const said = under.openssl([
        ...['verify', '-attime', String(now / 1000 + 60)],
        '-purpose',
        'sslserver',
        '-CAfile',
        folder.file('other.pem', certificatesToPem([elsewhere.certificate.der])),
        '-untrusted',
        folder.file('above.pem', issuer?.toString() ?? ''),
        folder.file('leaf.pem', leaf?.toString() ?? ''),
      ]);
      expect(said).toContain('OK');
    } finally {
      folder.remove();
    }
    under.clock.advance(31 * 86_400);
    const later = await crossed.get(url);
    expect(later.text).toBe(first.text);
    expect(links(later, 'alternate')).toEqual([]);
    under.clock.advance(-31 * 86_400);
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
