import type { Permission, Role } from '../domain/index.ts';
import { permissions, systemPrincipal } from '../domain/index.ts';

const reading: readonly Permission[] = [
  'certificates:read',
  'issuers:read',
  'crls:read',
  'profiles:read',
  'bundles:read',
];

/**
 * What each role may do, as data that a reviewer reads line by line. A permission that stands in
 * no row is held by nobody.
 *
 * - administrator: everything except the responders' door, so that no person's credential can
 *   obtain a certificate that signs status (RFC 6960 §4.2.2.2).
 * - operator: the life of certificates and who gets them by ACME, not issuers, principals or
 *   credentials.
 * - auditor: reads everything, changes nothing.
 * - subscriber: enrols and renews its own certificates; whose they are is checked by the use case.
 * - responder: its own delegate certificates, the renewal of its own client certificate, and what
 *   it must know about issuers for that.
 * - system: schedules only; it has no credential and cannot authenticate.
 */
export const rolePermissions: Readonly<Record<Role, readonly Permission[]>> = {
  administrator: permissions.filter((permission) => permission !== 'responders:enrol'),
  operator: [
    ...reading,
    'certificates:issue',
    'certificates:renew',
    'certificates:revoke',
    'certificates:hold',
    'certificates:release',
    'certificates:describe',
    'crls:publish',
    'principals:read',
    'acme:read',
    'acme:manage',
    'keys:read',
    'incidents:read',
    'incidents:manage',
  ],
  auditor: [
    ...reading,
    'principals:read',
    'credentials:read',
    'acme:read',
    'audit:read',
    'metrics:read',
    'keys:read',
    'incidents:read',
    'reports:read',
  ],
  subscriber: [...reading, 'certificates:issue', 'certificates:renew'],
  responder: [
    'responders:enrol',
    'certificates:renew',
    'issuers:read',
    'crls:read',
    'bundles:read',
  ],
  system: [...systemPrincipal.permissions],
};
