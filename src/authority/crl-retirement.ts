import type { AuthorityDependencies } from './dependencies.ts';
import type { CrlShardState } from './ports.ts';

/**
 * An issuance that saw the shard open may commit shortly after its retirement: no statement takes
 * longer than this. Until then nobody says which certificate of the shard is the last.
 */
const settledAfterMilliseconds = 10 * 60_000;

/** Settles, once, until when a retired shard's certificates are valid: after that its CRLs end. */
export async function settleRetired(
  { unitOfWork, tenant }: Pick<AuthorityDependencies, 'unitOfWork' | 'tenant'>,
  { issuerId, shard, retiredAt, lastNotAfter }: CrlShardState,
  now: Date,
): Promise<void> {
  if (
    retiredAt === undefined ||
    lastNotAfter !== undefined ||
    now.getTime() < retiredAt.getTime() + settledAfterMilliseconds
  ) {
    return;
  }
  await unitOfWork.run(async ({ crls }) => {
    const last = await crls.latestNotAfter(tenant, issuerId, shard);
    await crls.settleRetirement(tenant, issuerId, shard, last ?? retiredAt);
  });
}
