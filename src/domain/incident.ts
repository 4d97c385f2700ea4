import { ChanceryError } from './errors.ts';

/** What an incident is about: a subscriber's key, an issuer's key, or what an inventory query finds. */
export type IncidentKind = 'keyCompromise' | 'issuerCompromise' | 'query';

/**
 * Where an incident stands. `opened`: the list is fixed and clients are told to renew; `acting`: a job
 * holds or revokes; `waiting`: it is done, subscribers re-key; `closed` is final.
 */
export type IncidentState = 'opened' | 'acting' | 'waiting' | 'closed';

export type IncidentEvent = 'act' | 'acted' | 'close';

/** Which event leads an incident from which state to which; anything absent is refused. */
const incidentTransitions: Readonly<
  Record<IncidentState, Readonly<Partial<Record<IncidentEvent, IncidentState>>>>
> = {
  opened: { act: 'acting', close: 'closed' },
  acting: { acted: 'waiting' },
  waiting: { act: 'acting', close: 'closed' },
  closed: {},
};

const hints: Readonly<Partial<Record<IncidentState, string>>> = {
  acting: '; its job is at work, `chancery incident status` shows how far',
  closed: ' for good; `chancery incident report` has its report',
};

/** @throws ChanceryError `illegalTransition`, naming the state and what is possible */
export function nextIncidentState(state: IncidentState, event: IncidentEvent): IncidentState {
  const target = incidentTransitions[state][event];
  if (target === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `${event} is refused: the incident is ${state}${hints[state] ?? ''}`,
    });
  }
  return target;
}

/** What an incident does to its certificates. */
export type IncidentAct = 'hold' | 'revoke';

/** Counts of an incident at one moment. */
export interface IncidentProgress {
  /** Certificates in the list. */
  readonly affected: number;
  readonly good: number;
  readonly onHold: number;
  readonly revoked: number;
  /** Owner and names of what was neither revoked, expired nor abandoned when the incident was opened. */
  readonly subscribers: number;
  /** Of these, with a new good certificate with a key that no affected certificate has. */
  readonly reKeyed: number;
  /** Of these, with a new good certificate, but with a key of the list. */
  readonly renewed: number;
}

/** How far the subscribers are. */
export interface IncidentOutlook {
  /** Subscribers that still have to do something. */
  readonly remaining: number;
  /** 0 to 100, rounded down: 100 only when nobody remains. */
  readonly percent: number;
  /** By the pace so far; undefined before the first, and when nobody remains. */
  readonly expectedEnd?: Date | undefined;
}

/**
 * Where the replacement leads (pure). A renewal with the old key counts unless that key is the matter:
 * under a compromised issuer, or a bad profile, the subscriber's key is sound.
 */
export function outlookOf(
  kind: IncidentKind,
  { subscribers, reKeyed, renewed }: IncidentProgress,
  openedAt: Date,
  now: Date,
): IncidentOutlook {
  const settled = kind === 'keyCompromise' ? reKeyed : reKeyed + renewed;
  const remaining = subscribers - settled;
  const percent = subscribers === 0 ? 100 : Math.floor((settled * 100) / subscribers);
  const spent = now.getTime() - openedAt.getTime();
  if (remaining === 0 || settled === 0 || spent <= 0) return { remaining, percent };
  const left = (spent / settled) * remaining;
  return { remaining, percent, expectedEnd: new Date(now.getTime() + Math.ceil(left)) };
}
