import type { ChanceryError, IssuerId } from '../domain/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { refusalOf } from './key-standing.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';

/** Which issuers sign no CRLs now, because of the state of their key (SP 800-57 Part 1 §7.3). */
interface CrlRefusals {
  /** Looks at all keys; says once of each issuer that it rests, and once that it is back. */
  look(issuers: readonly LoadedIssuer[]): Promise<void>;
  /** Looks at one. */
  of(issuer: LoadedIssuer): Promise<ChanceryError | undefined>;
  /** As it was at the last look. */
  rests(issuer: LoadedIssuer): boolean;
}

export function crlRefusals({
  unitOfWork,
  tenant,
  clock,
  log,
}: Pick<AuthorityDependencies, 'unitOfWork' | 'tenant' | 'clock' | 'log'>): CrlRefusals {
  const resting = new Set<IssuerId>();

  const look = async (issuers: readonly LoadedIssuer[]): Promise<ChanceryError | undefined> => {
    const standings = await unitOfWork.readOne(async ({ keys }) => keys.standings(tenant));
    const byKey = new Map(standings.map((standing) => [standing.keyId, standing]));
    let last: ChanceryError | undefined;
    for (const { record, signing } of issuers) {
      const standing = byKey.get(signing.keyId);
      last = standing && refusalOf(record.name, standing, 'crl', clock.now());
      if (last === undefined) {
        if (resting.delete(record.issuerId)) {
          log('info', 'CRLs are signed again', { issuer: record.name });
        }
      } else if (!resting.has(record.issuerId)) {
        resting.add(record.issuerId);
        log('warn', 'no CRLs are signed; those that are out go on until they expire', {
          issuer: record.name,
          cause: last.message,
        });
      }
    }
    return last;
  };

  return {
    async look(issuers) {
      await look(issuers);
    },
    of: async (issuer) => look([issuer]),
    rests: ({ record }) => resting.has(record.issuerId),
  };
}
