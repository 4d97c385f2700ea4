/** The ACME server: requests in, answers out, and what operators do about accounts and limits. */

export type { Acme } from './acme.ts';
export { createAcme } from './acme.ts';
export { readAlternateChain } from './alternate-chains.ts';
export type { AcmeAnswer, AcmeRequest } from './context.ts';
export type { CreateEabRequest } from './credentials.ts';
export type { AcmeDependencies, AcmeFailpoint } from './dependencies.ts';
export { secretId } from './external-account.ts';
export type { OpenIncidentRequest } from './incidents.ts';
export type { PutLimitOverrideRequest } from './limit-overrides.ts';
export { rateLimitNames } from './rate-limits.ts';
