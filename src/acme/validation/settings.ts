import { isIP } from 'node:net';
import { ChanceryError } from '../../domain/index.ts';
import type { Deadline } from './deadline.ts';
import { createTargets, type Targets } from './targets.ts';

/** How a directory looks at the network. */
export interface ValidationSettings {
  /** The DNS server to ask, by address; undefined: the system's. */
  readonly resolver?: { readonly host: string; readonly port: number } | undefined;
  /** 80, but for trials (RFC 8555 §8.3). */
  readonly http01Port: number;
  /** 443, but for trials (RFC 8737 §3). */
  readonly tlsAlpn01Port: number;
  /**
   * The address of this machine that connections to subscribers come from; those of the other IP
   * version are then left out. Questions to the DNS server are not bound to it.
   */
  readonly sourceAddress?: string | undefined;
  /** Networks in CIDR notation that may be connected to; empty: any. */
  readonly targets: readonly string[];
  /** Loopback, `localhost` included, is refused otherwise. */
  readonly allowLoopback: boolean;
  /** For one attempt, DNS, connections and redirects together. */
  readonly timeoutMilliseconds: number;
  readonly userAgent?: string | undefined;
}

/** One attempt: settings that were checked, and its clock. */
export interface Attempt {
  readonly settings: ValidationSettings;
  readonly targets: Targets;
  readonly deadline: Deadline;
}

/**
 * Checks what the type does not say.
 *
 * @throws ChanceryError `configuration`.
 */
export function checkValidationSettings(settings: ValidationSettings): { targets: Targets } {
  const { resolver, sourceAddress } = settings;
  if (resolver !== undefined && isIP(resolver.host) === 0) {
    throw new ChanceryError('configuration', {
      message: `acme.resolver: ${JSON.stringify(resolver.host)} is no IP address; the DNS server can't be looked up in the DNS, write it as 192.0.2.53:53`,
    });
  }
  if (sourceAddress !== undefined && isIP(sourceAddress) === 0) {
    throw new ChanceryError('configuration', {
      message: `acme.sourceAddress: ${JSON.stringify(sourceAddress)} is no IP address of this machine`,
    });
  }
  return { targets: createTargets(settings.targets, settings.allowLoopback) };
}
