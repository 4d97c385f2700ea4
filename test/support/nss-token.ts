/** NSS's softokn as a token: a second make of PKCS#11 module beside SoftHSM. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { TokenPlace } from '../../src/hsm/token-options.ts';

export interface NssToken extends TokenPlace {
  readonly folder: string;
  readonly pin: string;
  readonly libraryParameters: string;
}

const pin = 'a long enough pin';

/** Where NSS's module lies; the folder differs between architectures. */
function nssModule(): string {
  const libraries = '/usr/lib';
  const candidates = readdirSync(libraries).map((folder) =>
    join(libraries, folder, 'libsoftokn3.so'),
  );
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) throw new Error('NSS is not installed: apt-get install libnss3');
  return found;
}

/** A database of its own, made by NSS's certutil; the folder goes after the test file. */
export function nssToken(label: string): NssToken {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-nss-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const pinFile = join(folder, 'pin');
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  execFileSync('certutil', ['-N', '-d', `sql:${folder}`, '-f', pinFile], { stdio: 'pipe' });
  return {
    folder,
    module: nssModule(),
    label,
    pin,
    pinFile,
    environment: {},
    libraryParameters: `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags= dbTokenDescription='${label}'`,
  };
}
