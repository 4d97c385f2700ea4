import type { KeyLife, KeyRecord, KeyUsageCount } from './ports.ts';

/**
 * What the signer process is told of a key (pure): with it the process refuses by itself what the state,
 * the scope, the period, the limit or another issuer's name forbid (SP 800-57 Part 1 §5.3, §7).
 *
 * @param issuerName DER Name of the issuer whose key it is; undefined for keys of no issuer
 * @param count what this node has counted, and may count all in all under a limit
 */
export function lifeOf(
  record: Pick<KeyRecord, 'type' | 'privateState' | 'scope' | 'cryptoperiod' | 'signatureLimit'>,
  issuerName?: Uint8Array,
  count?: Pick<KeyUsageCount, 'allotted' | 'signatures'>,
): KeyLife {
  return {
    state: record.privateState,
    scope: record.scope,
    issuerName,
    originatorUsageEnd: endOfSigning(record)?.getTime(),
    // A limit of which this node has no share yet: nothing may be signed until it has one.
    allotted: record.signatureLimit === undefined ? undefined : (count?.allotted ?? 0),
    counted: count?.signatures,
  };
}

function endOfSigning({
  type,
  cryptoperiod,
}: Pick<KeyRecord, 'type' | 'cryptoperiod'>): Date | undefined {
  switch (type) {
    // It narrows to CRLs and delegates when its originator-usage period ends (its scope says so), and
    // signs those until its certificate ends.
    case 'ca':
      return cryptoperiod.recipientUsageEnd;
    // Its probes are verified at once, by its own process, and relied upon by nobody: the end of its
    // period is a warning. Enforced, it would take a sound token out of service.
    case 'selfTest':
      return undefined;
    default:
      return cryptoperiod.originatorUsageEnd;
  }
}
