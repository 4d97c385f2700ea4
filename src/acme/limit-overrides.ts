import { act, recordDone } from '../authority/index.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import type { AcmeDependencies } from './dependencies.ts';
import type { RateLimitOverride } from './ports.ts';
import { rateLimitNames } from './rate-limits.ts';

/** Another rate for one key of one limit, for a while. */
export interface PutLimitOverrideRequest {
  readonly limit: string;
  /** What the limit counts by, as the rateLimited problem names it. */
  readonly key: string;
  readonly burst: number;
  /** Over this many seconds the burst is given back. */
  readonly seconds: number;
  /** Until when it counts. */
  readonly notAfter: Date;
  readonly comment?: string | undefined;
}

const longestDays = 366;
const largestBurst = 1_000_000;
const longestSeconds = 366 * 86_400;

/** Exceptions from rate limits: each has an end, and the one who made it. */
export function limitOverrideUseCases(deps: AcmeDependencies) {
  const { unitOfWork, clock, tenant } = deps;
  return {
    /** Replaces the override that the key has already. */
    async putLimitOverride(
      principal: Principal,
      request: PutLimitOverrideRequest,
    ): Promise<RateLimitOverride> {
      const described = {
        act: 'acmeLimit.override',
        object: `${request.limit}/${request.key}`,
        details: { ...request },
      };
      return act(deps, principal, 'acme:manage', described, async () => {
        const now = clock.now();
        refuseUnfit(request, now);
        const override: RateLimitOverride = {
          tenant,
          limit: request.limit,
          key: request.key,
          intervalMilliseconds: Math.max(1, Math.round((request.seconds * 1000) / request.burst)),
          burst: request.burst,
          notAfter: request.notAfter,
          comment: request.comment,
          createdAt: now,
          createdBy: principal.name,
        };
        await unitOfWork.run(async (transaction) => {
          await transaction.acme.putRateLimitOverride(override);
          await recordDone(deps, transaction, principal, described);
        });
        return override;
      });
    },

    /** Those that count still. */
    async listLimitOverrides(principal: Principal): Promise<readonly RateLimitOverride[]> {
      const described = { act: 'acmeLimit.list', object: 'overrides' };
      return act(deps, principal, 'acme:read', described, async () =>
        unitOfWork.readOne(async ({ acme }) => acme.listRateLimitOverrides(tenant, clock.now())),
      );
    },

    async removeLimitOverride(principal: Principal, limit: string, key: string): Promise<void> {
      const described = { act: 'acmeLimit.removeOverride', object: `${limit}/${key}` };
      await act(deps, principal, 'acme:manage', described, async () =>
        unitOfWork.run(async (transaction) => {
          if (!(await transaction.acme.removeRateLimitOverride(tenant, limit, key))) {
            throw new ChanceryError('notFound', {
              message: `the limit ${limit.slice(0, 100)} has no override for ${JSON.stringify(key.slice(0, 300))}`,
              field: 'key',
            });
          }
          await recordDone(deps, transaction, principal, described);
        }),
      );
    },
  };
}

function refuseUnfit(
  { limit, key, burst, seconds, notAfter }: PutLimitOverrideRequest,
  now: Date,
): void {
  if (!Object.hasOwn(rateLimitNames, limit)) {
    throw new ChanceryError('invalidArgument', {
      message: `there is no limit ${JSON.stringify(limit.slice(0, 100))}; there are ${Object.keys(rateLimitNames).join(', ')}`,
      field: 'limit',
    });
  }
  if (key === '' || key.length > 400) {
    throw new ChanceryError('invalidArgument', {
      message: 'the key has 1 to 400 characters; take it from the rateLimited problem',
      field: 'key',
    });
  }
  const ranges = [
    ['burst', burst, largestBurst],
    ['seconds', seconds, longestSeconds],
  ] as const;
  for (const [field, value, most] of ranges) {
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw new ChanceryError('invalidArgument', {
        message: `${field} is a whole number of 1 to ${most}, not ${value}`,
        field,
      });
    }
  }
  const ahead = notAfter.getTime() - now.getTime();
  if (!(ahead > 0 && ahead <= longestDays * 86_400_000)) {
    throw new ChanceryError('invalidArgument', {
      message: `an override ends in the future, after ${longestDays} days at most; what is meant for good belongs into the configuration`,
      field: 'notAfter',
    });
  }
}
