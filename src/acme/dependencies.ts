import type { Authority, AuthorityDependencies } from '../authority/index.ts';
import type { Clock, TenantId } from '../domain/index.ts';
import type { AcmeUnitOfWork, ChallengeValidator, DirectoryPolicy } from './ports.ts';

/** Steps at which the crash tests kill the process; issuing has its own. In production the function does nothing. */
export type AcmeFailpoint =
  | 'acme.1-after-order'
  | 'acme.2-after-challenge'
  | 'acme.3-before-validated'
  | 'acme.4-after-validated';

/** Everything the protocol is given: no clock, randomness, network or database of its own. */
export interface AcmeDependencies {
  readonly tenant: TenantId;
  readonly unitOfWork: AcmeUnitOfWork;
  readonly authority: Authority;
  readonly validator: ChallengeValidator;
  readonly directories: ReadonlyMap<string, DirectoryPolicy>;
  /** The directory whose document stands at `/acme/directory`. */
  readonly defaultDirectory: string;
  /** `https://HOST:8443`, without a slash at the end; never from a Host header (I10). */
  readonly baseUrl: string;
  /** The installation's ACME secrets, newest first, the same on every node: nonces and MAC keys derive from them. */
  readonly secrets: readonly Uint8Array[];
  readonly randomBytes: (length: number) => Uint8Array;
  readonly clock: Clock;
  readonly log: AuthorityDependencies['log'];
  readonly failpoint: (name: AcmeFailpoint) => void;
  readonly settings: {
    /** Challenges that this process validates at once. */
    readonly validationConcurrency: number;
    /** How long a validation belongs to the node that began it. */
    readonly claimSeconds: number;
    /** An order that is processing for longer is tried again once its certificate is abandoned. */
    readonly settleAfterSeconds: number;
  };
}
