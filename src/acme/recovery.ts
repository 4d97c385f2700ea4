import type { AcmeDependencies } from './dependencies.ts';
import { issueOrder, OrderMoved } from './order-issuance.ts';
import type { AccountAccess, OrderRecord, ProblemDocument } from './ports.ts';
import { problemDocument, toAcmeProblem } from './problem.ts';
import { authorizationStatusAt } from './states.ts';

/** Issuances of one order; each has a serial number of its own, and leaves one revoked when it fails. */
const attemptsAtMost = 3;
const resumedAtOnce = 50;

/** Goes on with orders whose issuance broke off after its intent. */
export interface Recovery {
  resume(): Promise<void>;
  /** Begins no further one. */
  stop(): void;
}

/**
 * The certificate of an interrupted order was settled as abandoned, and the order gets another with
 * a new serial number, since nothing is signed twice. Any node may do it: the order's attempts guard
 * against another.
 */
export function createRecovery(deps: AcmeDependencies): Recovery {
  const { unitOfWork, tenant, clock, log, settings } = deps;
  /** Orders that were refused before they began an attempt, so that the database knows of no pause. */
  const postponed = new Map<string, number>();
  let stopped = false;
  return {
    async resume() {
      const now = clock.now();
      const before = new Date(now.getTime() - settings.settleAfterSeconds * 1000);
      const orders = await unitOfWork.readOne(async ({ acme }) =>
        acme.listInterruptedOrders(tenant, before, resumedAtOnce),
      );
      const listed = new Set(orders.map(({ orderId }) => orderId));
      for (const orderId of postponed.keys()) if (!listed.has(orderId)) postponed.delete(orderId);
      for (const order of orders) {
        if (stopped) return;
        const { orderId } = order;
        if (!isDue(deps, order, now) || (postponed.get(orderId) ?? 0) > now.getTime()) continue;
        try {
          await resumeOrder(deps, order);
        } catch (error) {
          postponed.set(orderId, now.getTime() + settings.settleAfterSeconds * 1000);
          log('warn', 'an interrupted order could not be issued; it is tried again', {
            order: orderId,
            cause: String(error),
          });
          // What is away for one is away for all, and each would wait for it: the others' turn is the next.
          return;
        }
      }
    },
    stop() {
      stopped = true;
    },
  };
}

/** Each pause is twice the one before: a token that is away for a minute does not use up all attempts. */
function isDue(
  { settings }: AcmeDependencies,
  { processingSince, attempts }: OrderRecord,
  now: Date,
): boolean {
  const times = attempts >= attemptsAtMost ? 1 : 2 ** (attempts - 1);
  const pause = settings.settleAfterSeconds * times;
  return (processingSince?.getTime() ?? 0) + pause * 1000 <= now.getTime();
}

async function resumeOrder(deps: AcmeDependencies, order: OrderRecord): Promise<void> {
  const { unitOfWork, tenant, clock, log } = deps;
  const { csr, directory, accountId, orderId, attempts, expiresAt } = order;
  const fail = async (problem: ProblemDocument): Promise<void> => {
    await unitOfWork.run(async ({ acme }) => acme.failOrder(tenant, orderId, problem));
    log('warn', 'an interrupted order was given up', { order: orderId, why: problem.detail });
  };
  const access = await unitOfWork.readOne(async ({ acme }) =>
    acme.findAccount(tenant, directory, { accountId }),
  );
  if (csr === undefined || access === undefined || !deps.directories.has(directory)) {
    return fail(ended('the directory or the account is gone'));
  }
  // What stands in the way of every attempt must not keep the order for ever.
  if (expiresAt <= clock.now()) return fail(ended('it expired before it could be issued'));
  if (mayNotAct(access)) return fail(ended('the account may not act any more'));
  if (attempts >= attemptsAtMost) {
    return fail(
      problemDocument(
        'serverInternal',
        `the certificate could not be issued in ${attempts} attempts; order again`,
        { status: 500 },
      ),
    );
  }
  try {
    await issueOrder(deps, access, order, csr);
    log('info', 'an interrupted order was issued', { order: orderId, attempt: attempts + 1 });
  } catch (error) {
    // Another node was first, or an authorization is not valid any more: the next round tells.
    if (error instanceof OrderMoved) {
      if (await restsOnLess(deps, order))
        await fail(ended('an authorization is not valid any more'));
      return;
    }
    // What is wrong with the request itself stays wrong.
    const problem = toAcmeProblem(error);
    if (problem.status >= 500) throw error;
    await fail(problem.document);
  }
}

function ended(why: string): ProblemDocument {
  return problemDocument('unauthorized', `the order was interrupted, and ${why}; order again`, {
    status: 403,
  });
}

function mayNotAct({ account, credential, ownerDisabled }: AccountAccess): boolean {
  return account.status !== 'valid' || credential?.revokedAt !== undefined || ownerDisabled;
}

async function restsOnLess(
  { unitOfWork, tenant, clock }: AcmeDependencies,
  { authorizations }: OrderRecord,
): Promise<boolean> {
  const found = await unitOfWork.readOne(async ({ acme }) =>
    acme.listAuthorizations(tenant, authorizations),
  );
  return found.some((one) => authorizationStatusAt(one, clock.now()) !== 'valid');
}
