import { recordDone } from '../authority/index.ts';
import { accountPrincipal } from './account-principal.ts';
import { authorizationAnswer } from './authorization-object.ts';
import { type AccountContext, type Handler, noSuch } from './context.ts';
import { makeAuthorization, requireAdmitted } from './identifier-admission.ts';
import { parseIdentifiers } from './identifiers.ts';
import { checkTerms, readOrderTerms } from './order-terms.ts';
import type { AuthorizationRecord, Identifier } from './ports.ts';
import { AcmeProblem, problemDocument } from './problem.ts';
import { newOrderLimits, rateLimitedProblem } from './rate-limits.ts';
import { authorizationStatusAt, authorizationTransitions, nextOf } from './states.ts';

/** How long a look at an authorization waits for an attempt that is under way in this process. */
const patienceMilliseconds = 500;

/** Pre-authorization (RFC 8555 §7.4.1): an authorization that no order asked for, never of a wildcard. */
export const newAuthorization: Handler = async (context) => {
  const { deps, policy, access, payload, now } = context;
  const [identifier] = parseIdentifiers([payload?.['identifier']], 1);
  if (identifier === undefined || identifier.value.startsWith('*.')) {
    throw new AcmeProblem('malformed', {
      detail:
        'a wildcard is authorised by an order only (RFC 8555 §7.4.1); ask for it with new-order',
    });
  }
  await requireWilling(context, identifier);
  const record = makeAuthorization(
    context,
    identifier,
    new Date(now.getTime() + policy.orderLifetimeSeconds * 1000),
  );
  await deps.unitOfWork.run(async ({ acme }) => {
    // It counts like an order of no name yet: the name counts when a certificate is ordered.
    const limited = await acme.takeRateLimits(deps.tenant, newOrderLimits(policy, access, []), now);
    if (limited !== undefined) throw rateLimitedProblem(limited, now);
    await acme.insertAuthorization(record);
  });
  return authorizationAnswer(context, record, 201);
};

/** An identifier that the CA would not certify is 403 here, other than in an order (RFC 8555 §7.4.1). */
async function requireWilling(context: AccountContext, identifier: Identifier): Promise<void> {
  try {
    requireAdmitted(context, [identifier]);
    await checkTerms(context, [identifier], readOrderTerms({ ...context, payload: {} }));
  } catch (error) {
    if (!(error instanceof AcmeProblem) || error.type !== 'rejectedIdentifier') throw error;
    const { detail, subproblems } = error.document;
    throw new AcmeProblem(error.type, { status: 403, detail, subproblems, cause: error });
  }
}

/** An authorization by POST-as-GET (RFC 8555 §7.5), or its deactivation (§7.5.2). */
export const showAuthorization: Handler = async (context) => {
  const { payload } = context;
  if (payload === undefined) {
    return authorizationAnswer(context, await settledAuthorization(context), 200);
  }
  const record = namedAuthorization(context);
  if (payload['status'] !== 'deactivated') {
    throw new AcmeProblem('malformed', {
      detail:
        'an authorization is changed only by {"status": "deactivated"} (RFC 8555 §7.5.2); read it with an empty payload',
    });
  }
  return authorizationAnswer(context, await deactivate(context, record), 200);
};

/** The authorization that the path names, as it was when the request was let in. @throws AcmeProblem for another account's */
export function namedAuthorization({ named, access }: AccountContext): AuthorizationRecord {
  if (named.authorization?.accountId !== access.account.accountId) throw noSuch('authorization');
  return named.authorization;
}

/**
 * The same, but after the attempt under way in this process, for which it waits a little: the client
 * would only ask again, some of them seconds later, and an attempt takes milliseconds when all is well.
 */
export async function settledAuthorization(context: AccountContext): Promise<AuthorizationRecord> {
  const record = namedAuthorization(context);
  if (record.challengeStatus !== 'processing') return record;
  await context.work.attemptOf(record.authorizationId, patienceMilliseconds);
  return ownAuthorization(context);
}

/** The authorization that the path names as it is now, of this account in this directory (RFC 8555 §10.5). */
export async function ownAuthorization({
  deps,
  policy,
  access,
  parameters,
}: AccountContext): Promise<AuthorizationRecord> {
  const record = await deps.unitOfWork.readOne(async ({ acme }) =>
    acme.findAuthorization(deps.tenant, policy.name, parameters['authorizationId'] ?? ''),
  );
  if (record?.accountId !== access.account.accountId) throw noSuch('authorization');
  return record;
}

async function deactivate(
  { deps, access, now }: AccountContext,
  record: AuthorizationRecord,
): Promise<AuthorizationRecord> {
  const { authorizationId, identifier, wildcard } = record;
  const status = authorizationStatusAt(record, now);
  if (status === 'deactivated') return record;
  // The row of one that expired says still what it was before.
  if (nextOf(authorizationTransitions, status, 'deactivate') === undefined) throw ended(status);
  const name = `${wildcard ? '*.' : ''}${identifier.value}`;
  const changed = await deps.unitOfWork.run(async (transaction) => {
    const done = await transaction.acme.deactivateAuthorization(
      deps.tenant,
      authorizationId,
      problemDocument('unauthorized', `the authorization of ${name} was deactivated`, {
        status: 403,
      }),
    );
    if (done) {
      await recordDone(deps, transaction, accountPrincipal(deps, access.account), {
        act: 'acmeAuthorization.deactivate',
        object: authorizationId,
        details: { identifier: name },
      });
    }
    return done;
  });
  if (!changed) throw ended('settled meanwhile');
  return { ...record, status: 'deactivated' };
}

function ended(status: string): AcmeProblem {
  return new AcmeProblem('malformed', {
    detail: `the authorization is ${status}; only a pending or a valid one can be deactivated (RFC 8555 §7.1.6)`,
  });
}
