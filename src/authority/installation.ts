import { ChanceryError, type Principal, systemPrincipal } from '../domain/index.ts';
import { type CertificateList, parseCertificateList } from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import { crlPath } from './crl-publication.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { Installation, IssuerRecord, Transaction } from './ports.ts';
import { drawSerialPrefix } from './serial-numbers.ts';

/** Whether this process may issue, and with which serial number prefix. */
export interface InstallationGuard {
  /** Compares database, data folder and published artefacts; the first call of a process. */
  check(): Promise<void>;
  /** @throws ChanceryError issuanceHalted with the reason and the way out */
  serialPrefix(): Promise<string>;
  /** Undefined when issuance may go on. */
  halted(): string | undefined;
}

type Deps = Pick<
  AuthorityDependencies,
  'unitOfWork' | 'installationFile' | 'publisher' | 'random' | 'clock' | 'tenant' | 'log'
>;

/**
 * Monotonic things are monotonic across restores (invariant 9): the data folder keeps the prefix
 * and a generation that grows at each start; a restored database shows an older one.
 */
export function installationGuard(dependencies: Deps): InstallationGuard {
  const { unitOfWork, installationFile, log } = dependencies;
  let prefix: string | undefined;
  let reason: string | undefined = 'the installation was not compared with the database yet';
  return {
    async check() {
      const problem = await unitOfWork.run(async (transaction) => {
        const stored = await transaction.installation.find();
        const kept = await installationFile.read();
        return stored === undefined
          ? 'the database has no installation record; run `chancery init`'
          : (disagreement(stored, kept) ?? (await publishedAhead(dependencies, transaction)));
      });
      if (problem !== undefined) {
        reason = problem;
        log('alarm', 'issuance is halted', { reason: problem });
        return;
      }
      const next = await unitOfWork.run(async (transaction) => {
        const stored = await transaction.installation.find();
        if (stored === undefined) {
          return undefined;
        }
        const started = { ...stored, generation: stored.generation + 1n };
        await transaction.installation.update(started);
        return started;
      });
      if (next !== undefined) {
        // The database first: after a crash between the two it is ahead, which is no restore.
        await installationFile.write(next);
        prefix = next.serialPrefix;
        reason = undefined;
      }
    },
    async serialPrefix() {
      if (prefix === undefined || reason !== undefined) {
        throw halted(reason ?? 'unknown');
      }
      return prefix;
    },
    halted: () => reason,
  };
}

function halted(reason: string): ChanceryError {
  return new ChanceryError('issuanceHalted', {
    message: `nothing is issued: ${reason}. After a restore, check with \`chancery database verify\`, then run \`chancery database accept-restore\``,
    retryAfter: 60,
  });
}

/** Why database and data folder don't belong together; undefined when they do. */
function disagreement(stored: Installation, kept: Installation | undefined): string | undefined {
  if (kept === undefined) {
    return 'the data folder has no installation.json: the database is there, the folder is new or lost';
  }
  if (kept.id !== stored.id || kept.serialPrefix !== stored.serialPrefix) {
    return `the data folder (${kept.id}, prefix ${kept.serialPrefix}) and the database (${stored.id}, prefix ${stored.serialPrefix}) are of different installations or epochs`;
  }
  if (stored.generation < kept.generation) {
    return `the database went back: it has seen ${stored.generation} starts, the data folder ${kept.generation}`;
  }
  return undefined;
}

/** Why published CRLs are ahead of the database; undefined when none is. */
async function publishedAhead(
  dependencies: Deps,
  transaction: Transaction,
): Promise<string | undefined> {
  for (const { issuer, list } of await publishedLists(dependencies, transaction)) {
    const problem = await aheadOf(dependencies, transaction, issuer, list);
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}

interface PublishedList {
  readonly issuer: IssuerRecord;
  readonly list: CertificateList;
}

async function publishedLists(
  { publisher, tenant, log }: Deps,
  transaction: Transaction,
): Promise<readonly PublishedList[]> {
  const lists: PublishedList[] = [];
  for (const issuer of await transaction.issuers.list(tenant)) {
    const der = await publisher.read(crlPath(issuer.issuerId, 0));
    if (der === undefined) {
      continue;
    }
    try {
      lists.push({ issuer, list: parseCertificateList(der) });
    } catch (error) {
      // Damaged on disk: not served, and made anew by the schedule (T-DISK-3).
      log('alarm', 'a published CRL is damaged; it is made anew', {
        issuer: issuer.name,
        cause: String(error),
      });
    }
  }
  return lists;
}

async function aheadOf(
  { tenant }: Deps,
  transaction: Transaction,
  issuer: IssuerRecord,
  list: CertificateList,
): Promise<string | undefined> {
  const highest = await transaction.crls.highestNumber(tenant, issuer.issuerId, 0);
  const published = list.crlNumber ?? 0n;
  if (highest === undefined || published > highest) {
    return `the published CRL of ${issuer.name} has crlNumber ${published}, the database knows ${highest ?? 'none'}`;
  }
  return undefined;
}

/** What `accept-restore` found and did. */
export interface AcceptedRestore {
  readonly installation: Installation;
  readonly previousPrefix: string;
}

/**
 * After a restore: a new prefix, so that no serial number issued since the backup comes again.
 *
 * Refuses while a published crlNumber, or a serial number on a published CRL, has no record in
 * the database: certificates exist then that the inventory does not know.
 */
export async function acceptRestore(
  dependencies: AuthorityDependencies,
  principal: Principal,
): Promise<AcceptedRestore> {
  const { unitOfWork, installationFile, random, tenant } = dependencies;
  // Drawn before the transaction, which is never held across the token (invariant 10).
  const first = await drawSerialPrefix(random);
  const second = await drawSerialPrefix(random, first);
  const accepted = await unitOfWork.run(async (transaction) => {
    const stored = await transaction.installation.find();
    if (stored === undefined) {
      throw new ChanceryError('notFound', {
        message: 'the database has no installation record; run `chancery init` first',
      });
    }
    for (const { issuer, list } of await publishedLists(dependencies, transaction)) {
      const ahead = await aheadOf(dependencies, transaction, issuer, list);
      const unknown = await unknownSerialNumbers(transaction, tenant, issuer, list);
      if (ahead !== undefined || unknown.length > 0) {
        throw new ChanceryError('illegalTransition', {
          message: `accept-restore is refused: ${ahead ?? `the published CRL of ${issuer.name} names ${unknown.length} serial numbers without a record (first: ${unknown[0]})`}; restore a newer backup, or move that CRL out of the published folder when you have recorded its certificates elsewhere`,
          clause: 'RFC 5280 §5.2.3',
        });
      }
    }
    const kept = await installationFile.read();
    const generation =
      kept !== undefined && kept.generation > stored.generation
        ? kept.generation
        : stored.generation;
    const installation: Installation = {
      id: stored.id,
      serialPrefix: first === stored.serialPrefix ? second : first,
      generation: generation + 1n,
    };
    await transaction.installation.update(installation);
    await recordDone(dependencies, transaction, principal, {
      act: 'database.acceptRestore',
      object: installation.id,
      details: { previousPrefix: stored.serialPrefix, serialPrefix: installation.serialPrefix },
    });
    return { installation, previousPrefix: stored.serialPrefix };
  });
  await installationFile.write(accepted.installation);
  return accepted;
}

async function unknownSerialNumbers(
  transaction: Transaction,
  tenant: string,
  issuer: IssuerRecord,
  list: CertificateList,
): Promise<readonly string[]> {
  const unknown: string[] = [];
  for (const { serialNumber } of list.entries()) {
    if ((await transaction.inventory.find(tenant, issuer.issuerId, serialNumber)) === undefined) {
      unknown.push(serialNumber);
    }
  }
  return unknown;
}

/** Draws the installation's identity at `init`; safe to run again. */
export async function createInstallation(
  dependencies: AuthorityDependencies,
  id: string,
): Promise<Installation> {
  const { unitOfWork, installationFile, random } = dependencies;
  const serialPrefix = await drawSerialPrefix(random);
  const { installation, created } = await unitOfWork.run(async (transaction) => {
    const stored = await transaction.installation.find();
    if (stored !== undefined) {
      return { installation: stored, created: false };
    }
    const fresh: Installation = { id, serialPrefix, generation: 0n };
    await transaction.installation.insert(fresh);
    await recordDone(dependencies, transaction, systemPrincipal, {
      act: 'installation.create',
      object: id,
      details: { serialPrefix },
    });
    return { installation: fresh, created: true };
  });
  // A folder that is empty beside a database with issuers is a loss, and stays one (see `disagreement`).
  if (
    created ||
    (installation.generation === 0n && (await installationFile.read()) === undefined)
  ) {
    await installationFile.write(installation);
  }
  return installation;
}
