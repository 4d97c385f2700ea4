import type { Permission, Principal } from '../domain/index.ts';
import type { AcmeDependencies } from './dependencies.ts';

/**
 * Who an ACME account is in the audit log and in certificates. A principal's name has no colon, so
 * nobody can be made who looks like one.
 */
export function accountPrincipal(
  { tenant }: Pick<AcmeDependencies, 'tenant'>,
  account: { readonly directory: string; readonly accountId: string },
  permissions: readonly Permission[] = [],
): Principal {
  return {
    id: 'acme',
    name: `acme:${account.directory}/${account.accountId}`,
    role: 'system',
    tenant,
    permissions: new Set(permissions),
  };
}
