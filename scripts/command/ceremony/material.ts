import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { CeremonyMaterial, CeremonySoftware } from '../../../src/authority/index.ts';
import { type KeyAlgorithmName, parseSubjectPublicKeyInfo } from '../../../src/pkix/index.ts';
import { CommandError } from '../exit.ts';

const installationFolder = new URL('../../..', import.meta.url).pathname;
/** What decides what a ceremony does. */
const sources = [
  'src',
  'ocsp',
  'scripts',
  'profiles',
  'package.json',
  'package-lock.json',
] as const;

/** The software that runs: its version, its commit where there is a repository, and what its files are. */
export function software(): CeremonySoftware {
  const { version } = JSON.parse(
    readFileSync(join(installationFolder, 'package.json'), 'utf8'),
  ) as { readonly version: string };
  return { version, commit: commit(), sourceSha256: sourceHash() };
}

function commit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: installationFolder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** Of `name`, a zero octet, the file's SHA-256 in hex and a line feed, for each file in the order of names. */
function sourceHash(): string {
  const hash = createHash('sha256');
  for (const name of sources.flatMap(filesOf).sort()) {
    const content = createHash('sha256').update(readFileSync(join(installationFolder, name)));
    hash.update(`${name}\0${content.digest('hex')}\n`);
  }
  return hash.digest('hex');
}

function filesOf(name: string): readonly string[] {
  if (name.includes('.')) return [name];
  return readdirSync(join(installationFolder, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installationFolder.length));
}

/** Files are found beside the ceremony's own. */
export function materialOf(ceremonyFile: string): CeremonyMaterial {
  return {
    software: software(),
    file(path) {
      const file = besideCeremony(ceremonyFile, path);
      try {
        return readFileSync(file);
      } catch (error) {
        throw new CommandError(`${file} can't be read: ${(error as Error).message}`);
      }
    },
    placeholders: (algorithm) => [placeholder(algorithm), placeholder(algorithm)],
  };
}

/** Relative paths in a ceremony's file count from its folder. */
export function besideCeremony(ceremonyFile: string, path: string): string {
  return resolve(dirname(ceremonyFile), path);
}

const curves = { p256: 'P-256', p384: 'P-384', p521: 'P-521' } as const;

/** The public half of a pair that is thrown away: what stands where a new key will. */
function placeholder(algorithm: KeyAlgorithmName) {
  const { publicKey } =
    algorithm === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : algorithm in curves
        ? generateKeyPairSync('ec', { namedCurve: curves[algorithm as keyof typeof curves] })
        : generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice(3)) });
  return parseSubjectPublicKeyInfo(publicKey.export({ type: 'spki', format: 'der' }));
}
