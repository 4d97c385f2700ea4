import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePem } from '../../../src/pkix/index.ts';
import { buildTrustBundle } from '../../../src/trust/index.ts';
import { makeSoftwareIssuer } from '../../support/software-issuer.ts';

const roots = (['p384', 'rsa2048', 'ed25519'] as const).map((algorithm) =>
  makeSoftwareIssuer({ name: `Root ${algorithm}`, algorithm }),
);
const anchors = roots.map(({ certificate }) => certificate.der);
const bundle = buildTrustBundle({ name: 'default', anchors });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-bundle-'));
  writeFileSync(join(folder, 'bundle.p7b'), bundle.p7b);
  writeFileSync(join(folder, 'bundle.pem'), bundle.pem);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The certificates in PEM text, as hashes, in order. */
const hashes = (text: string): readonly string[] =>
  decodePem(text, 'CERTIFICATE', { surroundingText: true }).map(({ der }) =>
    createHash('sha256').update(der).digest('hex'),
  );
const expected = bundle.anchors.map(({ sha256 }) => sha256);

describe('a bundle carries its anchors byte for byte', () => {
  test('as PEM', () => {
    expect(hashes(bundle.pem)).toEqual(expected);
    expect(new Set(expected)).toEqual(
      new Set(anchors.map((der) => createHash('sha256').update(der).digest('hex'))),
    );
  });

  test('as PKCS#7, read by openssl', () => {
    const text = execFileSync(
      'openssl',
      ['pkcs7', '-inform', 'DER', '-in', join(folder, 'bundle.p7b'), '-print_certs'],
      { encoding: 'utf8' },
    );
    expect(hashes(text)).toEqual(expected);
  });

  test('as PKCS#7, read by GnuTLS', () => {
    const text = execFileSync(
      'certtool',
      ['--p7-info', '--inder', '--infile', join(folder, 'bundle.p7b')],
      { encoding: 'utf8' },
    );
    expect(text).toContain('Number of certificates: 3');
    expect(hashes(text.slice(text.indexOf('Number of certificates')))).toEqual(expected);
  });

  test('openssl verifies below it', () => {
    const issuing = makeSoftwareIssuer({ name: 'Below', parent: roots[0] });
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(issuing.certificate.der).toString('base64').replace(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
    writeFileSync(join(folder, 'below.pem'), pem);
    const answer = execFileSync(
      'openssl',
      ['verify', '-x509_strict', '-CAfile', join(folder, 'bundle.pem'), join(folder, 'below.pem')],
      { encoding: 'utf8' },
    );
    expect(answer).toContain('OK');
  });
});

describe('the same anchors give the same bundle', () => {
  test('whatever their order and repetition', () => {
    const again = buildTrustBundle({
      name: 'default',
      anchors: [...anchors, ...anchors].toReversed(),
    });
    expect(again).toEqual(bundle);
  });

  test('another anchor gives another etag', () => {
    const fewer = buildTrustBundle({ name: 'default', anchors: anchors.slice(1) });
    expect(fewer.etag).not.toBe(bundle.etag);
    expect(fewer.etag).toMatch(/^[0-9a-f]{64}$/);
  });

  test('no anchor is an empty bundle, not an error', () => {
    const empty = buildTrustBundle({ name: 'default', anchors: [] });
    expect([empty.pem, empty.anchors]).toEqual(['', []]);
  });
});

describe('only trust anchors are trusted', () => {
  test('an issuing CA is refused', () => {
    const issuing = makeSoftwareIssuer({ name: 'Issuing', parent: roots[0] });
    expect(() => buildTrustBundle({ name: 'default', anchors: [issuing.certificate.der] })).toThrow(
      /no trust anchor/,
    );
  });

  test('what is no certificate is refused', () => {
    expect(() =>
      buildTrustBundle({ name: 'default', anchors: [Uint8Array.of(0x30, 0)] }),
    ).toThrow();
  });
});
