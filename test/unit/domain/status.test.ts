import { describe, expect, test } from 'vitest';
import {
  type CertificateStatus,
  initialStatus,
  isChanceryError,
  nextStatus,
  revocationReasons,
  type StatusChange,
  type StatusState,
  statusTransitions,
} from '../../../src/domain/index.ts';

const at = new Date('2026-11-21T12:00:00Z');
const later = new Date('2026-11-22T12:00:00Z');
const acts = ['hold', 'release', 'revoke'] as const;

function change(act: StatusChange['act'], more: Partial<StatusChange> = {}): StatusChange {
  return { act, requestedAt: at, requestedBy: 'admin', effectiveAt: at, ...more };
}

const onHold = nextStatus(initialStatus, change('hold', { cause: 'investigation' }));
const revoked = nextStatus(initialStatus, change('revoke', { reasonCode: 'superseded' }));
const states: Readonly<Record<CertificateStatus, StatusState>> = {
  good: initialStatus,
  onHold,
  revoked,
};

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'allowed';
  } catch (error) {
    return isChanceryError(error) ? error.code : 'crash';
  }
}

describe('the status machine', () => {
  test('its table is the machine: what stands in it is allowed, everything else refused', () => {
    for (const status of ['good', 'onHold', 'revoked'] as const) {
      for (const act of acts) {
        const target = statusTransitions[status][act];
        const done = () =>
          nextStatus(
            states[status],
            change(act, act === 'revoke' ? { reasonCode: 'keyCompromise' } : {}),
          );
        if (target === undefined) {
          expect(codeOf(done), `${status} ${act}`).toBe(
            status === 'revoked' ? 'alreadyRevoked' : 'illegalTransition',
          );
        } else expect(done().status, `${status} ${act}`).toBe(target);
      }
    }
  });

  test('the time shown is the start of the unbroken time in which it was not good', () => {
    const held = nextStatus(initialStatus, change('hold'));
    const final = nextStatus(
      held,
      change('revoke', { effectiveAt: later, reasonCode: 'superseded' }),
    );
    expect(final.notGoodSince).toEqual(at);
    const released = nextStatus(held, change('release', { effectiveAt: later }));
    expect(released).toEqual({ status: 'good' });
    const again = nextStatus(released, change('hold', { effectiveAt: later }));
    expect(again.notGoodSince).toEqual(later);
  });

  test('a revocation takes every reason of RFC 5280 but the two that are no revocation', () => {
    for (const reasonCode of revocationReasons) {
      expect(nextStatus(initialStatus, change('revoke', { reasonCode })).reasonCode).toBe(
        reasonCode,
      );
    }
    for (const reasonCode of ['certificateHold', 'removeFromCRL'] as const) {
      expect(codeOf(() => nextStatus(initialStatus, change('revoke', { reasonCode })))).toBe(
        'invalidArgument',
      );
    }
    expect(nextStatus(initialStatus, change('revoke')).reasonCode).toBe('unspecified');
  });

  test('of a revocation only the reason may still become keyCompromise', () => {
    const compromised = nextStatus(
      revoked,
      change('revoke', { reasonCode: 'keyCompromise', effectiveAt: later, invalidityDate: at }),
    );
    expect(compromised).toEqual({
      status: 'revoked',
      reasonCode: 'keyCompromise',
      notGoodSince: at,
      invalidityDate: at,
    });
    for (const reasonCode of revocationReasons) {
      expect(codeOf(() => nextStatus(compromised, change('revoke', { reasonCode })))).toBe(
        'alreadyRevoked',
      );
    }
  });

  test('nothing of a hold stays in a revocation but its beginning', () => {
    const held = nextStatus(
      initialStatus,
      change('hold', { cause: 'other', until: later, then: 'alarm' }),
    );
    expect(nextStatus(held, change('revoke', { reasonCode: 'superseded' }))).toEqual({
      status: 'revoked',
      reasonCode: 'superseded',
      notGoodSince: at,
      invalidityDate: undefined,
    });
  });
});
