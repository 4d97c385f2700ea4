import { operationsByState, type SigningPurpose } from '../domain/index.ts';
import type { KeyLife } from '../keys/ports.ts';

/**
 * Why a key signs nothing at all now; undefined when it may sign something (SP 800-57 Part 1 §7, §5.3).
 *
 * @param now milliseconds since 1970, by the signer process's own clock
 */
export function standstillOf(
  { state, originatorUsageEnd }: KeyLife,
  now: number,
): string | undefined {
  if (operationsByState[state] === 'nothing') return `it is ${state}`;
  return originatorUsageEnd !== undefined && now >= originatorUsageEnd
    ? `its originator-usage period ended at ${new Date(originatorUsageEnd).toISOString()} (§5.3)`
    : undefined;
}

/** Why a key that may sign does not sign under this purpose, whatever the octets. */
export function purposeRefusal(
  { state, scope }: KeyLife,
  purpose: SigningPurpose,
): string | undefined {
  const issues = purpose === 'certificate';
  // Of a certificate the content tells: its own issuer's, of its own public key.
  if (operationsByState[state] === 'proofOfPossession') {
    return issues || purpose === 'certificationRequest'
      ? undefined
      : 'it is not activated and signs proof of possession alone';
  }
  return scope === 'status' && !issues && purpose !== 'crl'
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
