import { ChanceryError, isChanceryError } from '../domain/index.ts';
import { keyAuthorization } from './challenge.ts';
import type { AcmeDependencies } from './dependencies.ts';
import type { AuthorizationRecord, ChallengeType, ValidationOutcome } from './ports.ts';
import { recordOutcome } from './validation-results.ts';

/** Validations that may wait for each one that runs. */
const waitingForEach = 64;

/** One account has this part of what may run and wait, so that hosts that never answer hold up no other account. */
const accountShare = 1 / 4;

/** While the database is away, what an attempt found is kept, and offered to it this often at this distance. */
const recordingsAtMost = 240;
const recordAgainMilliseconds = 500;

/** One challenge that this process has claimed. */
interface Claimed {
  readonly authorization: AuthorizationRecord;
  readonly type: ChallengeType;
  readonly thumbprint: string;
  attempts: number;
  /** What the last attempt found, as long as the database took no note of it. */
  unrecorded?: ValidationOutcome | undefined;
  /** How often it was offered. */
  recordings: number;
  /** Set while it waits for its next attempt. */
  timer?: NodeJS.Timeout | undefined;
  /** Resolves with the attempt that waits for its turn or runs. */
  attempt?: Promise<void> | undefined;
}

/**
 * The challenges that this process validates: bounded in how many run and how many wait. What it has
 * is also in the database with a lease, so nothing is lost with the process.
 */
export function createValidations(deps: AcmeDependencies) {
  const { clock, settings, unitOfWork, tenant, log } = deps;
  const claimed = new Map<string, Claimed>();
  const queue: { readonly claim: Claimed; readonly done: () => void }[] = [];
  const running = new Set<Promise<void>>();
  const runningOf = new Map<string, number>();
  const runningAtMost = Math.max(1, Math.floor(settings.validationConcurrency * accountShare));
  let draining = false;

  const claimUntil = (from: Date): Date => new Date(from.getTime() + settings.claimSeconds * 1000);

  /** Puts a claim in the queue; its turn comes when others are done. */
  const enqueue = (claim: Claimed): void => {
    clearTimeout(claim.timer);
    claim.timer = undefined;
    claim.attempt = new Promise((done) => {
      queue.push({ claim, done });
    });
    startNext();
  };

  const startNext = (): void => {
    while (!draining && running.size < settings.validationConcurrency) {
      const index = queue.findIndex(({ claim }) => countOf(claim) < runningAtMost);
      const [next] = index < 0 ? [] : queue.splice(index, 1);
      if (next === undefined) return;
      count(next.claim, 1);
      const run: Promise<void> = attempt(next.claim).finally(() => {
        running.delete(run);
        count(next.claim, -1);
        next.done();
        startNext();
      });
      running.add(run);
    }
  };

  const countOf = ({ authorization }: Claimed): number =>
    runningOf.get(authorization.accountId) ?? 0;

  const count = (claim: Claimed, change: 1 | -1): void => {
    const { accountId } = claim.authorization;
    const left = countOf(claim) + change;
    if (left === 0) runningOf.delete(accountId);
    else runningOf.set(accountId, left);
  };

  const attempt = async (claim: Claimed): Promise<void> => {
    const { authorization } = claim;
    if (claim.unrecorded === undefined) claim.attempts += 1;
    try {
      claim.unrecorded ??= await validate(claim);
      const nextAttemptAt = await recordOutcome(
        deps,
        { ...claim, claimUntil: (from) => claimUntil(from) },
        claim.unrecorded,
      );
      claim.unrecorded = undefined;
      claim.recordings = 0;
      claim.attempt = undefined;
      if (nextAttemptAt !== undefined) {
        wait(claim, nextAttemptAt);
        return;
      }
    } catch (error) {
      log('warn', 'the outcome of a challenge could not be recorded; it is tried again later', {
        authorization: authorization.authorizationId,
        cause: String(error),
      });
      // A database that died may have lost that the challenge was answered, so that nobody else
      // would go on with it. Otherwise whoever finds the claim run out does.
      if (isChanceryError(error) && claim.recordings < recordingsAtMost) {
        claim.recordings += 1;
        claim.attempt = undefined;
        wait(claim, new Date(clock.now().getTime() + recordAgainMilliseconds));
        return;
      }
    }
    claimed.delete(authorization.authorizationId);
  };

  const validate = async ({
    authorization,
    type,
    thumbprint,
  }: Claimed): Promise<ValidationOutcome> => {
    try {
      return await deps.validator.validate({
        directory: authorization.directory,
        type,
        identifier: authorization.identifier,
        token: authorization.token,
        keyAuthorization: keyAuthorization(authorization.token, thumbprint),
      });
    } catch (error) {
      log('alarm', 'a challenge could not be tried: this is a defect', {
        authorization: authorization.authorizationId,
        cause: String(error),
      });
      return {
        valid: false,
        type: 'serverInternal',
        detail: 'the server could not try the challenge; its log has the reason',
        retryable: true,
      };
    }
  };

  const wait = (claim: Claimed, until: Date): void => {
    const milliseconds = Math.max(0, until.getTime() - clock.now().getTime());
    claim.timer = setTimeout(() => enqueue(claim), milliseconds);
    // What waits does not keep the process alive: it is taken over when its claim runs out.
    claim.timer.unref();
    if (draining) clearTimeout(claim.timer);
  };

  const take = (
    authorization: AuthorizationRecord,
    thumbprint: string,
    attempts: number,
  ): Claimed | undefined => {
    const { authorizationId, attempted } = authorization;
    if (draining || attempted === undefined || claimed.has(authorizationId)) return undefined;
    const claim: Claimed = {
      authorization,
      type: attempted,
      thumbprint,
      attempts,
      recordings: 0,
    };
    claimed.set(authorizationId, claim);
    return claim;
  };

  const room = (): number => settings.validationConcurrency * waitingForEach - claimed.size;

  return {
    /** @throws ChanceryError overloaded, when there is none at all or the account's share is used up */
    requireRoom(accountId: string): void {
      if (draining || room() <= 0) throw noRoom(`${claimed.size} challenges`);
      const share = runningAtMost * waitingForEach;
      // Counted only where it could matter.
      if (claimed.size < share) return;
      const own = [...claimed.values()].filter((one) => one.authorization.accountId === accountId);
      if (own.length >= share) throw noRoom(`${own.length} challenges of this account`);
    },

    begin(authorization: AuthorizationRecord, thumbprint: string): void {
      const claim = take(authorization, thumbprint, 0);
      if (claim !== undefined) enqueue(claim);
    },

    hurry(authorizationId: string): void {
      const claim = claimed.get(authorizationId);
      if (claim?.timer !== undefined) enqueue(claim);
    },

    async attemptOf(authorizationId: string, milliseconds: number): Promise<void> {
      const attempted = claimed.get(authorizationId)?.attempt;
      if (attempted === undefined) return;
      let patience: NodeJS.Timeout | undefined;
      const over = new Promise<void>((done) => {
        patience = setTimeout(done, milliseconds);
      });
      await Promise.race([attempted, over]);
      clearTimeout(patience);
    },

    /** Goes on with challenges whose node died, or could not record what it found. */
    async resume(): Promise<void> {
      const free = Math.min(room(), resumedAtOnce);
      if (draining || free <= 0) return;
      const now = clock.now();
      const found = await unitOfWork.readOne(async ({ acme }) =>
        acme.claimValidations(tenant, now, claimUntil(now), free),
      );
      for (const authorization of found) {
        const { directory, accountId, attempts, nextAttemptAt } = authorization;
        const access = await unitOfWork.readOne(async ({ acme }) =>
          acme.findAccount(tenant, directory, { accountId }),
        );
        const claim =
          access === undefined
            ? undefined
            : take(authorization, access.account.thumbprint, attempts);
        if (claim !== undefined) wait(claim, nextAttemptAt ?? now);
      }
    },

    async drain(): Promise<void> {
      draining = true;
      for (const { timer } of claimed.values()) clearTimeout(timer);
      for (const { done } of queue.splice(0)) done();
      await Promise.all(running);
    },
  };
}

const resumedAtOnce = 100;

function noRoom(what: string): ChanceryError {
  return new ChanceryError('overloaded', {
    message: `${what} wait for their validation; answer this one again in a moment`,
    retryAfter: 2,
  });
}
