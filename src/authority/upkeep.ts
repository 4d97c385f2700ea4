import { isChanceryError } from '../domain/index.ts';
import type { AuthorityContext } from './context.ts';
import { purgeBySchedule } from './purge.ts';

const hour = 3_600_000;
const minute = 60_000;
/** Kept for 24 h (docs/rest.md); the rest is for a clock that differs. */
const idempotencyKeysLast = 48 * hour;
const pruneLimit = 10_000;

/**
 * What the inventory needs beside acts, by one node at a time (the caller holds the schedule's lease):
 * partitions ahead of the clock, the end of changes and keys that nobody asks for any more, and the
 * purge where it is configured. Due once an hour; at once again while something is left.
 */
export function inventoryUpkeep(context: AuthorityContext): { turn(): Promise<void> } {
  const { unitOfWork, clock, settings, log } = context.dependencies;
  let due = 0;

  const keepPartitions = async (): Promise<void> => {
    const { made, moved } = await unitOfWork.run(async ({ maintenance }) =>
      maintenance.keepPartitions(clock.now()),
    );
    if (moved > 0n) {
      log('alarm', 'certificates had come for a month without a partition; they have one now', {
        moved,
        made,
      });
    } else if (made > 0) {
      log('info', 'partitions of the inventory were made ahead', { made });
    }
  };

  const prune = async (): Promise<boolean> => {
    const now = clock.now().getTime();
    const changesBefore = new Date(now - settings.inventory.keepChangesSeconds * 1000);
    const forgotten = await unitOfWork.run(async ({ maintenance }) => [
      await maintenance.pruneChanges(changesBefore, pruneLimit),
      await maintenance.pruneIdempotencyKeys(new Date(now - idempotencyKeysLast), pruneLimit),
    ]);
    return forgotten.some((count) => count >= pruneLimit);
  };

  return {
    async turn() {
      const now = clock.now().getTime();
      // A clock that was set back must not put it off for long.
      if (now < due && due - now <= hour) {
        return;
      }
      due = now + minute;
      await keepPartitions();
      let more = await prune();
      if (settings.inventory.purge === 'schedule') {
        try {
          more = (await purgeBySchedule(context)) || more;
        } catch (error) {
          log('warn', 'the purge did not finish; tried again within the hour', {
            cause: isChanceryError(error) ? error.message : String(error),
          });
        }
      }
      due = more ? now : now + hour;
    },
  };
}
