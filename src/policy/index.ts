/** Certificate profiles, name policy, key policy: (profile, request, issuer, now) -> TBS or all violations. */

export type { ApplyProfileInput, ApplyProfileResult } from './apply.ts';
export { applyProfile } from './apply.ts';
export type { BlocklistFile } from './blocklist.ts';
export { parseKeyBlocklist } from './blocklist.ts';
export type { CaParameters } from './ca.ts';
export { subtreeParameters } from './ca-names.ts';
export { policyParameters } from './ca-policies.ts';
export type { FieldDescription, ProfileDescription } from './describe.ts';
export { describeProfile } from './describe.ts';
export { normaliseName } from './general-name.ts';
export type { IssuerInput } from './issuer.ts';
export type { KeyBlocklist, KeyPolicy } from './key-policy.ts';
export { checkKey, defaultKeyPolicy } from './key-policy.ts';
export type { NamePatterns, NamePolicy } from './name-policy.ts';
export { checkNamePolicy, parseNamePolicy, permitAll } from './name-policy.ts';
export type { NormalisedName } from './normalised-name.ts';
export { parseProfile, profileJsonSchema } from './parse.ts';
export type { Profile } from './profile.ts';
export type { CertificateRequestInput, RequestOverrides } from './request.ts';
export { requestFromCsr, requestFromParameters } from './request.ts';
export { wishedKeyUsage } from './usages.ts';
