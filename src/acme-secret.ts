/** Part of the composition root: the file with the secret that ACME's nonces and MAC keys derive from. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { secretId } from './acme/index.ts';
import type { AcmeUnitOfWork, EabCredential } from './acme/ports.ts';
import { ChanceryError, defaultTenant } from './domain/index.ts';

/** As many credentials are looked at to tell whether this is the secret that they were made with. */
const lookedAt = 1000;

/**
 * The secrets of the file, newest first. A file that is missing is made, but for a database whose
 * credentials were made with the one that is lost: with another they would be refused, silently.
 *
 * @throws ChanceryError configuration
 */
export async function loadAcmeSecrets(
  file: string,
  unitOfWork: Pick<AcmeUnitOfWork, 'readOne'>,
  warn: (message: string) => void,
): Promise<readonly Uint8Array[]> {
  const { items } = await unitOfWork.readOne(async ({ acme }) =>
    acme.listCredentials(defaultTenant, { limit: lookedAt }),
  );
  const live = items.filter(({ revokedAt }) => revokedAt === undefined);
  if (!isThere(file)) {
    const [credential] = live;
    if (credential !== undefined) throw lost(file, credential);
    makeSecret(file);
  }
  const secrets = readSecrets(file);
  const known = new Set(secrets.map(secretId));
  const orphans = live.filter((credential) => !known.has(credential.secretId));
  if (orphans.length > 0) {
    warn(
      `${orphans.length} external account credentials (${orphans[0]?.kid ?? ''} …) were made with a secret that is not in ${file}: no account can be bound to them; add its line below the first, or revoke them`,
    );
  }
  return secrets;
}

function lost(file: string, { kid, secretId: id }: EabCredential): ChanceryError {
  return new ChanceryError('configuration', {
    message: `the ACME secret ${file} (acme.secretFile, CHANCERY_ACME_SECRET_FILE) is missing, and external account credentials (${kid} …) were made with it (its id is ${id}): restore it from a backup or copy it from another node; when it is lost for good, make a new one (umask 077; openssl rand -hex 32 > ${file}) and new credentials`,
  });
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

function readSecrets(file: string): readonly Uint8Array[] {
  let text: string;
  try {
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) {
      throw wrong(
        `${file} may be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${file}`,
      );
    }
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ChanceryError) throw error;
    throw wrong(`${file} can't be read (${reasonOf(error)}); check its owner and mode`);
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const bad = lines.findIndex((line) => !/^[0-9a-f]{64}$/i.test(line.trim()));
  if (bad >= 0 || lines.length === 0) {
    // The line itself is a secret, nearly right or not.
    const where = lines.length === 0 ? 'it is empty' : `line ${bad + 1} does not`;
    throw wrong(`${file} must hold 64 hex digits a line, and ${where}; restore it from a backup`);
  }
  return lines.map((line) => Buffer.from(line.trim(), 'hex'));
}

/** Whole or not at all, and never over a file that another process made meanwhile. */
function makeSecret(file: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const descriptor = openSync(temporary, 'w', 0o600);
    try {
      writeSync(descriptor, `${randomBytes(32).toString('hex')}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    linkSync(temporary, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw wrong(`${file} can't be written (${reasonOf(error)}); check the folder's owner`);
    }
  } finally {
    rmSync(temporary, { force: true });
  }
}

function wrong(message: string): ChanceryError {
  return new ChanceryError('configuration', { message: `acme.secretFile: ${message}` });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
