import { initialStatus, nextStatus, systemPrincipal } from '../domain/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { abandonment, certificateReference } from './issuance-core.ts';
import type { CertificateRecord } from './ports.ts';

/**
 * Settles `prepared` rows that nobody completes any more (crash, unknown outcome): each becomes
 * `abandoned`, counts as possibly existing, is revoked on the CRL and in OCSP, and is never signed
 * again (invariant 2). Any node may do it: the row's state guards against the issuing node.
 *
 * @returns how many were settled
 */
export async function settlePrepared(context: AuthorityContext): Promise<number> {
  const { dependencies } = context;
  const { unitOfWork, clock, tenant, settings, log } = dependencies;
  const before = new Date(clock.now().getTime() - settings.settleAfterSeconds * 1000);
  const rows = await unitOfWork.read(async (transaction) =>
    transaction.inventory.listPrepared(tenant, before, 200),
  );
  let settled = 0;
  for (const row of rows) {
    try {
      settled += (await settle(context, row)) ? 1 : 0;
    } catch (error) {
      // One that can't be settled must not keep the others unsettled.
      log('warn', 'an unfinished issuance could not be settled; tried again', {
        certificate: certificateReference(row),
        cause: String(error),
      });
    }
  }
  if (settled > 0) {
    log('warn', 'unfinished issuances were settled as abandoned', { count: settled });
  }
  return settled;
}

/** @returns false when its node completed it meanwhile */
async function settle(
  { dependencies, crls }: AuthorityContext,
  { issuerId, serialNumber, shard }: CertificateRecord,
): Promise<boolean> {
  const { unitOfWork, clock, tenant } = dependencies;
  const change = abandonment(
    systemPrincipal.name,
    clock.now(),
    'abandoned: the outcome of its signature is unknown',
  );
  const done = await unitOfWork.run(async (transaction) => {
    const { inventory } = transaction;
    const state = nextStatus(initialStatus, change);
    const marked = await inventory.markAbandoned(tenant, issuerId, serialNumber, state, change);
    if (marked) {
      await recordDone(dependencies, transaction, systemPrincipal, {
        act: 'certificate.abandon',
        object: certificateReference({ issuerId, serialNumber }),
        details: { reason: 'prepared and never completed' },
      });
    }
    return marked;
  });
  if (done) {
    crls.request(issuerId, shard);
  }
  return done;
}
