/** Certification path validation (RFC 5280 §6.1, RFC 9618). */
export { checkPolicies } from './check-policies.ts';
export { type PathInputs, type PathResult, validatePath, verifyChain } from './validate-path.ts';
