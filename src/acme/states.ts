import type {
  AccountStatus,
  AuthorizationRecord,
  AuthorizationStatus,
  ChallengeStatus,
  OrderRecord,
  OrderStatus,
} from './ports.ts';

/** Which event leads from which status to which; anything absent is refused. */
export type Transitions<Status extends string, Event extends string> = Readonly<
  Record<Status, Readonly<Partial<Record<Event, Status>>>>
>;

export type OrderEvent = 'authorize' | 'finalize' | 'retry' | 'issue' | 'fail' | 'expire';
export type AuthorizationEvent = 'validate' | 'fail' | 'expire' | 'deactivate' | 'revoke';
export type ChallengeEvent = 'respond' | 'retry' | 'validate' | 'fail';
export type AccountEvent = 'deactivate' | 'revoke';

/** RFC 8555 §7.1.6, orders. `retry`: a crash in the midst of issuing makes another attempt. */
export const orderTransitions: Transitions<OrderStatus, OrderEvent> = {
  pending: { authorize: 'ready', fail: 'invalid', expire: 'invalid' },
  ready: { finalize: 'processing', fail: 'invalid', expire: 'invalid' },
  processing: { retry: 'processing', issue: 'valid', fail: 'invalid' },
  valid: {},
  invalid: {},
};

/**
 * RFC 8555 §7.1.6, authorizations. A pending one past its `expires` is invalid (§7.1.4), a valid
 * one expired. The client may give up a pending one as well as a valid one (§7.5.2).
 */
export const authorizationTransitions: Transitions<AuthorizationStatus, AuthorizationEvent> = {
  pending: { validate: 'valid', fail: 'invalid', expire: 'invalid', deactivate: 'deactivated' },
  valid: { expire: 'expired', deactivate: 'deactivated', revoke: 'revoked' },
  invalid: {},
  deactivated: {},
  expired: {},
  revoked: {},
};

/** RFC 8555 §7.1.6, challenges; `retry` is the server's own (§8.2). */
export const challengeTransitions: Transitions<ChallengeStatus, ChallengeEvent> = {
  pending: { respond: 'processing' },
  processing: { retry: 'processing', validate: 'valid', fail: 'invalid' },
  valid: {},
  invalid: {},
};

/** RFC 8555 §7.1.6, accounts: ended by their holder or by the CA, for good. */
export const accountTransitions: Transitions<AccountStatus, AccountEvent> = {
  valid: { deactivate: 'deactivated', revoke: 'revoked' },
  deactivated: {},
  revoked: {},
};

/** The status after an event; undefined when the status does not allow it. */
export function nextOf<Status extends string, Event extends string>(
  transitions: Transitions<Status, Event>,
  status: Status,
  event: Event,
): Status | undefined {
  return transitions[status][event];
}

/** An order's status at a moment: one that waits for its client ends when it expires. */
export function orderStatusAt(
  order: Pick<OrderRecord, 'status' | 'expiresAt'>,
  now: Date,
): OrderStatus {
  if (now.getTime() < order.expiresAt.getTime()) return order.status;
  return nextOf(orderTransitions, order.status, 'expire') ?? order.status;
}

/** An authorization's status at a moment. */
export function authorizationStatusAt(
  authorization: Pick<AuthorizationRecord, 'status' | 'expiresAt'>,
  now: Date,
): AuthorizationStatus {
  if (now.getTime() < authorization.expiresAt.getTime()) return authorization.status;
  return nextOf(authorizationTransitions, authorization.status, 'expire') ?? authorization.status;
}
