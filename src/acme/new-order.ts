import type { AccountContext, Handler, HandlerAnswer } from './context.ts';
import { makeAuthorization, randomText, requireAdmitted } from './identifier-admission.ts';
import { baseOf, parseIdentifiers } from './identifiers.ts';
import { quotaUsedUp } from './order-issuance.ts';
import { orderAnswer } from './order-object.ts';
import { checkTerms, type OrderTerms, readOrderTerms } from './order-terms.ts';
import type { AcmeTransaction, AuthorizationRecord, Identifier, OrderRecord } from './ports.ts';
import { newOrderLimits, rateLimitedProblem } from './rate-limits.ts';
import { alreadyReplaced, readReplaces } from './replacement.ts';

/**
 * newOrder (RFC 8555 §7.4). Whatever can be refused before there is a key is refused here, and
 * limits, authorizations and order are one transaction: an order that was refused used up nothing.
 */
export const newOrder: Handler = async (context): Promise<HandlerAnswer> => {
  const { deps, policy, access, payload, now } = context;
  const identifiers = parseIdentifiers(payload?.['identifiers'], policy.maximumIdentifiers);
  const terms = readOrderTerms(context);
  requireAdmitted(context, identifiers);
  requireQuota(context);
  const [grantableUntil, replaces] = await Promise.all([
    checkTerms(context, identifiers, terms),
    readReplaces(context, identifiers),
  ]);
  const latest = new Date(
    Math.min(
      now.getTime() + policy.orderLifetimeSeconds * 1000,
      // Later the terms could not be kept to: the order ends before that.
      grantableUntil?.getTime() ?? Infinity,
    ),
  );
  const order = await deps.unitOfWork.run(async (transaction) => {
    const [limited, known] = await Promise.all([
      transaction.acme.takeRateLimits(
        deps.tenant,
        newOrderLimits(policy, access, identifiers),
        now,
      ),
      reusableAuthorizations(context, transaction, identifiers),
    ]);
    if (limited !== undefined) throw rateLimitedProblem(limited, now);
    const made = makeOrder(context, { identifiers, terms, replaces, latest }, known);
    if (!(await transaction.acme.insertOrder(made.order, made.created))) throw alreadyReplaced();
    return made.order;
  });
  deps.failpoint('acme.1-after-order');
  return orderAnswer(context, order, 201);
};

/** What is used up is said at once, not at finalize; it counts there. */
function requireQuota({ access: { credential } }: AccountContext): void {
  if (credential?.quota !== undefined && credential.issued >= credential.quota) {
    throw quotaUsedUp(credential.kid);
  }
}

/** Those that last for a while yet: an order lives no longer than what authorises it. */
async function reusableAuthorizations(
  { deps, policy, access, now }: AccountContext,
  { acme }: AcmeTransaction,
  identifiers: readonly Identifier[],
): Promise<readonly AuthorizationRecord[]> {
  const remaining = Math.min(longEnoughSeconds, policy.authorizationLifetimeSeconds / 2);
  return acme.findValidAuthorizations(
    deps.tenant,
    policy.name,
    access.account.accountId,
    identifiers.map(baseOf),
    new Date(now.getTime() + remaining * 1000),
  );
}

const longEnoughSeconds = 3600;

function makeOrder(
  context: AccountContext,
  asked: {
    readonly identifiers: readonly Identifier[];
    readonly terms: OrderTerms;
    readonly replaces: string | undefined;
    readonly latest: Date;
  },
  known: readonly AuthorizationRecord[],
): { readonly order: OrderRecord; readonly created: readonly AuthorizationRecord[] } {
  const { deps, policy, access, now } = context;
  const created: AuthorizationRecord[] = [];
  const authorizations = asked.identifiers.map((wanted) => {
    const { identifier, wildcard } = baseOf(wanted);
    const found = known.find(
      (one) =>
        one.wildcard === wildcard &&
        one.identifier.type === identifier.type &&
        one.identifier.value === identifier.value,
    );
    if (found !== undefined) return found;
    const made = makeAuthorization(context, wanted, asked.latest);
    created.push(made);
    return made;
  });
  const ready = authorizations.every(({ status }) => status === 'valid');
  const ends = authorizations
    .filter(({ status }) => status === 'valid')
    .map(({ expiresAt }) => expiresAt.getTime());
  return {
    created,
    order: {
      tenant: deps.tenant,
      directory: policy.name,
      orderId: randomText(deps, 16),
      accountId: access.account.accountId,
      status: ready ? 'ready' : 'pending',
      identifiers: asked.identifiers,
      authorizations: authorizations.map(({ authorizationId }) => authorizationId),
      profile: asked.terms.profile,
      notBefore: asked.terms.notBefore,
      notAfter: asked.terms.notAfter,
      replaces: asked.replaces,
      createdAt: now,
      expiresAt: new Date(Math.min(asked.latest.getTime(), ...ends)),
      attempts: 0,
    },
  };
}
