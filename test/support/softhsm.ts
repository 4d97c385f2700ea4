/** SoftHSM tokens for one test file, in a folder of their own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A token folder: one configuration, one token, one PIN file. */
export interface TestToken {
  readonly folder: string;
  /** The value of `SOFTHSM2_CONF` for a process that uses this token. */
  readonly configFile: string;
  /** The PKCS#11 module. */
  readonly modulePath: string;
  readonly label: string;
  readonly pin: string;
  readonly pinFile: string;
  /** Environment variables that lead SoftHSM to this token. */
  readonly environment: { readonly SOFTHSM2_CONF: string };
}

const testPin = '648219';

/** Where SoftHSM's module lies; the folder differs between distributions. */
export function softHsmModule(): string {
  const libraries = '/usr/lib';
  const candidates = [
    join(libraries, 'softhsm/libsofthsm2.so'),
    ...readdirSync(libraries).map((folder) => join(libraries, folder, 'softhsm/libsofthsm2.so')),
    '/usr/local/lib/softhsm/libsofthsm2.so',
  ];
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) throw new Error('SoftHSM is not installed: apt-get install softhsm2');
  return found;
}

/**
 * Makes an initialised token in a new folder, or in `parent`; the folder goes after the test file.
 * SoftHSM reads its configuration once, when the module is initialised: a process that needs two
 * tokens needs two processes.
 */
export function testToken(label: string, parent?: string): TestToken {
  const folder =
    parent === undefined ? mkdtempSync(join(tmpdir(), 'chancery-token-')) : join(parent, label);
  if (parent === undefined) afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens, { recursive: true, mode: 0o700 });
  const configFile = join(folder, 'softhsm2.conf');
  writeFileSync(
    configFile,
    `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`,
    { mode: 0o600 },
  );
  const pinFile = join(folder, 'pin');
  writeFileSync(pinFile, `${testPin}\n`, { mode: 0o600 });
  // The PIN in the arguments is visible to others on this machine; it guards nothing but a test.
  execFileSync(
    'softhsm2-util',
    ['--init-token', '--free', '--label', label, '--pin', testPin, '--so-pin', testPin],
    { env: { PATH: process.env['PATH'], SOFTHSM2_CONF: configFile }, stdio: 'pipe' },
  );
  return {
    folder,
    configFile,
    modulePath: softHsmModule(),
    label,
    pin: testPin,
    pinFile,
    environment: { SOFTHSM2_CONF: configFile },
  };
}
