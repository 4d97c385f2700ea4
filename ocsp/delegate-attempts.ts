import { ChanceryError, isChanceryError } from '../src/domain/index.ts';
import type { OcspDelegate } from '../src/issuance/index.ts';
import type { Certificate, KeyAlgorithmName } from '../src/pkix/index.ts';
import type { Attempts } from './delegate-slot.ts';
import type { KnownIssuer } from './issuers.ts';
import type { Log } from './ports.ts';

const firstRetry = 250;
const longestRetry = 10_000;
/** A ceremony is a matter of days. */
const ceremonyRetry = 30_000;

/** The issuer's token is absent: only a ceremony makes the next certificate. */
export function waitsForCeremony(error: unknown): boolean {
  return isChanceryError(error) && error.code === 'tokenAbsent';
}

/** The CA was asked, and refused. */
export function isRefusal(error: unknown): boolean {
  return isChanceryError(error) && error.code === 'forbidden';
}

/** @throws ChanceryError tokenAbsent when the CA answered with what is held already: it made no new one */
export function requireNew(held: readonly OcspDelegate[], certificate: Certificate): void {
  if (held.some((one) => Buffer.compare(one.certificate.der, certificate.der) === 0)) {
    throw new ChanceryError('tokenAbsent', {
      message: 'the next certificate comes with a ceremony; the present one goes on',
    });
  }
}

/** Puts the next attempt off, and says why. */
export function putOff(
  attempts: Attempts,
  error: unknown,
  log: Log,
  { name, issuerId }: KnownIssuer,
  keyAlgorithm: KeyAlgorithmName,
): void {
  const fields = { issuer: name, issuerId, keyAlgorithm };
  if (waitsForCeremony(error)) {
    attempts.next = performance.now() + ceremonyRetry;
    if (attempts.waits !== true) {
      log('info', 'a delegate comes with a ceremony; its request is in the responder’s folder', {
        ...fields,
        reason: isChanceryError(error) ? error.message : '',
      });
    }
    attempts.waits = true;
    return;
  }
  attempts.failures += 1;
  const wait = firstRetry * 2 ** Math.min(attempts.failures - 1, 10);
  attempts.next = performance.now() + Math.min(longestRetry, wait);
  log(attempts.failures > 3 ? 'error' : 'warn', 'no delegate is enrolled yet', {
    ...fields,
    // The stack of an expected refusal would say nothing, several times a minute.
    ...(isChanceryError(error) ? { reason: error.message } : { error }),
  });
}
