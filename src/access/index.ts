/** Principals, roles and what they may do: a table and pure functions over it. */
export { actsOnlyOnOwn, authorize, isAuthorized, permissionsOf } from './authorization.ts';
export type {
  CertificateBinding,
  CredentialRecord,
  PrincipalRecord,
  PrincipalStore,
} from './ports.ts';
export { rolePermissions } from './roles.ts';
