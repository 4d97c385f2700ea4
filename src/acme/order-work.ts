import type { AcmeDependencies } from './dependencies.ts';

/** What orders have going on in this process beside requests: validations and interrupted issuances. */
export interface OrderWork {
  /** Takes over what a dead node left: challenges whose claim ran out, orders whose certificate was abandoned. */
  resume(): Promise<void>;
  /** Waits for what is under way and begins nothing new. */
  drain(): Promise<void>;
}

export function createOrderWork(_dependencies: AcmeDependencies): OrderWork {
  return { resume: async () => undefined, drain: async () => undefined };
}
