import 'reflect-metadata';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { chmodSync, closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Crypto } from '@peculiar/webcrypto';
import {
  cryptoProvider,
  type JsonGeneralName,
  type Pkcs10CertificateRequestCreateParams,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';
import { CommandError, usageError } from './exit.ts';

type CryptoKeyPair = Pkcs10CertificateRequestCreateParams['keys'];
type Generation = Parameters<typeof crypto.subtle.generateKey>[0];

const crypto = new Crypto();
cryptoProvider.set(crypto);

interface KeyKind {
  readonly generate: Generation;
  readonly sign: { readonly name: string; readonly hash?: string };
}

const publicExponent = new Uint8Array([1, 0, 1]);
const ec = (namedCurve: string, hash: string): KeyKind => ({
  generate: { name: 'ECDSA', namedCurve } as Generation,
  sign: { name: 'ECDSA', hash },
});
const rsa = (modulusLength: number): KeyKind => ({
  generate: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent,
  } as Generation,
  sign: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
});
const kinds: Readonly<Record<string, KeyKind>> = {
  p256: ec('P-256', 'SHA-256'),
  p384: ec('P-384', 'SHA-384'),
  p521: ec('P-521', 'SHA-512'),
  rsa2048: rsa(2048),
  rsa3072: rsa(3072),
  rsa4096: rsa(4096),
  ed25519: { generate: { name: 'Ed25519' }, sign: { name: 'Ed25519' } },
};

export interface KeyPair {
  readonly keys: CryptoKeyPair;
  readonly sign: KeyKind['sign'];
}

export interface RequestedNames {
  readonly subject?: string | undefined;
  readonly names: readonly JsonGeneralName[];
}

/** @throws CommandError usage for an unknown kind */
export async function generateKeyPair(kind: string): Promise<KeyPair> {
  const found = kinds[kind];
  if (found === undefined) {
    throw usageError(`unknown key ${kind}; one of ${Object.keys(kinds).join(', ')}`);
  }
  const keys = (await crypto.subtle.generateKey(found.generate, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  return { keys, sign: found.sign };
}

/** Reads a PEM private key (PKCS#8, SEC1 or PKCS#1, not encrypted). */
export async function loadKeyPair(file: string): Promise<KeyPair> {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (error) {
    throw new CommandError(
      `${file} is no readable private key in PEM (encrypted keys are not read): ${(error as Error).message}`,
      undefined,
      error,
    );
  }
  const kind = kindOf(key);
  const privateKey = await crypto.subtle.importKey(
    'pkcs8',
    key.export({ format: 'der', type: 'pkcs8' }),
    kind.generate,
    true,
    ['sign'],
  );
  const { createPublicKey } = await import('node:crypto');
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = await crypto.subtle.importKey('spki', spki, kind.generate, true, ['verify']);
  return { keys: { privateKey, publicKey }, sign: kind.sign };
}

function kindOf(key: KeyObject): KeyKind {
  const curve = { prime256v1: 'p256', secp384r1: 'p384', secp521r1: 'p521' }[
    key.asymmetricKeyDetails?.namedCurve ?? ''
  ];
  const name =
    key.asymmetricKeyType === 'ec'
      ? curve
      : key.asymmetricKeyType === 'rsa'
        ? 'rsa2048'
        : key.asymmetricKeyType;
  const kind = kinds[name ?? ''];
  if (kind === undefined) {
    throw new CommandError(
      `keys of type ${key.asymmetricKeyType ?? 'unknown'} can't be used; make one with \`chancery issue --key-out\``,
    );
  }
  return kind;
}

/** A PKCS#10 request in PEM, signed with the pair (RFC 2986). */
export async function createRequest(pair: KeyPair, requested: RequestedNames): Promise<string> {
  const csr = await Pkcs10CertificateRequestGenerator.create(
    {
      ...(requested.subject === undefined ? {} : { name: requested.subject }),
      keys: pair.keys,
      signingAlgorithm: pair.sign,
      extensions:
        requested.names.length === 0
          ? []
          : [new SubjectAlternativeNameExtension([...requested.names])],
    },
    crypto,
  );
  return `${csr.toString('pem')}\n`;
}

/** Writes the private key as PKCS#8 PEM, mode 0600; refuses to overwrite. */
export async function writePrivateKey(pair: KeyPair, file: string): Promise<void> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', pair.keys.privateKey));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx', 0o600);
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new CommandError(
      exists
        ? `${file} exists and is not overwritten: a key that is gone can't be had back; name another file`
        : `${file} can't be written: ${(error as Error).message}`,
    );
  }
  try {
    writeSync(descriptor, pem);
  } finally {
    closeSync(descriptor);
  }
  chmodSync(file, 0o600);
}
