import { operationsByState, type SigningPurpose } from '../domain/index.ts';
import type { KeyLife } from '../keys/ports.ts';

/**
 * Why a key may not be used now for this purpose, whatever the octets; undefined when it may
 * (SP 800-57 Part 1 §7, §5.3).
 *
 * @param now milliseconds since 1970, by the signer process's own clock
 */
export function lifeRefusal(
  { state, scope, originatorUsageEnd }: KeyLife,
  purpose: SigningPurpose,
  now: number,
): string | undefined {
  switch (operationsByState[state]) {
    case 'nothing':
      return `it is ${state}`;
    case 'proofOfPossession':
      // Of a certificate the content tells: its own issuer's, of its own public key.
      return purpose === 'certificationRequest' || purpose === 'certificate'
        ? undefined
        : 'it is not activated; it signs proof of possession alone';
    case 'purposes':
      break;
  }
  if (originatorUsageEnd !== undefined && now >= originatorUsageEnd) {
    return `its originator-usage period ended at ${new Date(originatorUsageEnd).toISOString()} (SP 800-57 Part 1 §5.3)`;
  }
  return scope === 'status' && purpose !== 'certificate' && purpose !== 'crl'
    ? `its issuer retires: it signs CRLs and the certificates of OCSP delegates, no ${purpose}`
    : undefined;
}

/**
 * Why a running signer process does not take a new life for a key that it knows; undefined when it
 * does. What was compromised or narrowed is not widened again while the process lives, whoever asks.
 */
export function wideningRefusal(known: KeyLife, next: KeyLife): string | undefined {
  if (known.state === 'compromised' && next.state !== 'compromised' && next.state !== 'destroyed') {
    return `it is compromised and never becomes ${next.state} again`;
  }
  if (known.state === 'destroyed' && next.state !== 'destroyed') {
    return `it is destroyed and never becomes ${next.state} again`;
  }
  return known.scope === 'status' && next.scope === 'full'
    ? 'its purposes were narrowed to status, for good'
    : undefined;
}
