import { ChanceryError, isChanceryError, systemPrincipal } from '../domain/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { Installation, Transaction } from './ports.ts';
import { aheadOf, publishedLists } from './published-lists.ts';
import { drawSerialPrefix } from './serial-numbers.ts';

/** Whether this process may issue, and with which serial number prefix. */
export interface InstallationGuard {
  /** Compares database, data folder and published artefacts; the first call of a process. */
  check(): Promise<void>;
  /**
   * Compares again while the process runs: the database may be restored under it, and a halt ends
   * by itself once the restore was accepted. After issuances the generation grows, in the database
   * and then in the data folder, so that a backup from before them shows.
   */
  recheck(): Promise<void>;
  /** @throws ChanceryError issuanceHalted while nothing may be signed */
  require(): void;
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
 * and a generation that grows at each start and with what is issued; a restored database shows an
 * older one. Not seen: a restore that undoes no more than the issuances since the last `recheck`
 * (seconds); serial numbers are random all the same.
 */
export function installationGuard(dependencies: Deps): InstallationGuard {
  const { unitOfWork, installationFile, log } = dependencies;
  let current: Installation | undefined;
  let reason: string | undefined = 'the installation was not compared with the database yet';
  /** Since the last growth of the generation: nothing was issued, it grows now, or something was. */
  let growth: 'idle' | Promise<void> | 'issued' = 'idle';
  let issuedSinceRecheck = false;

  const halt = (problem: string): void => {
    if (reason !== problem) {
      log('alarm', 'issuance is halted', { reason: problem });
    }
    reason = problem;
    current = undefined;
  };

  /** The database first: after a crash between the two it is ahead, which is no restore. */
  const grow = async (): Promise<void> => {
    const next = await unitOfWork.run(async (transaction) => {
      const stored = await transaction.installation.find();
      const problem = stored === undefined ? lost : backwards(stored, current);
      if (stored === undefined || problem !== undefined) {
        return problem ?? lost;
      }
      const grown = { ...stored, generation: stored.generation + 1n };
      await transaction.installation.update(grown);
      return grown;
    });
    if (typeof next === 'string') {
      halt(next);
      return;
    }
    try {
      await installationFile.write(next);
    } catch (error) {
      // A full disk is no reason to stop serving status; the next recheck tries again.
      halt(
        `the data folder's installation.json can't be written: ${isChanceryError(error) ? error.message : String(error)}`,
      );
      return;
    }
    current = next;
    reason = undefined;
  };

  const check = async (): Promise<void> => {
    const problem = await unitOfWork.read(async (transaction) => {
      const stored = await transaction.installation.find();
      const kept = await installationFile.read();
      return stored === undefined
        ? lost
        : (disagreement(stored, kept) ?? (await publishedAhead(dependencies, transaction)));
    });
    if (problem !== undefined) {
      halt(problem);
      return;
    }
    await grow();
  };

  return {
    check,
    async recheck() {
      const known = current;
      const stored = await unitOfWork.read(async (transaction) => transaction.installation.find());
      if (
        known === undefined ||
        stored === undefined ||
        stored.serialPrefix !== known.serialPrefix
      ) {
        await check();
        return;
      }
      const problem = backwards(stored, known);
      if (problem !== undefined) {
        halt(problem);
        return;
      }
      if (issuedSinceRecheck) {
        issuedSinceRecheck = false;
        await grow();
      } else if (growth === 'issued') {
        growth = 'idle';
      }
    },
    async serialPrefix() {
      if (growth !== 'issued' && current !== undefined) {
        // The first issuance after a rest: whatever backup was taken meanwhile is older from now on.
        growth = growth === 'idle' ? grow() : growth;
        try {
          await growth;
          growth = 'issued';
        } catch (error) {
          growth = 'idle';
          throw error;
        }
      }
      if (current === undefined || reason !== undefined) {
        throw halted(reason ?? 'unknown');
      }
      issuedSinceRecheck = true;
      return current.serialPrefix;
    },
    require() {
      if (reason !== undefined) {
        throw halted(reason);
      }
    },
    halted: () => reason,
  };
}

/** What the operator does about a database and a data folder that don't belong together. */
const wayOut =
  'if a backup was restored, check it with `chancery database verify` and run `chancery database accept-restore`';
const lost = 'the database has no installation record; run `chancery init`';

/** Why the database is older than what this process has seen of it. */
function backwards(stored: Installation, known: Installation | undefined): string | undefined {
  return known !== undefined && (stored.id !== known.id || stored.generation < known.generation)
    ? `the database went back while the CA ran: it has generation ${stored.generation}, and had ${known.generation}; ${wayOut}`
    : undefined;
}

function halted(reason: string): ChanceryError {
  return new ChanceryError('issuanceHalted', {
    message: `nothing is issued: ${reason}`,
    retryAfter: 60,
  });
}

/** Why database and data folder don't belong together; undefined when they do. */
function disagreement(stored: Installation, kept: Installation | undefined): string | undefined {
  if (kept === undefined) {
    return `the data folder has no installation.json: the database is there, the folder is new or lost; a further node is let in by \`chancery node join\`; ${wayOut}`;
  }
  if (kept.id !== stored.id || kept.serialPrefix !== stored.serialPrefix) {
    return `the data folder (${kept.id}, prefix ${kept.serialPrefix}) and the database (${stored.id}, prefix ${stored.serialPrefix}) are of different installations or epochs; ${wayOut}`;
  }
  if (stored.generation < kept.generation) {
    return `the database went back: it has generation ${stored.generation}, the data folder ${kept.generation}; ${wayOut}`;
  }
  return undefined;
}

/** Why published CRLs are ahead of the database; undefined when none is. */
export async function publishedAhead(
  dependencies: Deps,
  transaction: Transaction,
): Promise<string | undefined> {
  for await (const published of publishedLists(dependencies, transaction)) {
    const problem = await aheadOf(dependencies, transaction, published);
    if (problem !== undefined) {
      return `${problem}; ${wayOut}`;
    }
  }
  return undefined;
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
