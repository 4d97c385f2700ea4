import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ChanceryError } from '../domain/index.ts';

export interface SofthsmConfiguration {
  readonly confPath: string;
  /** For the signer process: SoftHSM reads its configuration's path from there. */
  readonly environment: Readonly<Record<string, string>>;
  /** Writes softhsm2.conf and makes the folder of tokens, mode 0700. Safe to repeat. */
  write(): void;
}

/**
 * SoftHSM's configuration for one token folder. Each of our tokens has its own, so that a process
 * sees no token but its own.
 */
export function softhsmConfiguration(folder: string): SofthsmConfiguration {
  const home = resolve(folder);
  const confPath = join(home, 'softhsm2.conf');
  const tokens = join(home, 'tokens');
  return {
    confPath,
    environment: { SOFTHSM2_CONF: confPath },
    write() {
      mkdirSync(tokens, { recursive: true, mode: 0o700 });
      const lines = [
        `directories.tokendir = ${tokens}`,
        'objectstore.backend = file',
        'log.level = ERROR',
        'slots.removable = false',
      ];
      writeFileSync(confPath, `${lines.join('\n')}\n`, { mode: 0o600 });
    },
  };
}

const softhsmPaths = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
] as const;

/**
 * Path of the SoftHSM 2 module.
 *
 * @throws ChanceryError `configuration` when it is in none of the usual places.
 */
export function findSofthsmModule(): string {
  const found = softhsmPaths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ChanceryError('configuration', {
    message: `SoftHSM 2 was found in none of ${softhsmPaths.join(', ')}; install it (Debian: apt-get install softhsm2) or set the path of your PKCS#11 module`,
  });
}
