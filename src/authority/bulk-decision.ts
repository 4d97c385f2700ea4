import {
  type BulkParameters,
  ChanceryError,
  type Description,
  isChanceryError,
  nextDescription,
  nextStatus,
  type StatusChange,
  type StatusState,
} from '../domain/index.ts';
import type { BulkOutcome, BulkTarget } from './bulk-ports.ts';

/** What an act on many does with one certificate. */
export type BulkDecision =
  | { readonly kind: 'status'; readonly state: StatusState }
  | { readonly kind: 'description'; readonly after: Description }
  | ({ readonly kind: 'settled' } & Omit<BulkOutcome, 'position'>);

/** The change of status that a job asks for; undefined for one that only describes. */
export function statusChangeOf(
  parameters: BulkParameters,
  requestedBy: string,
  now: Date,
): StatusChange | undefined {
  const asked = { requestedAt: now, requestedBy, effectiveAt: now };
  switch (parameters.act) {
    case 'hold':
      return {
        ...parameters,
        ...asked,
        reasonCode: 'certificateHold',
        cause: parameters.cause ?? 'other',
      };
    case 'revoke':
    case 'release':
      return { ...parameters, ...asked };
    case 'describe':
      return undefined;
    default:
      return parameters satisfies never;
  }
}

/**
 * Decides as the single act does, with its codes (pure): the status machine for status, and that
 * CA certificates are left to those who may make issuers.
 */
export function decide(
  target: Pick<
    BulkTarget,
    'type' | 'subject' | 'serialNumber' | 'issuanceState' | 'status' | 'description'
  >,
  parameters: BulkParameters,
  change: StatusChange | undefined,
  includesIssuers: boolean,
): BulkDecision {
  try {
    if (parameters.act === 'describe') {
      return describe(target, parameters);
    }
    if (change === undefined) throw new TypeError(`${parameters.act} has no change of status`);
    if (target.type === 'ca' && !includesIssuers) {
      throw new ChanceryError('forbidden', {
        message: `${target.subject} is a CA certificate; only who may make issuers (issuers:create) holds, releases or revokes it`,
      });
    }
    if (target.issuanceState === 'prepared') {
      throw new ChanceryError('illegalTransition', {
        message: `certificate ${target.serialNumber} is being issued right now; ask again in a moment`,
      });
    }
    return { kind: 'status', state: nextStatus(target.status, change) };
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    return { kind: 'settled', state: 'refused', code: error.code, reason: error.message };
  }
}

function describe(
  { serialNumber, description }: Pick<BulkTarget, 'serialNumber' | 'description'>,
  change: Extract<BulkParameters, { readonly act: 'describe' }>,
): BulkDecision {
  if (description === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `the contents of certificate ${serialNumber} were purged; owner, tags and notes went with them`,
    });
  }
  const after = nextDescription(description, change);
  return after === undefined
    ? { kind: 'settled', state: 'skipped', reason: 'nothing would change' }
    : { kind: 'description', after };
}
