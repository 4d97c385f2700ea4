import { recordDone } from '../authority/index.ts';
import { accountPrincipal } from './account-principal.ts';
import type { AcmeDependencies } from './dependencies.ts';
import type {
  AuthorizationRecord,
  ChallengeType,
  DirectoryPolicy,
  ProblemDocument,
  ValidationOutcome,
} from './ports.ts';
import { type AcmeErrorType, acmeErrorStatuses, problemDocument } from './problem.ts';
import { failedValidationLimits } from './rate-limits.ts';

/** One attempt at a challenge that this process holds the claim of. */
interface Attempt {
  readonly authorization: AuthorizationRecord;
  readonly type: ChallengeType;
  /** With this one. */
  readonly attempts: number;
  readonly claimUntil: (from: Date) => Date;
}

/**
 * Writes down what an attempt led to (RFC 8555 §7.1.6): valid, another attempt later, or invalid.
 *
 * @returns when the next attempt is due; undefined when there is none
 */
export async function recordOutcome(
  deps: AcmeDependencies,
  attempt: Attempt,
  outcome: ValidationOutcome,
): Promise<Date | undefined> {
  for (const again of [false, true]) {
    // That it was answered is committed without waiting: a database that died may have lost it, while
    // the client was told and would look for an outcome for ever.
    if (again && !(await answerAgain(deps, attempt))) break;
    try {
      return await record(deps, attempt, outcome);
    } catch (error) {
      if (!(error instanceof SettledMeanwhile)) throw error;
    }
  }
  return undefined;
}

/** False when the challenge is answered, or can't be any more. */
async function answerAgain(
  { unitOfWork, clock, tenant }: AcmeDependencies,
  { authorization: { authorizationId }, type, claimUntil }: Attempt,
): Promise<boolean> {
  const now = clock.now();
  return unitOfWork.readOne(async ({ acme }) =>
    acme.beginValidation(tenant, authorizationId, type, now, claimUntil(now)),
  );
}

/** @throws SettledMeanwhile when the challenge is not processing any more */
async function record(
  deps: AcmeDependencies,
  attempt: Attempt,
  outcome: ValidationOutcome,
): Promise<Date | undefined> {
  const { authorization, type, attempts } = attempt;
  const { unitOfWork, clock, tenant } = deps;
  const { authorizationId } = authorization;
  const policy = deps.directories.get(authorization.directory);
  const now = clock.now();
  if (policy === undefined) {
    await recordInvalid(deps, authorization, undefined, withdrawnDirectory(authorization));
    return undefined;
  }
  if (outcome.valid) {
    deps.failpoint('acme.3-before-validated');
    await unitOfWork.run(async (transaction) => {
      const expiresAt = new Date(now.getTime() + policy.authorizationLifetimeSeconds * 1000);
      // Sent together, judged before the commit: what was settled meanwhile leaves no record.
      const [done] = await Promise.all([
        transaction.acme.recordValid(tenant, authorizationId, now, expiresAt),
        recordDone(deps, transaction, accountPrincipal(deps, authorization), {
          act: 'acmeAuthorization.validate',
          object: authorizationId,
          details: {
            identifier: nameOf(authorization),
            method: type,
            ...(outcome.address === undefined ? {} : { address: outcome.address }),
          },
        }),
      ]);
      if (!done) throw new SettledMeanwhile();
    });
    deps.failpoint('acme.4-after-validated');
    return undefined;
  }
  const problem = problemOf(outcome);
  const pause = outcome.retryable ? policy.retrySeconds[attempts - 1] : undefined;
  if (pause === undefined) {
    await recordInvalid(deps, authorization, policy, problem);
    return undefined;
  }
  const nextAttemptAt = new Date(now.getTime() + pause * 1000);
  await unitOfWork.readOne(async ({ acme }) =>
    acme.recordAttempt(
      tenant,
      authorizationId,
      problem,
      nextAttemptAt,
      attempt.claimUntil(nextAttemptAt),
    ),
  );
  return nextAttemptAt;
}

/** Its holder deactivated it, or it expired, while it was validated: the outcome is nobody's. Or see `answerAgain`. */
class SettledMeanwhile extends Error {}

/** The failure ends the orders that wait for it, and counts against the account. */
async function recordInvalid(
  { unitOfWork, tenant, clock }: AcmeDependencies,
  authorization: AuthorizationRecord,
  policy: DirectoryPolicy | undefined,
  problem: ProblemDocument,
): Promise<void> {
  const { authorizationId, accountId, identifier } = authorization;
  const name = nameOf(authorization);
  const orderError: ProblemDocument = {
    ...problem,
    detail: `the authorization of ${name} failed: ${problem.detail}`,
    subproblems: [{ ...problem, identifier: { type: identifier.type, value: name } }],
  };
  await unitOfWork.run(async ({ acme }) => {
    const done = await acme.recordInvalid(tenant, authorizationId, problem, orderError);
    if (!done) throw new SettledMeanwhile();
    if (policy === undefined) return;
    // Over the limit already: then there is nothing left to take.
    await acme.takeRateLimits(
      tenant,
      failedValidationLimits(policy, accountId, identifier),
      clock.now(),
    );
  });
}

function problemOf({
  type,
  detail,
}: Extract<ValidationOutcome, { valid: false }>): ProblemDocument {
  const known = isErrorType(type) ? type : 'serverInternal';
  return problemDocument(known, detail, { status: acmeErrorStatuses[known] });
}

function isErrorType(type: string): type is AcmeErrorType {
  return Object.hasOwn(acmeErrorStatuses, type);
}

function withdrawnDirectory({ directory }: AuthorizationRecord): ProblemDocument {
  return problemDocument('unauthorized', `the directory ${directory} is not served any more`, {
    status: 403,
  });
}

/** As an order has it. */
function nameOf({ identifier, wildcard }: AuthorizationRecord): string {
  return `${wildcard ? '*.' : ''}${identifier.value}`;
}
