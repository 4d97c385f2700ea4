import { ChanceryError } from '../domain/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';

/**
 * Whether this process's clock can be believed. A wrong clock dates certificates and CRLs wrongly,
 * ends holds early and, worst, leaves a thisUpdate in the future that no later CRL may go behind.
 *
 * Two witnesses: the database's clock, and the newest published thisUpdate. Deliberately not seen:
 * a database on the same machine whose clock jumped forward together with ours; time synchronisation
 * is the operator's.
 */
export interface ClockCheck {
  /** Asks the witnesses when the last comparison is old or the clock jumped since. @throws ChanceryError issuanceHalted */
  require(): Promise<void>;
  /** Asks the witnesses now; what is wrong, or undefined. */
  compare(): Promise<string | undefined>;
  /** What the last comparison found. */
  problem(): string | undefined;
}

/** The clocks of two machines that are synchronised differ by far less; certificates live for hours at least. */
const toleranceMilliseconds = 5 * 60_000;
/** A comparison is believed for this long, as long as the clock does not go back. */
const believedMilliseconds = 30_000;

export function clockCheck(
  dependencies: Pick<AuthorityDependencies, 'unitOfWork' | 'clock' | 'tenant' | 'log'>,
): ClockCheck {
  const { unitOfWork, clock, tenant, log } = dependencies;
  let comparedAt: Date | undefined;
  let found: string | undefined;

  const compare = async (): Promise<string | undefined> => {
    const { database, thisUpdate } = await unitOfWork.read(async (transaction) => {
      let newest = new Date(0);
      for (const { complete, delta } of await transaction.crls.shardStates(tenant)) {
        for (const last of [complete, delta]) {
          if (last !== undefined && last.thisUpdate > newest) {
            newest = last.thisUpdate;
          }
        }
      }
      return { database: await transaction.installation.databaseTime(), thisUpdate: newest };
    });
    const now = clock.now();
    const before = found;
    found = disagreement(now, database, thisUpdate);
    comparedAt = now;
    if (found !== undefined && before === undefined) {
      log('alarm', 'the clock is wrong; nothing is issued until it is right', { reason: found });
    } else if (found === undefined && before !== undefined) {
      log('warn', 'the clock is right again');
    }
    return found;
  };

  return {
    compare,
    problem: () => found,
    async require() {
      const since = comparedAt === undefined ? -1 : clock.now().getTime() - comparedAt.getTime();
      if (found !== undefined || since < 0 || since > believedMilliseconds) {
        await compare();
      }
      if (found !== undefined) {
        throw new ChanceryError('issuanceHalted', {
          message: `nothing is signed: ${found}; set the clock right, service goes on by itself`,
          retryAfter: 60,
        });
      }
    },
  };
}

function disagreement(now: Date, database: Date, thisUpdate: Date): string | undefined {
  if (Math.abs(now.getTime() - database.getTime()) > toleranceMilliseconds) {
    return `the clock reads ${now.toISOString()}, the database's ${database.toISOString()}`;
  }
  if (now.getTime() + toleranceMilliseconds < thisUpdate.getTime()) {
    return `the clock reads ${now.toISOString()}, before the newest CRL's thisUpdate ${thisUpdate.toISOString()}`;
  }
  return undefined;
}
