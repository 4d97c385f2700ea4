import { actsOnlyOnOwn } from '../access/index.ts';
import { ChanceryError, isChanceryError, type Principal } from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import type { BulkSearch } from './bulk-jobs.ts';
import type { AuthorityContext } from './context.ts';
import { anyIssuerId } from './import-issuers.ts';
import type { CertificateRecord } from './ports.ts';

/** Each holds a connection and a snapshot for as long as its reader takes. */
const mostExports = 2;

/** The inventory as a stream. */
export function exportUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, clock, tenant } = dependencies;
  let underWay = 0;

  return {
    /**
     * Hands everything that a search finds to `write`, chunk by chunk and in one snapshot; the next
     * chunk is read while one is written. The octets of certificates are left out, their hash is there.
     * Recorded before the first row leaves. Answers how many there were.
     *
     * @throws ChanceryError overloaded; databaseUnavailable also in the middle: what was written is then
     *   not the whole
     */
    async exportCertificates(
      principal: Principal,
      search: BulkSearch,
      write: (records: readonly CertificateRecord[]) => Promise<void>,
    ): Promise<number> {
      const described = {
        act: 'certificate.export',
        object: 'certificates',
        details: { ...search },
      };
      return act(dependencies, principal, 'certificates:read', described, async () => {
        const { issuer, ...filters } = search;
        const issuerId =
          issuer &&
          (await unitOfWork.read(async (transaction) =>
            anyIssuerId(context, transaction, principal, issuer),
          ));
        if (underWay >= mostExports) {
          throw new ChanceryError('overloaded', {
            message: `${mostExports} exports are under way, which is the limit; ask again when one is done`,
            retryAfter: 10,
          });
        }
        underWay += 1;
        try {
          await unitOfWork.run(async (transaction) =>
            recordDone(dependencies, transaction, principal, described),
          );
          // A stranger's certificates under its own name would look like its own.
          if (actsOnlyOnOwn(principal) && ![undefined, principal.name].includes(filters.owner)) {
            return 0;
          }
          const own = actsOnlyOnOwn(principal) ? { owner: principal.name } : {};
          return await unitOfWork.read(async ({ bulk }) => {
            let count = 0;
            try {
              const query = { ...filters, ...own, issuerId, tenant, now: clock.now() };
              for await (const records of bulk.export(query)) {
                await write(records);
                count += records.length;
              }
            } catch (error) {
              // Nothing may be sent twice: what has begun is not tried again by the storage.
              throw count === 0 || isChanceryError(error) ? error : brokenOff(count, error);
            }
            return count;
          });
        } finally {
          underWay -= 1;
        }
      });
    },
  };
}

function brokenOff(count: number, cause: unknown): ChanceryError {
  return new ChanceryError('databaseUnavailable', {
    message: `the export broke off after ${count} certificates`,
    cause,
  });
}
