import { ChanceryError } from './errors.ts';
import type { Permission } from './principal.ts';
import type { ReasonCode } from './reason.ts';
import type { HoldCause, HoldEnd, StatusChange } from './status.ts';

/** What a job does to each certificate of its list. */
export type BulkAct = StatusChange['act'] | 'describe';

/** Where a job stands. `done` is final; a stopped one can be resumed. */
export type BulkJobState = 'planned' | 'running' | 'stopped' | 'done';

/** Where one certificate of a job stands. Only `pending` ones are still touched, each once. */
export type BulkItemState = 'pending' | 'done' | 'refused' | 'skipped';

/** The act of a job with its parameters, as the single act takes them. */
export type BulkParameters =
  | {
      readonly act: 'revoke';
      readonly reasonCode: ReasonCode;
      readonly invalidityDate?: Date | undefined;
      readonly comment?: string | undefined;
      /**
       * A compromise, but not of these certificates' keys: their issuer's. The keys are not blocked,
       * and other certificates of them stay.
       */
      readonly keysAreSound?: true | undefined;
    }
  | {
      readonly act: 'hold';
      readonly cause?: HoldCause | undefined;
      readonly until?: Date | undefined;
      readonly then?: HoldEnd | undefined;
      readonly comment?: string | undefined;
    }
  | { readonly act: 'release'; readonly comment?: string | undefined }
  | ({ readonly act: 'describe' } & DescriptionChange);

/** What an operator writes about a certificate; nothing of it is signed. */
export interface Description {
  readonly owner: string;
  /** Sorted, each once. */
  readonly tags: readonly string[];
  readonly notes?: string | undefined;
}

/** What is left out stays as it is. */
export interface DescriptionChange {
  readonly owner?: string | undefined;
  readonly addTags?: readonly string[] | undefined;
  readonly removeTags?: readonly string[] | undefined;
  /** Replaces the notes; empty takes them away. */
  readonly notes?: string | undefined;
}

/** Tags of one certificate at most. */
export const mostTags = 50;

/** Which event leads a job from which state to which; anything absent is refused. */
export const bulkJobTransitions: Readonly<
  Record<BulkJobState, Readonly<Partial<Record<BulkJobEvent, BulkJobState>>>>
> = {
  planned: { begin: 'running', stop: 'stopped' },
  running: { stop: 'stopped', finish: 'done' },
  stopped: { resume: 'running' },
  done: {},
};
export type BulkJobEvent = 'begin' | 'stop' | 'resume' | 'finish';

/** The permission of the single act is the permission of the job. */
export const bulkPermissions: Readonly<Record<BulkAct, Permission>> = {
  revoke: 'certificates:revoke',
  hold: 'certificates:hold',
  release: 'certificates:release',
  describe: 'certificates:describe',
};

/** @throws ChanceryError `illegalTransition`, naming the state */
export function nextBulkJobState(state: BulkJobState, event: BulkJobEvent): BulkJobState {
  const target = bulkJobTransitions[state][event];
  if (target === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `${event} is refused: the job is ${state}; \`chancery job show\` tells what it did`,
    });
  }
  return target;
}

/**
 * The description after a change (pure); undefined when nothing would change.
 *
 * @throws ChanceryError `invalidArgument` for more than {@link mostTags} tags.
 */
export function nextDescription(
  before: Description,
  change: DescriptionChange,
): Description | undefined {
  const removed = new Set(change.removeTags);
  const tags = [
    ...new Set([...before.tags.filter((tag) => !removed.has(tag)), ...(change.addTags ?? [])]),
  ].sort();
  if (tags.length > mostTags) {
    throw new ChanceryError('invalidArgument', {
      message: `the certificate would have ${tags.length} tags; ${mostTags} are allowed: remove some with --remove-tag`,
      field: 'addTags',
    });
  }
  const notes = change.notes === undefined ? before.notes : change.notes;
  const after: Description = {
    owner: change.owner ?? before.owner,
    tags,
    ...(notes === undefined || notes === '' ? {} : { notes }),
  };
  const same =
    after.owner === before.owner &&
    after.notes === before.notes &&
    after.tags.length === before.tags.length &&
    // The order in which tags were given at issuance is no difference.
    after.tags.every((tag) => before.tags.includes(tag));
  return same ? undefined : after;
}
