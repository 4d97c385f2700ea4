/**
 * The status machine as a model: random acts on certificates, among them two of one key, and whatever
 * happens, status, history, CRL and what OCSP reads are the model's.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CertificateRecord } from '../../src/authority/ports.ts';
import type { HoldEnd, ReasonCode, StatusChange, StatusState } from '../../src/domain/index.ts';
import { initialStatus, isChanceryError, nextStatus, reasonCodes } from '../../src/domain/index.ts';
import { admin, csrFor, freshKey, testAuthority } from '../support/authority.ts';

/** What happens to a certificate, in words of the field; times are seconds that pass before. */
type Step =
  | { readonly kind: 'hold'; readonly of: number; readonly after: number; readonly end?: HoldEnd }
  | { readonly kind: 'release'; readonly of: number; readonly after: number }
  | {
      readonly kind: 'revoke';
      readonly of: number;
      readonly after: number;
      readonly reasonCode: ReasonCode;
      readonly invalidFor?: number;
    }
  | { readonly kind: 'tick'; readonly after: number };

/** Certificates 0 and 1 have one key. */
const count = 4;
const holdSeconds = 500;
const of = fc.nat({ max: count - 1 });
const after = fc.constantFrom(0, 1, 60, 600, 3600);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('hold' as const),
    of,
    after,
    end: fc.constantFrom<HoldEnd | undefined>(undefined, 'release', 'revoke', 'alarm'),
  }) as fc.Arbitrary<Step>,
  fc.record({ kind: fc.constant('release' as const), of, after }),
  fc.record({
    kind: fc.constant('revoke' as const),
    of,
    after,
    reasonCode: fc.constantFrom(...(Object.keys(reasonCodes) as ReasonCode[])),
    invalidFor: fc.constantFrom(undefined, 3600),
  }) as fc.Arbitrary<Step>,
  fc.record({ kind: fc.constant('tick' as const), after }),
);

/**
 * The model, written from the clauses and not from the code: RFC 5280 §5.3.1, and the design's
 * sentence on the time that is shown.
 */
class Model {
  readonly states: Shown[];
  readonly lengths: number[];
  constructor() {
    this.states = Array.from({ length: count }, () => ({ status: 'good' as const }));
    this.lengths = Array.from({ length: count }, () => 0);
  }

  #become(index: number, state: Shown): void {
    this.states[index] = state;
    this.lengths[index] = (this.lengths[index] ?? 0) + 1;
  }

  /** Whether the act is legal; the model has moved when it is. */
  apply(taken: Exclude<Step, { kind: 'tick' }>, now: Date): boolean {
    const state = this.states[taken.of] ?? { status: 'good' };
    switch (taken.kind) {
      case 'hold': {
        if (state.status !== 'good') return false;
        const end =
          taken.end === undefined
            ? {}
            : { until: new Date(now.getTime() + holdSeconds * 1000), end: taken.end };
        this.#become(taken.of, { status: 'onHold', reason: 'certificateHold', since: now, ...end });
        return true;
      }
      case 'release':
        if (state.status !== 'onHold') return false;
        this.#become(taken.of, { status: 'good' });
        return true;
      case 'revoke':
        return this.#revoke(taken.of, taken.reasonCode, now, taken.invalidFor);
      default:
        return taken satisfies never;
    }
  }

  #revoke(index: number, reason: ReasonCode, now: Date, invalidFor: number | undefined): boolean {
    const state = this.states[index] ?? { status: 'good' };
    if (reason === 'certificateHold' || reason === 'removeFromCRL') return false;
    const final = state.status === 'revoked';
    if (final && (reason !== 'keyCompromise' || state.reason === 'keyCompromise')) return false;
    const given =
      invalidFor === undefined ? undefined : new Date(now.getTime() - invalidFor * 1000);
    const invalidity = given ?? (final ? state.invalidity : undefined);
    this.#become(index, { status: 'revoked', reason, since: state.since ?? now, invalidity });
    // A compromised key takes every certificate of that key with it.
    const twin = [1, 0][index];
    const compromised = ['keyCompromise', 'cACompromise', 'aACompromise'].includes(reason);
    if (compromised && twin !== undefined && this.states[twin]?.status !== 'revoked') {
      const since = this.states[twin]?.since ?? now;
      this.#become(twin, { status: 'revoked', reason, since, invalidity: given });
    }
    return true;
  }

  /** The schedule at this moment. */
  end(now: Date): void {
    this.states.forEach((state, index) => {
      if (state.status !== 'onHold' || state.until === undefined || state.until > now) return;
      if (state.end === 'release') this.#become(index, { status: 'good' });
      if (state.end === 'revoke') {
        this.#become(index, { status: 'revoked', reason: 'unspecified', since: state.since });
      }
    });
  }
}

interface Shown {
  readonly status: 'good' | 'onHold' | 'revoked';
  readonly reason?: ReasonCode | undefined;
  readonly since?: Date | undefined;
  readonly invalidity?: Date | undefined;
  readonly until?: Date | undefined;
  readonly end?: HoldEnd | undefined;
}

function shownOf(state: StatusState): Shown {
  return {
    status: state.status,
    reason: state.reasonCode,
    since: state.notGoodSince,
    invalidity: state.invalidityDate,
    until: state.holdUntil,
    end: state.holdThen,
  };
}

const defined = (shown: Shown) => JSON.parse(JSON.stringify(shown)) as unknown;

describe('nextStatus', () => {
  test('agrees with the model over any sequence of acts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const model = new Model();
        const states: StatusState[] = Array.from({ length: count }, () => initialStatus);
        let now = Date.UTC(2026, 10, 21);
        for (const taken of steps) {
          now += taken.after * 1000;
          // Deadlines and shared keys are the authority's; here every certificate stands alone.
          if (taken.kind === 'tick' || taken.of < 2) continue;
          const at = new Date(now);
          const change: StatusChange = {
            act: taken.kind,
            requestedAt: at,
            requestedBy: 'x',
            effectiveAt: at,
            ...(taken.kind === 'revoke'
              ? {
                  reasonCode: taken.reasonCode,
                  invalidityDate:
                    taken.invalidFor === undefined
                      ? undefined
                      : new Date(now - taken.invalidFor * 1000),
                }
              : {}),
            ...(taken.kind === 'hold' && taken.end !== undefined
              ? { until: new Date(now + holdSeconds * 1000), then: taken.end }
              : {}),
          };
          const before = states[taken.of] ?? initialStatus;
          let legal = true;
          try {
            states[taken.of] = nextStatus(before, change);
          } catch (error) {
            if (!isChanceryError(error)) throw error;
            legal = false;
          }
          expect(legal).toBe(model.apply(taken, at));
        }
        for (const index of [2, 3]) {
          expect(defined(shownOf(states[index] ?? initialStatus))).toEqual(
            defined(model.states[index] ?? { status: 'good' }),
          );
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the authority over its database', async () => {
  const chancery = await testAuthority('status_machine');
  const { authority, clock } = chancery;

  async function certificates(): Promise<readonly CertificateRecord[]> {
    const shared = freshKey();
    const issue = async (key = freshKey(), dns = 'm.example.test') =>
      (
        await authority.issueCertificate(admin, {
          profile: 'tls-server',
          csr: csrFor(key, dns),
        })
      ).record;
    return [await issue(shared), await issue(shared), await issue(), await issue()];
  }

  async function act(
    taken: Exclude<Step, { kind: 'tick' }>,
    serialNumber: string,
  ): Promise<boolean> {
    const now = clock.now();
    try {
      if (taken.kind === 'hold') {
        await authority.holdCertificate(admin, {
          serialNumber,
          ...(taken.end === undefined
            ? {}
            : { until: new Date(now.getTime() + holdSeconds * 1000), then: taken.end }),
        });
      } else if (taken.kind === 'release') {
        await authority.releaseCertificate(admin, { serialNumber });
      } else {
        await authority.revokeCertificate(admin, {
          serialNumber,
          reasonCode: taken.reasonCode,
          invalidityDate:
            taken.invalidFor === undefined
              ? undefined
              : new Date(now.getTime() - taken.invalidFor * 1000),
        });
      }
      return true;
    } catch (error) {
      if (!isChanceryError(error)) throw error;
      expect(['alreadyRevoked', 'illegalTransition', 'invalidArgument']).toContain(error.code);
      return false;
    }
  }

  test('status, history, CRL and OCSP agree with the model after any sequence of acts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const model = new Model();
        const records = await certificates();
        for (const taken of steps) {
          clock.advance(taken.after);
          if (taken.kind === 'tick') {
            await authority.endDueHolds();
            model.end(clock.now());
            continue;
          }
          const legal = await act(taken, records[taken.of]?.serialNumber ?? '');
          expect(legal).toBe(model.apply(taken, clock.now()));
        }
        await authority.publishCrl(admin, 'issuing');
        const listed = new Map(
          [...chancery.crl().entries()].map((entry) => [entry.serialNumber, entry]),
        );
        for (const [index, record] of records.entries()) {
          const expected = model.states[index] ?? { status: 'good' };
          const found = await chancery.find(record);
          expect(defined(shownOf(found?.status ?? initialStatus))).toEqual(defined(expected));

          const history = await authority.certificateHistory(admin, {
            serialNumber: record.serialNumber,
          });
          expect(history.length).toBe(model.lengths[index]);
          expect(history.at(-1)?.statusAfter ?? 'good').toBe(expected.status);

          const entry = listed.get(record.serialNumber);
          expect(entry !== undefined).toBe(expected.status !== 'good');
          if (entry !== undefined) {
            // unspecified(0) is left out (RFC 5280 §5.3.1).
            const reason = expected.reason === 'unspecified' ? undefined : expected.reason;
            expect(entry.reasonCode).toBe(reason);
            expect(entry.revocationDate).toEqual(expected.since);
            expect(entry.invalidityDate).toEqual(expected.invalidity);
          }

          expect(await chancery.ocsp(record)).toMatchObject({
            issuanceState: 'issued',
            status: expected.status,
            ...(expected.status === 'good'
              ? {}
              : { reasonCode: expected.reason, notGoodSince: expected.since }),
          });
        }
      }),
      { numRuns: 25, endOnFailure: true },
    );
  }, 60_000);
});
