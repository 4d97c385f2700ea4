import type { TenantId } from './identifiers.ts';

export const roles = [
  'administrator',
  'operator',
  'auditor',
  'subscriber',
  'responder',
  'system',
] as const;
/** `system` acts on schedules (end of a hold, CRL publication); nobody can log in as it. */
export type Role = (typeof roles)[number];

/** Every permission; a route or use case names exactly one. */
export const permissions = [
  'certificates:issue',
  'certificates:read',
  'certificates:renew',
  'certificates:revoke',
  'certificates:hold',
  'certificates:release',
  'certificates:describe',
  'certificates:purge',
  'certificates:import',
  'issuers:read',
  'issuers:create',
  'keys:read',
  'keys:manage',
  'keys:destroy',
  'compromise:declare',
  'incidents:read',
  'incidents:manage',
  'reports:read',
  'crls:read',
  'crls:publish',
  'profiles:read',
  'bundles:read',
  'principals:read',
  'principals:create',
  'credentials:create',
  'credentials:read',
  'credentials:revoke',
  'responders:enrol',
  'acme:read',
  'acme:manage',
  'audit:read',
  'metrics:read',
] as const;
export type Permission = (typeof permissions)[number];

/** Who asks: every use case takes one. Permissions are already the intersection of role and credential scope. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly tenant: TenantId;
  readonly permissions: ReadonlySet<Permission>;
}

export const defaultTenant: TenantId = 'default';

/** The principal of scheduled acts. It holds what schedules need and cannot authenticate. */
export const systemPrincipal: Principal = {
  id: 'system',
  name: 'system',
  role: 'system',
  tenant: defaultTenant,
  permissions: new Set<Permission>([
    'crls:publish',
    'certificates:release',
    'certificates:revoke',
    'certificates:read',
    'issuers:read',
    'keys:manage',
    'reports:read',
  ]),
};
