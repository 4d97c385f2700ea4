import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { webcrypto, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as peculiar from '@peculiar/x509';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeAuthorityInfoAccess,
  encodeCertificatePolicies,
  encodeCRLDistributionPoints,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeNameConstraints,
  encodeOcspRequest,
  encodePem,
  encodeSubjectAltName,
  type GeneralName,
  importVerificationKey,
  oids,
  parseCertificate,
  parseCertificateList,
  parseCertificationRequest,
  parseDistinguishedName,
  parseIpAddress,
  parseOcspResponse,
  resolveSignatureAlgorithm,
  type SignatureAlgorithmName,
  signatureAlgorithms,
  verifyCertificationRequest,
  verifyChain,
  verifySignature,
} from '../../../src/pkix/index.ts';
import {
  sampleCertID,
  sampleCertificate,
  sampleCrl,
  sampleKey,
  sampleOcspResponse,
  sampleRequest,
} from '../../support/pki-samples.ts';

const names: GeneralName[] = [
  { type: 'dNSName', value: 'a.example' },
  { type: 'dNSName', value: '*.b.example' },
  { type: 'iPAddress', bytes: parseIpAddress('192.0.2.1') },
  { type: 'iPAddress', bytes: parseIpAddress('2001:db8::1') },
  { type: 'rfc822Name', value: 'someone@a.example' },
  { type: 'uniformResourceIdentifier', value: 'https://a.example/x' },
  { type: 'directoryName', name: parseDistinguishedName('CN=Grüße,C=DE') },
];

const buffer = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;
const colons = (hex: string): string => hex.toUpperCase();

/** What the other readers made of one algorithm's set. */
function sampleSet(name: SignatureAlgorithmName) {
  const rootKey = sampleKey(name);
  const root = sampleCertificate({
    key: rootKey,
    subject: 'CN=Root,O=Exämple,C=DE',
    serialNumber: '7f',
    notAfter: new Date('9999-12-31T23:59:59Z'),
    ca: true,
    extensions: [
      encodeNameConstraints({
        permittedSubtrees: [],
        excludedSubtrees: [{ base: { type: 'dNSName', value: 'evil.example' } }],
      }),
    ],
  });
  const issuer = { certificate: root, key: rootKey };
  const leafKey = sampleKey(name, 1);
  const leaf = sampleCertificate({
    key: leafKey,
    subject: 'CN=leaf.a.example',
    serialNumber: '8a2b3c4d5e6f70819293a4b5c6d7e8',
    issuer,
    extensions: [
      encodeKeyUsage(['digitalSignature']),
      encodeExtendedKeyUsage([oids.serverAuth, oids.clientAuth]),
      encodeSubjectAltName(names, false),
      encodeCRLDistributionPoints(['http://ca.example/crl/0.crl']),
      encodeAuthorityInfoAccess({
        ocsp: ['http://ca.example/ocsp'],
        caIssuers: ['http://ca.example/ca.cer'],
      }),
      encodeCertificatePolicies([
        { policyIdentifier: '1.3.6.1.4.1.99999.1', cps: ['http://ca.example/cps'] },
      ]),
    ],
  });
  const csr = sampleRequest(leafKey, 'CN=leaf.a.example', [encodeSubjectAltName(names, false)]);
  const crl = sampleCrl(
    issuer,
    [
      {
        serialNumber: '8a2b3c4d5e6f70819293a4b5c6d7e8',
        revocationDate: new Date('2026-11-20T10:00:00Z'),
        reasonCode: 'certificateHold',
      },
      {
        serialNumber: '2',
        revocationDate: new Date('2026-11-20T10:00:00Z'),
        reasonCode: 'keyCompromise',
        invalidityDate: new Date('2026-11-01T00:00:00Z'),
      },
      { serialNumber: '3', revocationDate: new Date('2026-11-20T10:00:00Z') },
    ],
    1_700_000_000_000_000n,
  );
  const certID = sampleCertID(root, leaf.serialNumber);
  const nonce = new Uint8Array(32).fill(9);
  const request = encodeOcspRequest({ certIDs: [certID], nonce });
  const response = sampleOcspResponse(
    issuer,
    [
      {
        certID,
        certStatus: {
          type: 'revoked',
          revocationTime: new Date('2026-11-20T10:00:00Z'),
          reasonCode: 'certificateHold',
        },
      },
    ],
    nonce,
  );
  return { root, leaf, csr, crl, request, response, nonce };
}

const folder = mkdtempSync(join(tmpdir(), 'chancery-pkix-'));
const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

beforeAll(() => {
  peculiar.cryptoProvider.set(
    webcrypto as unknown as Parameters<typeof peculiar.cryptoProvider.set>[0],
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(Object.keys(signatureAlgorithms) as SignatureAlgorithmName[])('%s', (name) => {
  const set = sampleSet(name);
  const { root, leaf } = set;
  // No webcrypto of Node knows Ed25519 under pkijs's names; the other readers cover it.
  const webcryptoKnows = name !== 'ed25519';

  it('we verify what we made', () => {
    expect(verifyChain([leaf, root], new Date('2030-01-01T00:00:00Z'))).toEqual([]);
    const csr = parseCertificationRequest(set.csr);
    expect(verifyCertificationRequest(csr)).toMatchObject({ ok: true });
    const key = importVerificationKey(root.subjectPublicKeyInfo);
    const crl = parseCertificateList(set.crl);
    expect(resolveSignatureAlgorithm(crl.signatureAlgorithm)?.name).toBe(name);
    expect(verifySignature(signatureAlgorithms[name], key, crl.tbsDer, crl.signature)).toBe(true);
    const basic = parseOcspResponse(set.response).basic;
    expect(
      basic && verifySignature(signatureAlgorithms[name], key, basic.tbsDer, basic.signature),
    ).toBe(true);
  });

  it('node:crypto reads and verifies the certificates', () => {
    const read = new X509Certificate(leaf.der);
    expect(read.serialNumber).toBe(colons(leaf.serialNumber));
    expect(read.verify(new X509Certificate(root.der).publicKey)).toBe(true);
    expect(read.checkHost('x.b.example')).toBe('*.b.example');
    expect(read.checkIP('2001:db8::1')).toBe('2001:db8::1');
    expect(read.checkIssued(new X509Certificate(root.der))).toBe(true);
    expect(new X509Certificate(root.der).validTo).toContain('9999');
    expect(new X509Certificate(root.der).ca).toBe(true);
  });

  it('@peculiar/x509 reads and verifies certificate and request', async () => {
    const read = new peculiar.X509Certificate(buffer(leaf.der));
    expect(read.serialNumber).toBe(leaf.serialNumber);
    expect(read.subject).toBe('CN=leaf.a.example');
    const alternative = read.getExtension(peculiar.SubjectAlternativeNameExtension);
    expect(alternative?.names.items.map((item) => item.value).slice(0, 4)).toEqual([
      'a.example',
      '*.b.example',
      '192.0.2.1',
      '2001:db8::1',
    ]);
    const request = new peculiar.Pkcs10CertificateRequest(buffer(set.csr));
    if (webcryptoKnows) {
      const publicKey = await new peculiar.X509Certificate(buffer(root.der)).publicKey.export();
      expect(publicKey.type).toBe('public');
      // @peculiar/x509 takes PSS parameters from the key, not from the signature: left to the others.
      if (signatureAlgorithms[name].padding !== 'pss') {
        expect(
          await read.verify({
            publicKey: new peculiar.X509Certificate(buffer(root.der)),
            signatureOnly: true,
          }),
        ).toBe(true);
        expect(await request.verify()).toBe(true);
      }
    }
    const crl = new peculiar.X509Crl(buffer(set.crl));
    expect(crl.entries.map((entry) => entry.serialNumber.replace(/^0+/, ''))).toEqual([
      leaf.serialNumber,
      '2',
      '3',
    ]);
    expect(crl.entries[0]?.reason).toBe(peculiar.X509CrlReason.certificateHold);
    expect(crl.entries[2]?.reason).toBeUndefined();
  });

  it('pkijs reads all, and verifies the signatures', async () => {
    pkijs.setEngine('node', new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as never }));
    const parent = pkijs.Certificate.fromBER(buffer(root.der));
    const child = pkijs.Certificate.fromBER(buffer(leaf.der));
    expect(child.extensions?.map((extension) => extension.extnID)).toEqual(
      leaf.extensions.map((extension) => extension.oid),
    );
    const crl = pkijs.CertificateRevocationList.fromBER(buffer(set.crl));
    expect(crl.revokedCertificates?.length).toBe(3);
    expect(crl.isCertificateRevoked(child)).toBe(true);
    const response = pkijs.OCSPResponse.fromBER(buffer(set.response));
    const basic = pkijs.BasicOCSPResponse.fromBER(
      response.responseBytes?.response.getValue() ?? new ArrayBuffer(0),
    );
    expect(basic.tbsResponseData.responses.length).toBe(1);
    const request = pkijs.OCSPRequest.fromBER(buffer(set.request));
    expect(request.tbsRequest.requestList.length).toBe(1);
    expect(asn1js.fromBER(buffer(set.csr)).offset).toBe(set.csr.length);
    if (webcryptoKnows) {
      expect(await child.verify(parent)).toBe(true);
      expect(await crl.verify({ issuerCertificate: parent })).toBe(true);
      expect(await pkijs.CertificationRequest.fromBER(buffer(set.csr)).verify()).toBe(true);
    }
  });

  it('openssl verifies chain, request, CRL and OCSP response, and finds nothing odd in the DER', () => {
    const file = (suffix: string): string => `${name}.${suffix}`;
    const write = (suffix: string, content: Uint8Array | string): string => {
      writeFileSync(join(folder, file(suffix)), content);
      return file(suffix);
    };
    const ca = write('root.pem', encodePem('CERTIFICATE', root.der));
    const cert = write('leaf.pem', encodePem('CERTIFICATE', leaf.der));
    expect(openssl('verify', '-x509_strict', '-CAfile', ca, cert)).toContain('OK');
    const text = openssl('x509', '-in', cert, '-noout', '-text');
    for (const part of [
      'DNS:a.example',
      'IP Address:192.0.2.1',
      'email:someone@a.example',
      'CPS: http://ca.example/cps',
      'CA Issuers - URI:http://ca.example/ca.cer',
    ]) {
      expect(text).toContain(part);
    }
    const csr = write('csr', set.csr);
    openssl('req', '-inform', 'DER', '-in', csr, '-verify', '-noout');
    const crl = write('crl', set.crl);
    openssl('crl', '-inform', 'DER', '-in', crl, '-noout', '-CAfile', ca);
    const crlText = openssl('crl', '-inform', 'DER', '-in', crl, '-noout', '-text');
    expect(crlText).toContain('Certificate Hold');
    expect(crlText).toContain('1700000000000000');
    for (const [suffix, content] of [
      ['root.der', root.der],
      ['resp.der', set.response],
    ] as const) {
      expect(openssl('asn1parse', '-inform', 'DER', '-in', write(suffix, content))).not.toMatch(
        /error/i,
      );
    }
    const request = write('req.der', set.request);
    const answer = openssl(
      'ocsp',
      '-no_nonce',
      '-reqin',
      request,
      '-respin',
      file('resp.der'),
      '-CAfile',
      ca,
      '-issuer',
      ca,
      '-cert',
      cert,
    );
    expect(answer).toContain('revoked');
    expect(answer).toContain('certificateHold');
    // With CRL checking on, the certificate on hold is refused.
    const pem = write('crl.pem', encodePem('X509 CRL', set.crl));
    expect(() => openssl('verify', '-crl_check', '-CRLfile', pem, '-CAfile', ca, cert)).toThrow(
      /revoked/,
    );
  });

  it('we re-encode what we read to the same bytes', () => {
    for (const certificate of [root, leaf])
      expect(parseCertificate(certificate.der)).toEqual(certificate);
  });
});
