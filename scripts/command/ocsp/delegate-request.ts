import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadResponderConfiguration } from '../../../src/config/index.ts';
import { decodePem, parseCertificate } from '../../../src/pkix/index.ts';
import { CommandError } from '../exit.ts';
import { print, requireWritableFolder, writeFileWhole } from '../output.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The requests that wait for a ceremony, in the folder of the responder on this machine. */
function waiting(environment: Environment): readonly { issuerId: string; file: string }[] {
  const folder = delegatesFolder(environment);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((issuerId) =>
    readdirSync(join(folder, issuerId))
      .filter((name) => /^request-.*\.csr$/.test(name))
      .map((name) => ({ issuerId, file: join(folder, issuerId, name) })),
  );
}

function delegatesFolder(environment: Environment): string {
  const { folder } = loadResponderConfiguration({
    CHANCERY_OCSP_DATABASE_URL: 'postgresql://nobody@localhost/none',
    ...environment,
  });
  return join(folder, 'delegates');
}

/** Copies the request that a ceremony of kind `delegate` answers, and prints the hash that its file declares. */
export function copyDelegateRequest(
  environment: Environment,
  issuerId: string | undefined,
  out: string,
): void {
  const all = waiting(environment);
  const [found, ...more] = all.filter((one) => issuerId === undefined || one.issuerId === issuerId);
  if (found === undefined || more.length > 0) {
    throw new CommandError(
      `${all.length} requests wait here${all.map((one) => `; ${one.issuerId}: ${one.file}`).join('')}; name the issuer's id`,
    );
  }
  requireWritableFolder(out);
  const pem = readFileSync(found.file, 'utf8');
  const [block] = decodePem(pem, 'CERTIFICATE REQUEST');
  writeFileWhole(out, pem);
  const hash = createHash('sha256').update(block?.der ?? new Uint8Array());
  print(`${out}: request of ${found.issuerId}, SHA-256 (of its DER) ${hash.digest('hex')}`);
}

/** Puts a delegate's certificate where the responder looks: for one that can't ask the CA that made it. */
export function installDelegate(environment: Environment, issuerId: string, file: string): void {
  const [block] = decodePem(readFileSync(file, 'utf8'), 'CERTIFICATE');
  if (block === undefined) throw new CommandError(`${file} holds no CERTIFICATE in PEM`);
  const folder = join(delegatesFolder(environment), issuerId);
  if (!existsSync(folder)) {
    throw new CommandError(`the responder here knows no issuer ${issuerId}: there is no ${folder}`);
  }
  const { serialNumber } = parseCertificate(block.der);
  writeFileWhole(join(folder, `${serialNumber}.pem`), readFileSync(file, 'utf8'));
  print(`installed ${serialNumber}; the responder checks and uses it within a minute`);
}
