/** Certificate profiles, name policy, key policy: (profile, request, issuer, now) -> TBS or all violations. */
export { applyProfile } from './apply.ts';
export type { ApplyProfileInput, ApplyProfileResult, IssuerInput } from './apply.ts';
export type { CaParameters } from './ca.ts';
export { normaliseName } from './general-name.ts';
export type { NormalisedName } from './general-name.ts';
export { checkNamePolicy, permitAll } from './name-policy.ts';
export type { NamePatterns, NamePolicy } from './name-policy.ts';
export { parseProfile, profileJsonSchema } from './parse.ts';
export type { Profile } from './profile.ts';
export { requestFromCsr, requestFromParameters } from './request.ts';
export type { CertificateRequestInput, RequestOverrides } from './request.ts';
