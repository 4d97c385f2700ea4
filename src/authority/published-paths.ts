import type { IssuerId } from '../domain/index.ts';

/** `crl/{issuerId}/{shard}.crl` below the published folder and the distribution URL. */
export function crlPath(issuerId: IssuerId, shard: number): string {
  return `crl/${issuerId}/${shard}.crl`;
}

/** `ca/{issuerId}.cer` below the published folder and the distribution URL. */
export function caPath(issuerId: string): string {
  return `ca/${issuerId}.cer`;
}
