import { challengeAnswer, shownChallenges } from './authorization-object.ts';
import { namedAuthorization, ownAuthorization, settledAuthorization } from './authorizations.ts';
import { type AccountContext, type Handler, noSuch } from './context.ts';
import type { AuthorizationRecord, ChallengeType } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import { failedValidationLimits, rateLimitedProblem } from './rate-limits.ts';
import { authorizationStatusAt } from './states.ts';

/**
 * A challenge: read by POST-as-GET, answered by an object (RFC 8555 §7.5.1). What the object holds is
 * of no account: clients of older drafts repeat the key authorization in it, and it decides nothing.
 */
export const answerChallenge: Handler = async (context) => {
  const record = namedAuthorization(context);
  const type = record.offered.find((one) => one === context.parameters['type']);
  if (type === undefined) throw noSuch('challenge');
  if (context.payload === undefined)
    return challengeAnswer(context, await settledAuthorization(context), type);
  if (record.attempted !== undefined && !shownChallenges(record).includes(type)) {
    throw anotherAnswered(record.attempted);
  }
  if (record.challengeStatus === 'processing') {
    // The client says that it is ready now: no need to wait for the next attempt (RFC 8555 §8.2).
    context.work.hurry(record.authorizationId);
    return challengeAnswer(context, record, type);
  }
  // Valid or not, it is decided, and the client learns how: it may not have had the answer.
  if (record.challengeStatus !== 'pending') return challengeAnswer(context, record, type);
  requirePending(context, record);
  return challengeAnswer(context, await begin(context, record, type), type);
};

function requirePending({ now }: AccountContext, record: AuthorizationRecord): void {
  const status = authorizationStatusAt(record, now);
  if (status !== 'pending') {
    throw new AcmeProblem('malformed', {
      detail: `the authorization is ${status}, so its challenges can't be answered any more; order again`,
    });
  }
}

async function begin(
  context: AccountContext,
  record: AuthorizationRecord,
  type: ChallengeType,
): Promise<AuthorizationRecord> {
  const { deps, work, access, now } = context;
  work.requireRoom(access.account.accountId);
  await requireFewFailures(context, record);
  const claimedUntil = new Date(now.getTime() + deps.settings.claimSeconds * 1000);
  const begun = await deps.unitOfWork.readOne(async ({ acme }) =>
    acme.beginValidation(deps.tenant, record.authorizationId, type, now, claimedUntil),
  );
  if (!begun) {
    // Another request was first: what it began is shown, unless it chose another challenge.
    const current = await ownAuthorization(context);
    if (current.attempted !== type) throw anotherAnswered(current.attempted);
    return current;
  }
  deps.failpoint('acme.2-after-challenge');
  const processing: AuthorizationRecord = {
    ...record,
    attempted: type,
    challengeStatus: 'processing',
  };
  work.validate(processing, access.account.thumbprint);
  return processing;
}

/** Counted where a validation fails; here it is only looked at. */
async function requireFewFailures(
  { deps, policy, now }: AccountContext,
  { accountId, identifier }: AuthorizationRecord,
): Promise<void> {
  const limits = failedValidationLimits(policy, accountId, identifier);
  if (limits.length === 0) return;
  const limited = await deps.unitOfWork.readOne(async ({ acme }) =>
    acme.peekRateLimits(deps.tenant, limits, now),
  );
  if (limited !== undefined) throw rateLimitedProblem(limited, now);
}

function anotherAnswered(attempted: ChallengeType | undefined): AcmeProblem {
  return new AcmeProblem('malformed', {
    detail: `the challenge ${attempted ?? ''} of this authorization was answered already, so no other can be (RFC 8555 §7.1.6); deactivate the authorization and order again to use another`,
  });
}
