import type { HandlerAnswer } from './context.ts';
import type {
  AuthorizationRecord,
  ChallengeStatus,
  ChallengeType,
  ProblemDocument,
} from './ports.ts';
import { formatTime } from './renewal-info.ts';
import { authorizationStatusAt } from './states.ts';
import type { Urls } from './urls.ts';

interface Seen {
  readonly urls: Urls;
  readonly now: Date;
}

/** An authorization as its account sees it (RFC 8555 §7.1.4). */
export function authorizationAnswer(
  { urls, now }: Seen,
  record: AuthorizationRecord,
  httpStatus: 200 | 201,
): HandlerAnswer {
  return {
    status: httpStatus,
    headers: {
      ...(httpStatus === 201 ? { location: urls.authorization(record.authorizationId) } : {}),
      ...retryAfter(record, now),
    },
    body: {
      identifier: record.identifier,
      status: authorizationStatusAt(record, now),
      expires: formatTime(record.expiresAt),
      challenges: shownChallenges(record).map((type) => challengeObject(urls, record, type)),
      wildcard: record.wildcard ? true : undefined,
    },
  };
}

/** All that may be answered, until one was: from then on only that one (RFC 8555 §7.1.4). */
export function shownChallenges({
  offered,
  attempted,
}: AuthorizationRecord): readonly ChallengeType[] {
  return attempted === undefined ? offered : [attempted];
}

/** A challenge as its account sees it (RFC 8555 §7.1.5). */
export function challengeAnswer(
  { urls, now }: Seen,
  record: AuthorizationRecord,
  type: ChallengeType,
): HandlerAnswer {
  return {
    status: 200,
    headers: retryAfter(record, now),
    links: [`<${urls.authorization(record.authorizationId)}>;rel="up"`],
    body: challengeObject(urls, record, type),
  };
}

function challengeObject(
  urls: Urls,
  record: AuthorizationRecord,
  type: ChallengeType,
): Readonly<Record<string, unknown>> {
  const status: ChallengeStatus = record.attempted === type ? attemptedStatus(record) : 'pending';
  return {
    type,
    url: urls.challenge(record.authorizationId, type),
    status,
    token: record.token,
    validated:
      status === 'valid' && record.validatedAt !== undefined
        ? formatTime(record.validatedAt)
        : undefined,
    error: record.attempted === type ? failure(record.errors) : undefined,
  };
}

/** Nothing is tried any more for an authorization that ended: a challenge of it does not go on for ever. */
function attemptedStatus({ status, challengeStatus }: AuthorizationRecord): ChallengeStatus {
  return challengeStatus === 'processing' && status !== 'pending' ? 'invalid' : challengeStatus;
}

/** Every failed attempt stays in sight: the latest at the top, those before it below (RFC 8555 §8.2). */
function failure(errors: readonly ProblemDocument[]): ProblemDocument | undefined {
  const latest = errors.at(-1);
  const before = errors.slice(0, -1);
  return latest === undefined || before.length === 0
    ? latest
    : { ...latest, subproblems: [...before, ...(latest.subproblems ?? [])] };
}

/** When the server will have tried again (RFC 8555 §8.2). */
function retryAfter(record: AuthorizationRecord, now: Date): Readonly<Record<string, string>> {
  if (record.challengeStatus !== 'processing' || authorizationStatusAt(record, now) !== 'pending') {
    return {};
  }
  const milliseconds = (record.nextAttemptAt?.getTime() ?? 0) - now.getTime();
  return { 'retry-after': String(Math.max(1, Math.ceil(milliseconds / 1000))) };
}
