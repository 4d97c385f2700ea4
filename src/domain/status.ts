import { ChanceryError } from './errors.ts';
import type { ReasonCode } from './reason.ts';

/** The one source of status; CRL, OCSP, ACME and console derive from it. */
export type CertificateStatus = 'good' | 'onHold' | 'revoked';

export type HoldCause = 'keyStatusUnknown' | 'ownerUnavailable' | 'investigation' | 'other';
/** What happens when a hold's deadline passes. */
export type HoldEnd = 'release' | 'revoke' | 'alarm';

/** Where a certificate stands now. Times are UTC with seconds. */
export interface StatusState {
  readonly status: CertificateStatus;
  /** Reason shown in CRL and OCSP; `certificateHold` while on hold; undefined while good. */
  readonly reasonCode?: ReasonCode | undefined;
  /**
   * The revocation time shown: the start of the unbroken time in which the certificate was
   * not good. A hold that becomes a revocation keeps the start of the hold (RFC 5280 §5.3.1).
   */
  readonly notGoodSince?: Date | undefined;
  readonly invalidityDate?: Date | undefined;
  readonly holdCause?: HoldCause | undefined;
  readonly holdUntil?: Date | undefined;
  readonly holdThen?: HoldEnd | undefined;
}

/** An act on a certificate's status, as it is kept in the history: nothing is ever erased from it. */
export interface StatusChange {
  readonly act: 'hold' | 'release' | 'revoke';
  readonly reasonCode?: ReasonCode | undefined;
  readonly cause?: HoldCause | undefined;
  readonly comment?: string | undefined;
  readonly invalidityDate?: Date | undefined;
  readonly requestedAt: Date;
  readonly requestedBy: string;
  readonly effectiveAt: Date;
  readonly until?: Date | undefined;
  readonly then?: HoldEnd | undefined;
}

export const initialStatus: StatusState = { status: 'good' };

/** Which act leads from which status to which; anything absent is refused. Shared by engine, REST and docs. */
export const statusTransitions: Readonly<
  Record<CertificateStatus, Readonly<Partial<Record<StatusChange['act'], CertificateStatus>>>>
> = {
  good: { hold: 'onHold', revoke: 'revoked' },
  onHold: { release: 'good', revoke: 'revoked' },
  // Terminal. The reason may still be corrected to keyCompromise, see `nextStatus`.
  revoked: { revoke: 'revoked' },
};

/** Reasons that `revoke` accepts: certificateHold has an act of its own, removeFromCRL is for delta CRLs only. */
export const revocationReasons: readonly ReasonCode[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
  'aACompromise',
];

/**
 * The status after an act (pure).
 *
 * - hold, then revoke: the revocation time stays the start of the hold.
 * - revoked, then revoked for keyCompromise: reason and invalidityDate change, the time stays.
 *
 * @throws ChanceryError `alreadyRevoked`, `illegalTransition` or `invalidArgument`.
 */
export function nextStatus(state: StatusState, change: StatusChange): StatusState {
  const target = statusTransitions[state.status][change.act];
  if (target === undefined) {
    if (state.status === 'revoked') {
      throw new ChanceryError('alreadyRevoked', {
        message: `the certificate is revoked (${state.reasonCode ?? 'unspecified'}) and revocation is final; ${change.act} is refused`,
        clause: 'RFC 5280 §5.3.1',
      });
    }
    throw new ChanceryError('illegalTransition', {
      message: `${change.act} is refused: the certificate's status is ${state.status}; only a certificate on hold can be released, only a good one held`,
      clause: 'RFC 5280 §5.3.1',
    });
  }
  switch (change.act) {
    case 'hold':
      return {
        status: 'onHold',
        reasonCode: 'certificateHold',
        notGoodSince: change.effectiveAt,
        invalidityDate: change.invalidityDate,
        holdCause: change.cause,
        holdUntil: change.until,
        holdThen: change.then,
      };
    case 'release':
      return initialStatus;
    case 'revoke': {
      const reasonCode = change.reasonCode ?? 'unspecified';
      if (!revocationReasons.includes(reasonCode)) {
        throw new ChanceryError('invalidArgument', {
          message: `reason ${reasonCode} can't be used to revoke; use one of ${revocationReasons.join(', ')} (a hold has its own act)`,
          field: 'reasonCode',
          clause: 'RFC 5280 §5.3.1',
        });
      }
      if (state.status === 'revoked') {
        if (reasonCode !== 'keyCompromise' || state.reasonCode === 'keyCompromise') {
          throw new ChanceryError('alreadyRevoked', {
            message: `the certificate is already revoked (${state.reasonCode ?? 'unspecified'}); only the reason keyCompromise can still replace another`,
            clause: 'RFC 5280 §5.3.1',
          });
        }
        return {
          ...state,
          reasonCode,
          invalidityDate: change.invalidityDate ?? state.invalidityDate,
        };
      }
      return {
        status: 'revoked',
        reasonCode,
        notGoodSince: state.notGoodSince ?? change.effectiveAt,
        invalidityDate: change.invalidityDate,
      };
    }
    default:
      return change.act satisfies never;
  }
}
