import { execFileSync } from 'node:child_process';
import { constants, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { KeyAlgorithmName, SignatureAlgorithmName } from '../../../src/pkix/types.ts';
import { activeKey, openTestToken, signRequest } from '../../support/hsm.ts';
import { testToken } from '../../support/softhsm.ts';

const { token } = openTestToken(testToken('openssl'));
const folder = mkdtempSync(join(tmpdir(), 'chancery-openssl-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pairs: readonly (readonly [KeyAlgorithmName, SignatureAlgorithmName])[] = [
  ['p256', 'ecdsa-with-SHA256'],
  ['p256', 'ecdsa-with-SHA512'],
  ['p384', 'ecdsa-with-SHA384'],
  ['p521', 'ecdsa-with-SHA512'],
  ['rsa2048', 'sha256WithRSAEncryption'],
  ['rsa3072', 'sha384WithRSAEncryption'],
  ['rsa4096', 'sha512WithRSAEncryption'],
  ['rsa2048', 'rsassa-pss-sha256'],
  ['rsa3072', 'rsassa-pss-sha384'],
  ['rsa4096', 'rsassa-pss-sha512'],
  ['ed25519', 'ed25519'],
];

test.each(pairs)(
  'openssl and node:crypto believe a %s signature with %s',
  async (keyAlgorithm, algorithm) => {
    const key = await activeKey(token, {
      keyAlgorithm,
      signatureAlgorithm: algorithm,
      purposes: ['notice'],
      label: algorithm,
    });
    const text = `signed with ${algorithm}`;
    const signature = await token.sign(signRequest(key, text));
    const path = (name: string): string => join(folder, `${keyAlgorithm}-${algorithm}.${name}`);
    const publicKey = createPublicKey({
      key: Buffer.from(key.subjectPublicKeyInfo),
      format: 'der',
      type: 'spki',
    });
    writeFileSync(path('pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(path('sig'), signature);
    writeFileSync(path('txt'), text);

    const digest = /(?:SHA|sha)(\d{3})/.exec(algorithm)?.[1];
    const pss = algorithm.startsWith('rsassa-pss');
    const padding = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'];
    const command =
      digest === undefined
        ? [
            'pkeyutl',
            '-verify',
            '-rawin',
            '-pubin',
            '-inkey',
            path('pub'),
            '-sigfile',
            path('sig'),
            '-in',
            path('txt'),
          ]
        : [
            'dgst',
            `-sha${digest}`,
            '-verify',
            path('pub'),
            ...(pss ? padding : []),
            '-signature',
            path('sig'),
            path('txt'),
          ];
    expect(execFileSync('openssl', command, { encoding: 'utf8' })).toMatch(
      /Verified (OK|Success)/i,
    );

    const verification = pss
      ? {
          key: publicKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : publicKey;
    const name = digest === undefined ? null : `sha${digest}`;
    expect(verify(name, Buffer.from(text), verification, signature)).toBe(true);
  },
);
