import type { Clock, Random, TenantId } from '../domain/index.ts';
import type { EntrySpools, Signer } from '../issuance/ports.ts';
import {
  type CryptoperiodPolicies,
  defaultCryptoperiods,
  type KeyRecord,
  type KeyToken,
  type ModuleValidation,
} from '../keys/index.ts';
import type { KeyPolicy, NamePolicy, Profile } from '../policy/index.ts';
import type { ChangeFeed, InstallationFile, Leases, Publisher, UnitOfWork } from './ports.ts';
import type { ReportSettings } from './report-settings.ts';

/** Numbered steps at which the crash tests kill the process. In production the function does nothing. */
export type FailpointName =
  | 'issue.1-before-intent'
  | 'issue.2-after-intent'
  | 'issue.3-after-signature'
  | 'issue.4-after-commit'
  | 'status.1-before-commit'
  | 'status.2-after-commit'
  | 'crl.1-after-number'
  | 'crl.2-after-signature'
  | 'crl.3-after-file'
  | 'crl.4-after-commit'
  | 'bulk.1-before-commit'
  | 'bulk.2-after-commit'
  | 'issuer.1-after-key'
  | 'purge.1-before-commit'
  | 'purge.2-after-commit'
  | 'key.1-before-commit'
  | 'key.2-after-commit'
  | 'key.destroy.1-after-intent'
  | 'key.destroy.2-after-token';

/** One line for the operator; `alarm` is an error that someone must act upon. */
export type AuthorityLog = (
  level: 'info' | 'warn' | 'alarm',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** Everything the use cases are given: no clock, randomness, token or database of their own. */
export interface AuthorityDependencies {
  readonly tenant: TenantId;
  readonly unitOfWork: UnitOfWork;
  readonly leases: Leases;
  readonly changeFeed: ChangeFeed;
  readonly publisher: Publisher;
  /** What was published as this node serves it: the store itself, or a copy that follows it. */
  readonly servedFiles: Pick<Publisher, 'open'>;
  readonly installationFile: InstallationFile;
  /** Where the entries of a CRL wait while it is linted, signed and published. */
  readonly entrySpools: EntrySpools;
  /** Routes each key to its token. */
  readonly signer: Signer;
  readonly tokens: { readonly root: KeyToken; readonly issuing: KeyToken };
  readonly random: Random;
  readonly clock: Clock;
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Narrows the names that profiles accept. */
  readonly namePolicy: NamePolicy;
  /** Which keys are certified at all; undefined: the product's own policy, without a blocklist. */
  readonly keyPolicy?: KeyPolicy | undefined;
  readonly log: AuthorityLog;
  readonly failpoint: (name: FailpointName) => void;
  readonly settings: AuthoritySettings;
}

export interface AuthoritySettings {
  /** Name of this process in leases; unique in the cluster. */
  readonly node: string;
  /** `http://HOST:8080`, without a slash at the end: CRLs and CA certificates. */
  readonly distributionUrl: string;
  /** `http://HOST:8081/`. */
  readonly ocspUrl: string;
  readonly crlLifetimeSeconds: number;
  /** Tokens that this process never opens: their issuers sign in ceremonies only. */
  readonly absentTokens?: readonly ('root' | 'issuing')[] | undefined;
  /** The longest life of a CRL that a ceremony makes. */
  readonly ceremonyCrlMaximumSeconds: number;
  /** How long before the end of what an absent issuer signed the alarm is raised. */
  readonly ceremonyWarnAheadSeconds: number;
  /** Milliseconds that a signature may take. */
  readonly signDeadline: number;
  /** Issuances under way at once; one more is `overloaded`. */
  readonly issuanceLimit: number;
  /** Name of the issuer used when a request names none; undefined: the oldest active one that is no root. */
  readonly defaultIssuer?: string | undefined;
  /** A `prepared` row older than this (seconds) is settled as abandoned; longer than any deadline. */
  readonly settleAfterSeconds: number;
  /** Certificates of a job that one transaction changes; default 500. */
  readonly bulkBatchSize?: number | undefined;
  /** Seconds that a successor's public key is to be had before its key may be activated. */
  readonly distributeBeforeActivationSeconds: number;
  readonly inventory: InventorySettings;
  /** Undefined: the product's own policy. */
  readonly keys?: KeySettings | undefined;
  /** What reports look for, and how often they are made; default: report-settings.ts. */
  readonly reports?: Partial<ReportSettings> | undefined;
}

/** The life of keys: periods, strengths, modules, how often tokens are compared with the inventory. */
export interface KeySettings {
  readonly cryptoperiods: CryptoperiodPolicies;
  /** Bits of security of what is made or adopted. */
  readonly minimumStrength: number;
  readonly requireValidatedModule: boolean;
  /** CMVP certificates of tokens, as the configuration states them. */
  readonly validations: Readonly<Partial<Record<KeyRecord['tokenRole'], ModuleValidation>>>;
  readonly reconcileEverySeconds: number;
  /** Whether the schedule opens the root token for that. */
  readonly reconcileRoot: boolean;
}

export const defaultKeySettings: KeySettings = {
  cryptoperiods: defaultCryptoperiods,
  minimumStrength: 112,
  requireValidatedModule: false,
  validations: {},
  reconcileEverySeconds: 3600,
  reconcileRoot: false,
};

/** What the use cases go by. */
export function keySettings({ settings }: { readonly settings: AuthoritySettings }): KeySettings {
  return settings.keys ?? defaultKeySettings;
}

export interface InventorySettings {
  /** Seconds after notAfter that contents are kept, by retention class; what has no entry is kept for good. */
  readonly retention: Readonly<Record<string, number>>;
  /** Whether the schedule purges by itself, or only an administrator's command does. */
  readonly purge: 'schedule' | 'command';
  /** Seconds that changes of the feed are kept. */
  readonly keepChangesSeconds: number;
}
