import type { Permission, Principal, Role } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import { rolePermissions } from './roles.ts';

/**
 * The permissions of a credential: those of the role, cut down to the credential's scope.
 * A scope never adds: a permission that the role lacks is dropped. An empty scope grants nothing;
 * an absent one grants all that the role allows.
 */
export function permissionsOf(
  role: Role,
  scope?: readonly Permission[] | undefined,
): ReadonlySet<Permission> {
  const ofRole = rolePermissions[role];
  if (scope === undefined) return new Set(ofRole);
  const asked = new Set(scope);
  return new Set(ofRole.filter((permission) => asked.has(permission)));
}

/** Whether the principal holds the permission. */
export function isAuthorized(principal: Principal, permission: Permission): boolean {
  return principal.permissions.has(permission);
}

/**
 * Lets the principal pass or throws: whatever is not granted is denied.
 *
 * @throws ChanceryError `forbidden`, naming the permission that lacks and who could grant it.
 */
export function authorize(principal: Principal, permission: Permission): void {
  if (isAuthorized(principal, permission)) return;
  const roleHasIt = rolePermissions[principal.role].includes(permission);
  throw new ChanceryError('forbidden', {
    message: roleHasIt
      ? `the credential of ${principal.name} is scoped without ${permission}; use one whose scope names it`
      : `${principal.name} has the role ${principal.role}, which lacks ${permission}; ask for a role that has it (${rolesWith(permission).join(', ') || 'no role has'})`,
    field: permission,
  });
}

/** Subscribers and responders act on their own certificates only; the use case compares the owner. */
export function actsOnlyOnOwn(principal: Principal): boolean {
  return principal.role === 'subscriber' || principal.role === 'responder';
}

function rolesWith(permission: Permission): Role[] {
  return (Object.keys(rolePermissions) as Role[]).filter(
    (role) => role !== 'system' && rolePermissions[role].includes(permission),
  );
}
