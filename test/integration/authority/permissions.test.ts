import { describe, expect, test } from 'vitest';
import { permissionsOf, rolePermissions } from '../../../src/access/index.ts';
import type { Permission, Principal, Role } from '../../../src/domain/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  principal,
  refusal,
  testAuthority,
} from '../../support/authority.ts';
import { makeRequest } from '../../support/software-issuer.ts';

const chancery = await testAuthority('permissions');
const { authority } = chancery;
const roles: readonly Role[] = ['administrator', 'operator', 'auditor', 'subscriber', 'responder'];

/** Every use case with the permission that it needs; each is called with what its holder would be refused for. */
const acts: Readonly<Record<string, readonly [Permission, (who: Principal) => Promise<unknown>]>> =
  {
    'certificate.issue': [
      'certificates:issue',
      async (who) => authority.issueCertificate(who, { profile: 'none', csr: new Uint8Array() }),
    ],
    'certificate.renew': [
      'certificates:renew',
      async (who) => authority.renewCertificate(who, { serialNumber: '1', csr: new Uint8Array() }),
    ],
    'certificate.rekey': [
      'certificates:renew',
      async (who) => authority.rekeyCertificate(who, { serialNumber: '1', csr: new Uint8Array() }),
    ],
    'certificate.revoke': [
      'certificates:revoke',
      async (who) =>
        authority.revokeCertificate(who, {
          serialNumber: '1',
          reasonCode: 'superseded',
          invalidityDate: new Date('2099-01-01'),
        }),
    ],
    'certificate.hold': [
      'certificates:hold',
      async (who) =>
        authority.holdCertificate(who, { serialNumber: '1', until: new Date('2020-01-01') }),
    ],
    'certificate.release': [
      'certificates:release',
      async (who) => authority.releaseCertificate(who, { serialNumber: '1' }),
    ],
    'certificate.read': [
      'certificates:read',
      async (who) => authority.findCertificate(who, { serialNumber: '1' }),
    ],
    'certificate.search': [
      'certificates:read',
      async (who) => authority.searchCertificates(who, { issuer: 'none', limit: 1 }),
    ],
    'profile.read': ['profiles:read', async (who) => authority.showProfile(who, 'none')],
    'profile.check': ['profiles:read', async (who) => authority.checkProfile(who, 'x: 1')],
    'issuer.read': ['issuers:read', async (who) => authority.showIssuer(who, 'none')],
    'issuer.create': [
      'issuers:create',
      async (who) => authority.createIssuer(who, { name: '/', kind: 'root', keyAlgorithm: 'p256' }),
    ],
    'issuer.csr': ['issuers:create', async (who) => authority.issuerRequest(who, 'none')],
    'issuer.install': ['issuers:create', async (who) => authority.installIssuer(who, 'none', [])],
    'crl.read': ['crls:read', async (who) => authority.listCrls(who, 'none')],
    'crl.publish': ['crls:publish', async (who) => authority.publishCrl(who, 'none')],
    'responder.enrol': [
      'responders:enrol',
      async (who) => authority.enrolResponder(who, { issuer: 'none', csr: new Uint8Array() }),
    ],
    'principal.create': [
      'principals:create',
      async (who) => authority.createPrincipal(who, { name: '/', role: 'subscriber' }),
    ],
    'principal.read': ['principals:read', async (who) => authority.showPrincipal(who, 'none')],
    'credential.create': [
      'credentials:create',
      async (who) => authority.createCredential(who, { principalName: 'none' }),
    ],
    'credential.list': ['credentials:read', async (who) => authority.listCredentials(who, 'none')],
    'credential.revoke': [
      'credentials:revoke',
      async (who) => authority.revokeCredential(who, 'none'),
    ],
  };

/** Acts that answer without anything to refuse; held by all who may read. */
const lists: Readonly<Record<string, readonly [Permission, (who: Principal) => Promise<unknown>]>> =
  {
    'profile.list': ['profiles:read', async (who) => authority.listProfiles(who)],
    'issuer.list': ['issuers:read', async (who) => authority.listIssuers(who)],
    'principal.list': ['principals:read', async (who) => authority.listPrincipals(who)],
    'audit.read': ['audit:read', async (who) => authority.listAudit(who, { limit: 1 })],
  };

describe('T-TEN-1: role × act', () => {
  test.each(roles)(
    '%s: what its role lacks is forbidden before anything else is looked at',
    async (role) => {
      const who = principal(role);
      for (const [act, [permission, call]] of Object.entries({ ...acts, ...lists })) {
        const allowed = rolePermissions[role].includes(permission);
        if (!allowed) expect(await refusal(call(who)), act).toBe('forbidden');
        else if (act in acts) expect(await refusal(call(who)), act).not.toBe('forbidden');
        else await call(who);
      }
    },
  );

  test.each(roles)(
    '%s: every refusal has an audit record of its own, with who, what and why',
    async (role) => {
      const who = principal(role, `audited-${role}`);
      for (const [act, [, call]] of Object.entries(acts)) {
        const code = await refusal(call(who));
        const records = (await chancery.audit(act)).filter(
          (record) => record.principalName === who.name,
        );
        expect(records, `${act} ${code}`).toHaveLength(1);
        expect(records[0]).toMatchObject({ outcome: 'refused', principalId: who.id });
        expect(records[0]?.details['code']).toBe(code);
      }
    },
  );

  test('a scope cuts down what the role gives', async () => {
    const scoped: Principal = {
      ...admin,
      permissions: permissionsOf('administrator', ['certificates:read']),
    };
    for (const [act, [permission, call]] of Object.entries(acts)) {
      const code = await refusal(call(scoped));
      if (permission !== 'certificates:read') expect(code, act).toBe('forbidden');
    }
  });
});

test('an operator’s certificates end where issuers begin', async () => {
  const operator = principal('operator');
  const { items } = await authority.searchCertificates(admin, {
    profileName: 'issuing-ca',
    limit: 1,
  });
  const ref = { serialNumber: items[0]?.serialNumber ?? '' };
  expect(await refusal(authority.holdCertificate(operator, ref))).toBe('forbidden');
  const revoke = authority.revokeCertificate(operator, { ...ref, reasonCode: 'cACompromise' });
  expect(await refusal(revoke)).toBe('forbidden');
  await authority.holdCertificate(admin, ref);
  expect(await refusal(authority.releaseCertificate(operator, ref))).toBe('forbidden');
  await authority.releaseCertificate(admin, ref);
});

describe('what a subscriber sees', () => {
  const alice = principal('subscriber', 'alice');
  const bob = principal('subscriber', 'bob');

  test('its own certificates, whatever filter it sends', async () => {
    const own = await chancery.issue({ as: alice, tags: ['blue'] });
    const other = await chancery.issue({ as: bob, tags: ['blue'] });
    const seen = async (filter: Record<string, string>) =>
      (await authority.searchCertificates(alice, { ...filter, limit: 100 })).items.map(
        ({ serialNumber }) => serialNumber,
      );
    expect(await seen({})).toEqual([own.record.serialNumber]);
    expect(await seen({ tag: 'blue' })).toEqual([own.record.serialNumber]);
    expect(await seen({ owner: 'bob' })).toEqual([]);
    expect(await seen({ requestedBy: 'bob' })).toEqual([]);
    expect(await seen({ serialNumber: other.record.serialNumber })).toEqual([]);
  });

  test('it owns what it asks for, and can’t put it into another’s name', async () => {
    const key = freshKey();
    const asked = { profile: 'tls-server', csr: csrFor(key, 'own.example.test') };
    expect(await refusal(authority.issueCertificate(alice, { ...asked, owner: 'bob' }))).toBe(
      'forbidden',
    );
    expect(
      (await authority.issueCertificate(alice, { ...asked, owner: 'alice' })).record.owner,
    ).toBe('alice');
    const operator = principal('operator');
    const given = await chancery.issue({ as: operator, owner: 'bob' });
    expect(given.record).toMatchObject({ owner: 'bob', requestedBy: 'operator' });
    const ref = { serialNumber: given.record.serialNumber };
    expect((await authority.findCertificate(bob, ref)).owner).toBe('bob');
  });
});

describe('principals and credentials', () => {
  test('the names of the product’s own actors are taken', async () => {
    for (const name of ['system', 'init', 'anonymous', 'System']) {
      expect(
        await refusal(authority.createPrincipal(admin, { name, role: 'subscriber' })),
        name,
      ).toBe('invalidArgument');
    }
  });

  test('a refused CSR leaves no principal behind, whatever it is refused for', async () => {
    const weak = makeRequest(freshKey(), 'CN=x', [
      { oid: '2.5.29.19', critical: true, value: Buffer.from('30030101ff', 'hex') },
    ]).der;
    const ask = async (csr: Uint8Array) =>
      authority.createPrincipal(admin, { name: 'svc', role: 'subscriber', csr });
    expect(await refusal(ask(weak))).toBe('policyViolation');
    expect(await refusal(authority.showPrincipal(admin, 'svc'))).toBe('notFound');
    const made = await ask(makeRequest(freshKey(), 'CN=x').der);
    expect(made.certificate?.record.subject).toBe('CN=svc');
    expect((await authority.showPrincipal(admin, 'svc')).id).toBe(made.principal.id);
    expect(await refusal(ask(makeRequest(freshKey(), 'CN=x').der))).toBe('alreadyExists');
  });

  test('no credential gives more than the one that makes it has', async () => {
    await authority.createPrincipal(admin, { name: 'other-admin', role: 'administrator' });
    await authority.createPrincipal(admin, { name: 'reader', role: 'auditor' });
    const scoped: Principal = {
      ...admin,
      permissions: permissionsOf('administrator', [
        'principals:create',
        'credentials:create',
        'certificates:issue',
        'certificates:renew',
        'certificates:read',
        'issuers:read',
        'crls:read',
        'profiles:read',
        'bundles:read',
      ]),
    };
    const make = async (principalName: string, scope?: readonly Permission[]) =>
      authority.createCredential(scoped, { principalName, scope });
    expect(await refusal(make('other-admin'))).toBe('forbidden');
    expect(await refusal(make('other-admin', ['issuers:create']))).toBe('forbidden');
    expect(
      await refusal(authority.createPrincipal(scoped, { name: 'puppet', role: 'administrator' })),
    ).toBe('forbidden');
    // What it holds itself it may give: an enrolment desk makes subscribers and their tokens.
    await authority.createPrincipal(scoped, { name: 'service-9', role: 'subscriber' });
    expect((await make('service-9')).token).toMatch(/^chancery_/);
    expect(await refusal(make('reader', ['audit:read']))).toBe('forbidden');
  });

  test('a scope names only what the role has', async () => {
    expect(
      await refusal(
        authority.createCredential(admin, { principalName: 'reader', scope: ['issuers:create'] }),
      ),
    ).toBe('invalidArgument');
  });
});
