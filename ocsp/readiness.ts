import type { Clock } from '../src/domain/index.ts';
import type { KeyToken } from '../src/keys/ports.ts';
import type { Delegates } from './delegates.ts';
import type { KnownIssuer } from './issuers.ts';
import type { ForeignSigners } from './ports.ts';

export interface ReadinessState {
  readonly ready: boolean;
  /** Why not, one sentence each; empty when ready. */
  readonly reasons: readonly string[];
}

/**
 * Whether the responder can do its whole job: the database answers, the token's own self-test key
 * signs and verifies, each issuer has a valid delegate. Computed by `check` in the background,
 * read from memory.
 */
export class Readiness {
  readonly #parts: {
    readonly fresh: () => boolean;
    readonly token: Pick<KeyToken, 'selfTest'>;
    readonly delegates: Delegates;
    /** Those whose delegates are enrolled with the CA. */
    readonly issuers: () => readonly KnownIssuer[];
    readonly foreign?: Pick<ForeignSigners, 'alone' | 'problems'> | undefined;
    readonly clock: Clock;
    readonly others?: (() => readonly string[]) | undefined;
  };
  #state: ReadinessState = { ready: false, reasons: ['the responder is starting'] };
  #draining = false;

  constructor(parts: {
    readonly fresh: () => boolean;
    readonly token: Pick<KeyToken, 'selfTest'>;
    readonly delegates: Delegates;
    /** Those whose delegates are enrolled with the CA. */
    readonly issuers: () => readonly KnownIssuer[];
    readonly foreign?: Pick<ForeignSigners, 'alone' | 'problems'> | undefined;
    readonly clock: Clock;
    /** Why other processes of this responder are not ready. */
    readonly others?: (() => readonly string[]) | undefined;
  }) {
    this.#parts = parts;
  }

  /** Of this process alone. */
  get own(): ReadinessState {
    return this.#draining ? { ready: false, reasons: ['the responder is stopping'] } : this.#state;
  }

  /** Of the responder: any of its processes may get the next connection. */
  get state(): ReadinessState {
    const others = this.#parts.others?.() ?? [];
    if (others.length === 0) {
      return this.own;
    }
    return { ready: false, reasons: [...this.own.reasons, ...others] };
  }

  drain(): void {
    this.#draining = true;
  }

  /** Never throws. */
  async check(): Promise<void> {
    const { fresh, token, delegates, foreign, clock } = this.#parts;
    const issuers = this.#parts.issuers();
    const reasons: string[] = [];
    if (!fresh()) {
      reasons.push('the database does not answer: nothing new is signed');
    }
    try {
      await token.selfTest();
    } catch (error) {
      reasons.push(
        `the token can't sign: ${error instanceof Error ? error.message : 'its self-test failed'}`,
      );
    }
    // A foreign CA that is away takes a responder with issuers of its own out of no load balancer.
    if (foreign?.alone === true) {
      reasons.push(...foreign.problems());
    } else if (issuers.length === 0) {
      reasons.push('no issuer is known yet');
    }
    for (const issuer of delegates.missing(issuers, clock.now())) {
      reasons.push(`issuer ${issuer.name} has no valid OCSP signing certificate yet`);
    }
    this.#state = { ready: reasons.length === 0, reasons };
  }
}
