import type { AcmeDependencies } from './dependencies.ts';
import type { AuthorizationRecord } from './ports.ts';
import { createRecovery } from './recovery.ts';
import { createValidations } from './validations.ts';

/** What orders have going on in this process beside requests: validations and interrupted issuances. */
export interface OrderWork {
  /** @throws ChanceryError overloaded when no more validations can wait here */
  requireRoom(accountId: string): void;
  /** Begins what this process claimed: the authorization's challenge is processing. */
  validate(authorization: AuthorizationRecord, thumbprint: string): void;
  /** The next attempt is due now. */
  hurry(authorizationId: string): void;
  /** Ends with the attempt that is under way for this authorization in this process, or after so long. */
  attemptOf(authorizationId: string, milliseconds: number): Promise<void>;
  /** Takes over what a dead node left: challenges whose claim ran out, orders whose certificate was abandoned. */
  resume(): Promise<void>;
  /** Waits for what is under way and begins nothing new. */
  drain(): Promise<void>;
}

export function createOrderWork(dependencies: AcmeDependencies): OrderWork {
  const validations = createValidations(dependencies);
  const recovery = createRecovery(dependencies);
  return {
    requireRoom: (accountId) => validations.requireRoom(accountId),
    validate: (authorization, thumbprint) => validations.begin(authorization, thumbprint),
    hurry: (authorizationId) => validations.hurry(authorizationId),
    attemptOf: async (authorizationId, milliseconds) =>
      validations.attemptOf(authorizationId, milliseconds),
    async resume() {
      await validations.resume();
      await recovery.resume();
    },
    async drain() {
      recovery.stop();
      await validations.drain();
    },
  };
}
