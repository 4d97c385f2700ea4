/** CRLReason (RFC 5280 §5.3.1) by its exact names; 7 is not used. */
export const reasonCodes = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type ReasonCode = keyof typeof reasonCodes;

export function reasonCodeNumber(reason: ReasonCode): number {
  return reasonCodes[reason];
}

/** The name of a CRLReason number, or undefined for 7 and anything unknown. */
export function reasonCodeName(value: number): ReasonCode | undefined {
  return (Object.keys(reasonCodes) as ReasonCode[]).find((name) => reasonCodes[name] === value);
}
