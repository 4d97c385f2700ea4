import { accountUseCases } from './account-administration.ts';
import type { AcmeAnswer, AcmeRequest } from './context.ts';
import { credentialUseCases } from './credentials.ts';
import type { AcmeDependencies } from './dependencies.ts';
import { createFrame } from './frame.ts';
import { incidentUseCases } from './incidents.ts';
import { limitOverrideUseCases } from './limit-overrides.ts';
import { createOrderWork } from './order-work.ts';

/** Seconds between two deletions of what nobody asks for any more. */
const pruneSeconds = 60;

/** The ACME server: the protocol of every directory, and what operators do about it. */
export type Acme = ReturnType<typeof createAcme>;

/** Composes protocol and use cases over their dependencies. Pure wiring: nothing is read or started yet. */
export function createAcme(deps: AcmeDependencies) {
  refuseUnfit(deps);
  const work = createOrderWork(deps);
  const frame = createFrame(deps, work);
  let pruned = new Date(0);
  return {
    /** Octets in, status, headers and body out. Never throws: what goes wrong is a problem (RFC 8555 §6.7). */
    answer: async (request: AcmeRequest): Promise<AcmeAnswer> => frame(request),

    directoryNames: (): readonly string[] => [...deps.directories.keys()],

    /** On a schedule, on every node: takes over what a dead node left, and forgets what is spent. */
    async tick(): Promise<void> {
      await work.resume();
      const now = deps.clock.now();
      if (now.getTime() - pruned.getTime() < pruneSeconds * 1000) return;
      pruned = now;
      await deps.unitOfWork.readOne(async ({ acme, installation }) => {
        // A clock that is ahead would forget nonces that are good once more when it is right again,
        // and orders whose certificates are in use.
        const database = await installation.databaseTime();
        await acme.prune(deps.tenant, database < now ? database : now);
      });
    },

    /** Before the process ends: waits for validations and issuances under way. */
    drain: async (): Promise<void> => work.drain(),

    ...credentialUseCases(deps),
    ...accountUseCases(deps),
    ...limitOverrideUseCases(deps),
    ...incidentUseCases(deps),
  };
}

/** A composition that could never answer is refused before it listens. */
function refuseUnfit({ directories, defaultDirectory, secrets, baseUrl }: AcmeDependencies): void {
  if (!directories.has(defaultDirectory)) {
    throw new TypeError(`the default directory ${defaultDirectory} is none of the directories`);
  }
  if (secrets.length === 0) throw new TypeError('there is no ACME secret');
  if (baseUrl.endsWith('/')) throw new TypeError('the base URL ends in a slash');
}
