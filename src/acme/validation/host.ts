import { isIP, isIPv4, isIPv6 } from 'node:net';
import { createDnsClient } from './dns.ts';
import { ValidationFailure } from './failure.ts';
import type { Attempt } from './settings.ts';

/** Of each IP version; a dead one must not use up the time of all. */
const maximumAddresses = 2;

/** A host and the addresses that it was found at, all of them allowed, in the order to try them. */
export interface Host {
  /** The name, or the address without brackets. */
  readonly name: string;
  readonly addresses: readonly string[];
}

/** `localhost` and what is below: loopback, and never asked of the DNS (RFC 6761 §6.3). */
export function isLocalhost(name: string): boolean {
  return /^(.+\.)?localhost\.?$/i.test(name);
}

/**
 * Refuses what is no host name, and names that end in a number: some programs read them as an IPv4
 * address (`0x7f.1`, `2130706433`), and no DNS zone has them.
 */
export function checkHostName(name: string): void {
  const labels = name.replace(/\.$/, '').split('.');
  const shown = JSON.stringify(name.slice(0, 100));
  if (name.length > 254 || !labels.every((label) => /^[a-z0-9_-]{1,63}$/i.test(label))) {
    throw new ValidationFailure('dns', `${shown} is no host name`, false);
  }
  if (/^([0-9]+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '')) {
    throw new ValidationFailure('dns', `${shown} ends in a number, so it is no DNS name`, false);
  }
}

/**
 * Finds the addresses of a host: looked up once, IPv6 first. Whoever connects does so to these, so
 * that a second answer of the DNS (rebinding) changes nothing. An address is its own.
 */
export async function findHost(name: string, attempt: Attempt): Promise<Host> {
  const { ipv6, ipv4 } = await addressesOf(name, attempt);
  const all = [...ipv6, ...ipv4];
  if (all.length === 0) {
    throw new ValidationFailure(
      'dns',
      `${name} has neither an AAAA nor an A record; the host must have an address`,
    );
  }
  const refusals: string[] = [];
  const allowed = all.filter((address) => {
    const refusal = attempt.targets.refusal(address);
    if (refusal !== undefined) refusals.push(refusal);
    return refusal === undefined;
  });
  if (allowed.length === 0) {
    throw new ValidationFailure(
      'unauthorized',
      `validation does not connect to ${name}: ${refusals.slice(0, 4).join('; ')}; the CA's operator may add to the directory's targets`,
      false,
    );
  }
  const usable = sourceFits(allowed, attempt.settings.sourceAddress);
  if (usable.length === 0) {
    throw new ValidationFailure(
      'connection',
      `${name} has no IPv${isIP(attempt.settings.sourceAddress ?? '')} address, and validation goes out by that version only`,
    );
  }
  return {
    name,
    addresses: [
      ...usable.filter(isIPv6Address).slice(0, maximumAddresses),
      ...usable.filter(isIPv4Address).slice(0, maximumAddresses),
    ],
  };
}

async function addressesOf(
  name: string,
  attempt: Attempt,
): Promise<{ readonly ipv6: readonly string[]; readonly ipv4: readonly string[] }> {
  if (isIPv6(name)) return { ipv6: [name], ipv4: [] };
  if (isIPv4(name)) return { ipv6: [], ipv4: [name] };
  if (isLocalhost(name)) return { ipv6: ['::1'], ipv4: ['127.0.0.1'] };
  checkHostName(name);
  return createDnsClient(attempt).addresses(name);
}

function sourceFits(addresses: readonly string[], source: string | undefined): readonly string[] {
  return source === undefined
    ? addresses
    : addresses.filter((address) => isIP(address) === isIP(source));
}

function isIPv6Address(address: string): boolean {
  return isIPv6(address);
}

function isIPv4Address(address: string): boolean {
  return isIPv4(address);
}
