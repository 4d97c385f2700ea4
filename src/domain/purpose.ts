/** The closed list of what a token key may sign. A key's record binds some of them; all else is refused. */
export const signingPurposes = [
  'certificate',
  'crl',
  'certificationRequest',
  'ocspResponse',
  'checkpoint',
  'trustMetadata',
  'transcript',
  'notice',
  'selfTest',
] as const;
export type SigningPurpose = (typeof signingPurposes)[number];
