import type { Clock } from '../domain/index.ts';
import type { TokenRole } from '../keys/ports.ts';
import type { Log } from './signer-child.ts';

/** Where a token is found, and how it is opened. */
export interface TokenPlace {
  /** Path of the PKCS#11 module (a shared object); loaded in the signer process only. */
  readonly module: string;
  /** CKA label of the token; with `serialNumber` it finds the slot. */
  readonly label: string;
  readonly serialNumber?: string | undefined;
  /** File with the user PIN, mode 0600. `<file>.refused` and `<file>.blocked` are kept beside it. */
  readonly pinFile: string;
  /** The signer process's environment, for example SOFTHSM2_CONF; it gets nothing else of ours. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Text that the module takes in C_Initialize: NSS's `configdir='sql:…'`. */
  readonly libraryParameters?: string | undefined;
}

/** A second token with the same keys. */
export interface StandbyOptions extends TokenPlace {
  /** Milliseconds that the first must have been well again before it signs again. Default 60000. */
  readonly failBackAfter?: number | undefined;
}

export interface TokenOptions extends TokenPlace {
  readonly role: TokenRole;
  /** Signs while the first is away; a signer process of its own. */
  readonly standby?: StandbyOptions | undefined;
  /** Sessions that sign at the same time; a network HSM likes about 30. Default 4. */
  readonly sessions?: number | undefined;
  /** Requests that may wait or run; one more is `overloaded`. Default 1000. */
  readonly queueLimit?: number | undefined;
  /** Milliseconds for acts that name no deadline of their own. Default 5000. */
  readonly defaultDeadline?: number | undefined;
  /** Opens the token for an act and closes it when idle, as the root's must be. Default false. */
  readonly onDemand?: boolean | undefined;
  /** Milliseconds without work after which an on-demand token is closed. Default 2000. */
  readonly idleClose?: number | undefined;
  /** Milliseconds without work after which the sessions are called; undefined or 0: never. */
  readonly keepAlive?: number | undefined;
  /** Milliseconds for opening module, token and login. Default 10000. */
  readonly openDeadline?: number | undefined;
  /** Where signatures are counted; two tokens with the same keys share it. Default: beside the PIN file. */
  readonly countsFolder?: string | undefined;
  readonly clock: Clock;
  readonly log?: Log | undefined;
}

export interface TokenHealth {
  /** `idle`: an on-demand token that is closed. */
  readonly state: 'ready' | 'starting' | 'failed' | 'idle';
  readonly reason?: string | undefined;
  /** The reason stays until an operator mends it: a refused PIN, a missing token or PIN file. */
  readonly needsOperator: boolean;
  readonly since: Date;
  /** Of the second token, where there is one. */
  readonly standby?: (TokenHealth & { readonly serving: boolean }) | undefined;
}

/** Figures for /metrics; counters grow from zero at each start of our process. */
export interface TokenMetrics {
  readonly role: TokenRole;
  readonly state: TokenHealth['state'];
  readonly waiting: number;
  readonly inFlight: number;
  readonly signatures: number;
  readonly failures: number;
  /** Signer processes started. */
  readonly starts: number;
  readonly blockedKeys: number;
  /** Of the present signer process. */
  readonly pid: number | undefined;
  /** Of the second token, where there is one. */
  readonly standby?: (TokenMetrics & { readonly serving: boolean }) | undefined;
}
