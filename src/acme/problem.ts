import { ChanceryError, type ErrorCode, isChanceryError } from '../domain/index.ts';
import type { ProblemDocument } from './ports.ts';

/**
 * Error types of the ACME namespace (RFC 8555 §6.7; RFC 9773 §7.4 alreadyReplaced;
 * draft-ietf-acme-profiles invalidProfile). No other type ever stands in the URN.
 */
export type AcmeErrorType = keyof typeof acmeErrorStatuses;

/**
 * The HTTP status of each type where the clauses of an act name no other: §6.4 and §7.3.6 say 401
 * for `unauthorized`, §7.3.3 and §7.4 say 403 for `userActionRequired` and `orderNotReady`,
 * RFC 9773 §5 says 409 for `alreadyReplaced`.
 */
export const acmeErrorStatuses = {
  accountDoesNotExist: 400,
  alreadyReplaced: 409,
  alreadyRevoked: 400,
  badCSR: 400,
  badNonce: 400,
  badPublicKey: 400,
  badRevocationReason: 400,
  badSignatureAlgorithm: 400,
  caa: 403,
  compound: 400,
  connection: 400,
  dns: 400,
  externalAccountRequired: 403,
  incorrectResponse: 403,
  invalidContact: 400,
  invalidProfile: 400,
  malformed: 400,
  orderNotReady: 403,
  rateLimited: 429,
  rejectedIdentifier: 400,
  serverInternal: 500,
  tls: 400,
  unauthorized: 401,
  unsupportedContact: 400,
  unsupportedIdentifier: 400,
  userActionRequired: 403,
} as const satisfies Readonly<Record<string, number>>;

const namespace = 'urn:ietf:params:acme:error:';

/** What a problem says beside type and detail. */
export interface ProblemMembers {
  readonly status?: number | undefined;
  /** Only of a subproblem: a document at the top carries none (RFC 8555 §6.7.1). */
  readonly identifier?: ProblemDocument['identifier'];
  readonly subproblems?: readonly ProblemDocument[] | undefined;
}

/** A problem document as it is sent and stored; members that are not given are left out. */
export function problemDocument(
  type: AcmeErrorType,
  detail: string,
  more: ProblemMembers = {},
): ProblemDocument {
  return {
    type: `${namespace}${type}`,
    detail,
    ...(more.status === undefined ? {} : { status: more.status }),
    ...(more.identifier === undefined ? {} : { identifier: more.identifier }),
    ...(more.subproblems === undefined || more.subproblems.length === 0
      ? {}
      : { subproblems: more.subproblems }),
  };
}

/** What an AcmeProblem is made of. `detail`: what, where and how to mend it; it leaves the server. */
export interface AcmeProblemOptions {
  readonly detail: string;
  /** Another status than the type's own. */
  readonly status?: number | undefined;
  /** What the problem is about: sent as a subproblem, since the top level must not carry it. */
  readonly identifier?: ProblemDocument['identifier'];
  readonly subproblems?: readonly ProblemDocument[] | undefined;
  /** Of `badSignatureAlgorithm`: the alg values that would be taken (RFC 8555 §6.2). */
  readonly algorithms?: readonly string[] | undefined;
  /** Of `userActionRequired`: where a person acts (RFC 8555 §7.3.3). */
  readonly instance?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Kept for the log; never sent. */
  readonly cause?: unknown;
}

/** A request refused in the words of RFC 8555 §6.7: document, status and headers of the answer. */
export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem';
  readonly type: AcmeErrorType;
  readonly status: number;
  readonly document: ProblemDocument & {
    readonly algorithms?: readonly string[];
    readonly instance?: string;
  };
  readonly headers: Readonly<Record<string, string>>;

  constructor(type: AcmeErrorType, options: AcmeProblemOptions) {
    super(options.detail, options.cause === undefined ? undefined : { cause: options.cause });
    const { identifier, algorithms, instance } = options;
    const status = options.status ?? acmeErrorStatuses[type];
    const about =
      identifier === undefined ? [] : [problemDocument(type, options.detail, { identifier })];
    this.type = type;
    this.status = status;
    this.headers = options.headers ?? {};
    this.document = {
      ...problemDocument(type, options.detail, {
        status,
        subproblems: [...(options.subproblems ?? []), ...about],
      }),
      ...(algorithms === undefined ? {} : { algorithms }),
      ...(instance === undefined ? {} : { instance }),
    };
  }
}

/** How an error of the authority is told to an ACME client; `detail` replaces a message that stays in the log. */
interface Told {
  readonly type: AcmeErrorType;
  readonly status?: number;
  readonly detail?: string;
}

const later = 'nothing was done; ask again after the time in Retry-After';
const operator = 'an operator of the CA must act first; the server log says why';

/** Every code of the domain. What the client can't mend becomes `serverInternal` with a fixed sentence. */
const tellings: Readonly<Record<ErrorCode, Told>> = {
  malformed: { type: 'malformed' },
  badCsr: { type: 'badCSR' },
  // Of a CSR; an account key is refused by `parseJwk` (RFC 8555 §6.7: badCSR, for example a short key).
  badPublicKey: { type: 'badCSR' },
  policyViolation: { type: 'badCSR' },
  lintFailed: { type: 'badCSR' },
  invalidArgument: { type: 'malformed' },
  unauthenticated: { type: 'unauthorized' },
  signatureRequired: { type: 'unauthorized' },
  forbidden: { type: 'unauthorized', status: 403 },
  notFound: { type: 'malformed', status: 404 },
  ambiguous: { type: 'malformed', status: 409 },
  countDiffers: { type: 'malformed', status: 409 },
  illegalTransition: { type: 'malformed', status: 409 },
  alreadyRevoked: { type: 'alreadyRevoked' },
  certificateOnHold: { type: 'unauthorized', status: 403 },
  certificateRevoked: { type: 'unauthorized', status: 403 },
  alreadyExists: { type: 'malformed', status: 409 },
  idempotencyMismatch: { type: 'malformed', status: 409 },
  idempotencyInProgress: { type: 'serverInternal', status: 503, detail: later },
  payloadTooLarge: { type: 'malformed', status: 413 },
  unsupportedMediaType: { type: 'malformed', status: 415 },
  methodNotAllowed: { type: 'malformed', status: 405 },
  rateLimited: { type: 'rateLimited' },
  overloaded: { type: 'serverInternal', status: 503, detail: later },
  storeConflict: { type: 'serverInternal', status: 503, detail: later },
  tokenUnavailable: { type: 'serverInternal', status: 503, detail: later },
  tokenAbsent: { type: 'malformed', status: 409 },
  databaseUnavailable: { type: 'serverInternal', status: 503, detail: later },
  issuanceHalted: { type: 'serverInternal', status: 503, detail: operator },
  keyBlocked: { type: 'serverInternal', status: 503, detail: operator },
  purposeRefused: { type: 'serverInternal', detail: operator },
  outcomeUnknown: {
    type: 'serverInternal',
    status: 503,
    detail: 'it is not known yet whether this was done; ask again after the time in Retry-After',
  },
  configuration: { type: 'serverInternal', detail: operator },
  internal: { type: 'serverInternal', detail: 'the server failed; its log has the reason' },
};

/**
 * The problem for anything thrown. An error of the domain is told by its code; anything else is a
 * defect and says nothing about itself. 429 and 503 always carry Retry-After (RFC 8555 §6.6).
 */
export function toAcmeProblem(error: unknown): AcmeProblem {
  if (error instanceof AcmeProblem) return error;
  const known = isChanceryError(error)
    ? error
    : new ChanceryError('internal', { message: 'defect', cause: error });
  const told = tellings[known.code];
  const status = told.status ?? acmeErrorStatuses[told.type];
  const seconds = known.retryAfter ?? (status === 429 || status === 503 ? 1 : undefined);
  return new AcmeProblem(told.type, {
    detail: told.detail ?? sentenceOf(known),
    status,
    headers:
      seconds === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(seconds))) },
    cause: error,
  });
}

/** The message with each broken rule behind it: all that has to be mended, at once. */
function sentenceOf(error: ChanceryError): string {
  const rules = error.violations.map(
    ({ field, message, mend }) => `${field}: ${message}${mend === undefined ? '' : ` (${mend})`}`,
  );
  return rules.length === 0 ? error.message : `${error.message}: ${rules.join('; ')}`;
}
