import type { Cryptoperiod, KeyRecord, KeyType } from './ports.ts';

const day = 86_400;

/** For how long keys of a type are used, and how often (SP 800-57 Part 1 §5.3). */
export interface CryptoperiodPolicy {
  /** Seconds from activation in which it signs; undefined: until its certificate ends. */
  readonly originatorUsageSeconds?: number | undefined;
  /** Seconds from activation in which what it signed is verified; undefined: until its certificate ends. */
  readonly recipientUsageSeconds?: number | undefined;
  /** Signatures over all nodes. */
  readonly signatureLimit?: number | undefined;
  /** Seconds before its end in which rotation is called due. */
  readonly warnAheadSeconds: number;
  /** Why it is longer than `longestWithoutReason`; reports print it. */
  readonly reason?: string | undefined;
}

export type CryptoperiodPolicies = Readonly<Record<KeyType, CryptoperiodPolicy>>;

/** Beyond this (seconds) a period of OCSP and TLS keys needs a written reason. */
export const longestWithoutReason: Readonly<Partial<Record<KeyType, number>>> = {
  ocspResponder: 365 * day,
  httpsServer: 365 * day,
};

/**
 * Within the ranges of SP 800-57 Part 1 Table 1: private signature keys one to three years. What is longer
 * says why.
 */
export const defaultCryptoperiods: CryptoperiodPolicies = {
  ca: { warnAheadSeconds: 90 * day },
  ocspResponder: { originatorUsageSeconds: 365 * day, warnAheadSeconds: 30 * day },
  httpsServer: { originatorUsageSeconds: 365 * day, warnAheadSeconds: 30 * day },
  selfTest: {
    originatorUsageSeconds: 7305 * day,
    recipientUsageSeconds: 7305 * day,
    warnAheadSeconds: 90 * day,
    reason:
      'it signs random probes that its own process verifies at once and nobody else relies upon: it lives as long as its token',
  },
  transcript: {
    originatorUsageSeconds: 1095 * day,
    recipientUsageSeconds: 7305 * day,
    warnAheadSeconds: 90 * day,
  },
  audit: {
    originatorUsageSeconds: 1095 * day,
    recipientUsageSeconds: 7305 * day,
    warnAheadSeconds: 90 * day,
  },
  trustBundle: {
    originatorUsageSeconds: 1095 * day,
    recipientUsageSeconds: 1461 * day,
    warnAheadSeconds: 90 * day,
  },
  notice: {
    originatorUsageSeconds: 1095 * day,
    recipientUsageSeconds: 3653 * day,
    warnAheadSeconds: 90 * day,
  },
  wrapping: {
    originatorUsageSeconds: 730 * day,
    recipientUsageSeconds: 1826 * day,
    warnAheadSeconds: 90 * day,
  },
};

/**
 * The period of a key that is activated now (pure). No end lies after that of its certificate: what a
 * CA's key signed is not verified longer (§5.3.6 item 2).
 */
export function cryptoperiodAt(
  policy: CryptoperiodPolicy,
  activatedAt: Date,
  notAfter?: Date,
): Omit<Cryptoperiod, 'activatedAt'> {
  const earliest = (seconds: number | undefined): Date | undefined => {
    const own =
      seconds === undefined ? undefined : new Date(activatedAt.getTime() + seconds * 1000);
    return own !== undefined && (notAfter === undefined || own < notAfter) ? own : notAfter;
  };
  return {
    originatorUsageEnd: earliest(policy.originatorUsageSeconds),
    recipientUsageEnd: earliest(policy.recipientUsageSeconds),
    ...(policy.reason === undefined ? {} : { reason: policy.reason }),
  };
}

/** What someone should do about a key, and until when. */
export interface KeyWarning {
  readonly kind:
    | 'rotationDue'
    | 'periodEnded'
    | 'signatureLimit'
    | 'strength'
    | 'crlRunsOut'
    | 'tokenObject'
    | 'destructionUnfinished'
    | 'notValidated'
    | 'ceremonyDue';
  readonly keyId: string;
  readonly message: string;
  readonly due?: Date | undefined;
}

/** A tenth of the limit is left. */
const limitWarning = 0.9;

/** Warnings by age and by number of signatures (pure); of keys that can still be used. */
export function periodWarnings(
  record: Pick<KeyRecord, 'keyId' | 'label' | 'privateState' | 'cryptoperiod' | 'signatureLimit'>,
  policy: CryptoperiodPolicy,
  signatures: number,
  now: Date,
): readonly KeyWarning[] {
  const { keyId, label, privateState, cryptoperiod, signatureLimit } = record;
  if (privateState !== 'active' && privateState !== 'suspended') return [];
  const warnings: KeyWarning[] = [];
  const end = cryptoperiod.originatorUsageEnd;
  if (end !== undefined && now >= end) {
    warnings.push({
      kind: 'periodEnded',
      keyId,
      message: `the originator-usage period of ${label} ended at ${end.toISOString()}; put another key in its place`,
      due: end,
    });
  } else if (end !== undefined && end.getTime() - now.getTime() <= policy.warnAheadSeconds * 1000) {
    warnings.push({
      kind: 'rotationDue',
      keyId,
      message: `${label} signs until ${end.toISOString()}; prepare the next key now`,
      due: end,
    });
  }
  if (signatureLimit !== undefined && signatures >= signatureLimit * limitWarning) {
    warnings.push({
      kind: 'signatureLimit',
      keyId,
      message: `${label} made ${signatures} of its ${signatureLimit} signatures; prepare the next key now`,
    });
  }
  return warnings;
}
