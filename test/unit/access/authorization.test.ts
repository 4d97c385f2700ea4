import { describe, expect, it } from 'vitest';
import {
  actsOnlyOnOwn,
  authorize,
  isAuthorized,
  permissionsOf,
  rolePermissions,
} from '../../../src/access/index.ts';
import type { Permission, Principal, Role } from '../../../src/domain/index.ts';
import { ChanceryError, defaultTenant, permissions, roles } from '../../../src/domain/index.ts';

function principal(role: Role, scope?: readonly Permission[]): Principal {
  return {
    id: `id-${role}`,
    name: `some-${role}`,
    role,
    tenant: defaultTenant,
    permissions: permissionsOf(role, scope),
  };
}

describe('role table', () => {
  it('grants only permissions that exist, none twice', () => {
    for (const role of roles) {
      const granted = rolePermissions[role];
      expect(new Set(granted).size, role).toBe(granted.length);
      for (const permission of granted) expect(permissions).toContain(permission);
    }
  });

  it('leaves no permission without a role', () => {
    for (const permission of permissions) {
      expect(
        roles.some((role) => role !== 'system' && rolePermissions[role].includes(permission)),
        permission,
      ).toBe(true);
    }
  });

  it('opens the door of delegate certificates to responders alone (invariant 8)', () => {
    const holders = roles.filter((role) => rolePermissions[role].includes('responders:enrol'));
    expect(holders).toEqual(['responder']);
  });

  it('lets the auditor change nothing', () => {
    for (const permission of rolePermissions.auditor) expect(permission).toMatch(/:read$/);
  });

  it('gives issuers, principals and credentials to administrators alone', () => {
    for (const permission of [
      'issuers:create',
      'principals:create',
      'credentials:create',
      'credentials:revoke',
    ] as const) {
      expect(roles.filter((role) => rolePermissions[role].includes(permission))).toEqual([
        'administrator',
      ]);
    }
  });

  it('keeps status changes from subscribers and responders', () => {
    for (const role of ['subscriber', 'responder'] as const) {
      for (const permission of [
        'certificates:revoke',
        'certificates:hold',
        'certificates:release',
      ] as const) {
        expect(isAuthorized(principal(role), permission)).toBe(false);
      }
      expect(actsOnlyOnOwn(principal(role))).toBe(true);
    }
    expect(actsOnlyOnOwn(principal('operator'))).toBe(false);
  });
});

describe('permissionsOf', () => {
  it('is the intersection of role and scope: a scope never adds', () => {
    for (const role of roles) {
      for (const asked of permissions) {
        const granted = permissionsOf(role, [asked]);
        expect(granted.has(asked)).toBe(rolePermissions[role].includes(asked));
        expect(granted.size).toBeLessThanOrEqual(1);
      }
    }
  });

  it('grants nothing for an empty scope, and the whole role without one', () => {
    expect(permissionsOf('administrator', []).size).toBe(0);
    expect(permissionsOf('operator')).toEqual(new Set(rolePermissions.operator));
  });

  it('hands out a set of its own, so that no caller widens another', () => {
    const mine = permissionsOf('auditor') as Set<Permission>;
    mine.add('issuers:create');
    expect(permissionsOf('auditor').has('issuers:create')).toBe(false);
  });
});

describe('authorize', () => {
  it('passes exactly what is granted and throws forbidden for the rest, every role and permission', () => {
    for (const role of roles) {
      for (const permission of permissions) {
        const act = () => authorize(principal(role), permission);
        if (rolePermissions[role].includes(permission)) expect(act).not.toThrow();
        else expect(act).toThrow(expect.objectContaining({ code: 'forbidden' }) as Error);
      }
    }
  });

  it('says whether the role or the scope lacks it', () => {
    expect(() => authorize(principal('auditor'), 'certificates:issue')).toThrow(
      /role auditor, which lacks certificates:issue; ask for a role that has it \(administrator, operator, subscriber\)/,
    );
    expect(() =>
      authorize(principal('operator', ['certificates:read']), 'certificates:hold'),
    ).toThrow(/scoped without certificates:hold/);
  });

  it('denies a principal whose permissions are broken rather than passing it', () => {
    const broken = {
      ...principal('administrator'),
      permissions: undefined,
    } as unknown as Principal;
    expect(() => authorize(broken, 'certificates:read')).toThrow();
    expect(new ChanceryError('forbidden', { message: 'x' }).code).toBe('forbidden');
  });
});
