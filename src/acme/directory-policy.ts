import type { IssuerId } from '../domain/index.ts';
import type { Certificate } from '../pkix/index.ts';
import type { NamePatterns } from '../policy/index.ts';
import type { ChallengeType } from './records.ts';

export interface RateLimitSettings {
  readonly burst: number;
  /** Over this many seconds the burst is given back. */
  readonly seconds: number;
}

/** The limits that a directory may set; undefined: none. */
export interface DirectoryLimits {
  readonly newAccountPerAddress?: RateLimitSettings | undefined;
  readonly newOrderPerAccount?: RateLimitSettings | undefined;
  readonly newOrderPerCredential?: RateLimitSettings | undefined;
  /** Certificates a name, whoever asks. */
  readonly newOrderPerName?: RateLimitSettings | undefined;
  /** An account's failed validations of one name. */
  readonly failedValidationPerName?: RateLimitSettings | undefined;
}

/** Beside an issuer's own chain: one over another certificate of its key (RFC 8555 §7.4.2). */
export interface AlternateChain {
  readonly issuerId: IssuerId;
  /** That certificate, then those above it, without the root. */
  readonly certificates: readonly Certificate[];
}

/** One ACME directory as configured and checked. */
export interface DirectoryPolicy {
  readonly name: string;
  /** Name or id of an issuer; undefined: the default issuing CA. */
  readonly issuer?: string | undefined;
  readonly alternateChains?: readonly AlternateChain[] | undefined;
  /** Profiles that may be asked for, with what the directory says of each. */
  readonly profiles: ReadonlyMap<string, string>;
  readonly defaultProfile: string;
  readonly challengeTypes: readonly ChallengeType[];
  readonly names: {
    readonly allow?: NamePatterns | undefined;
    readonly deny?: NamePatterns | undefined;
  };
  readonly externalAccount: 'none' | 'newAccounts' | 'always';
  readonly termsOfService?: string | undefined;
  readonly website?: string | undefined;
  readonly limits: DirectoryLimits;
  /** Identifiers in one order at most. */
  readonly maximumIdentifiers: number;
  readonly orderLifetimeSeconds: number;
  readonly authorizationLifetimeSeconds: number;
  /** Seconds before the second, third … attempt at a challenge; its length + 1 is how many there are. */
  readonly retrySeconds: readonly number[];
}
