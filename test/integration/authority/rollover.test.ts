/** An issuer follows another: prepared, distributed, activated, narrowed, retired; on real tokens. */
import { beforeAll, describe, expect, test } from 'vitest';
import { defaultTenant, systemPrincipal } from '../../../src/domain/index.ts';
import {
  findExtension,
  oids,
  parseBasicConstraints,
  parseCertificate,
} from '../../../src/pkix/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  refusal,
  type TestAuthority,
  testAuthority,
} from '../../support/authority.ts';
import type { TestNode } from '../../support/authority-node.ts';

const reason = 'yearly rollover';
const hour = 3600;
const day = 24 * hour;

/** The issuer that has been asked for, by its name in the chain of what was issued. */
function issuerIdOf(issued: { readonly record: { readonly issuerId: string } }): string {
  return issued.record.issuerId;
}

describe('a subordinate is followed by one of the same name with a new key', () => {
  let ca: TestAuthority;
  let nextId = '';
  const show = async (name: string) => ca.authority.showIssuer(admin, name);
  const key = async (keyId: string) =>
    ca.read(async (transaction) => transaction.keys.find(defaultTenant, keyId));
  let other: TestNode | undefined;
  /** One turn of every node: one of them holds the schedule's lease. */
  const turn = async (): Promise<void> => {
    for (const node of [ca, ...(other === undefined ? [] : [other])]) {
      await node.authority.checkReadiness();
      await node.authority.tick();
      await node.authority.drain();
    }
  };

  beforeAll(async () => {
    ca = await testAuthority('rollover');
  });

  test('the next issuer is prepared: certified, distributed, and issues nothing yet', async () => {
    const made = await ca.authority.prepareRollover(admin, 'issuing', {
      name: 'issuing-2',
      sameName: true,
      reason,
    });
    nextId = made.issuerId;
    expect(made).toMatchObject({ standing: 'prepared', state: 'active', kind: 'subordinate' });
    expect(made.predecessorId).toBe(ca.issuing.issuerId);
    expect((await show('issuing')).successorId).toBe(made.issuerId);
    expect(Buffer.from(made.subject).equals(Buffer.from(ca.issuing.subject))).toBe(true);
    expect(made.keyId).not.toBe(ca.issuing.keyId);
    const record = await key(made.keyId);
    const before = await key(ca.issuing.keyId);
    expect(record).toMatchObject({ privateState: 'pre-activation', version: 2 });
    expect(record?.record).toBe(before?.record);
    // Its certificate is to be had; it has signed nothing, and no responder is told of it.
    expect(await ca.authority.publishedFile(`ca/${nextId}.cer`)).toBeDefined();
    expect(await ca.authority.publishedFile(`crl/${nextId}/0.crl`)).toBeUndefined();
    const told = await ca.status.source.issuers();
    expect(told.map(({ issuerId }) => issuerId)).not.toContain(nextId);
    expect(issuerIdOf(await ca.issue())).toBe(ca.issuing.issuerId);
    expect(await refusal(ca.issue({ issuer: 'issuing-2' }))).toBe('illegalTransition');
    await turn();
    expect((await ca.authority.checkReadiness()).reasons).toEqual([]);
  });

  test('preparing again is the same; another successor is refused', async () => {
    const again = await ca.authority.prepareRollover(admin, 'issuing', {
      name: 'issuing-2',
      sameName: true,
      reason,
    });
    expect(again.issuerId).toBe(nextId);
    const third = ca.authority.prepareRollover(admin, 'issuing', { name: 'third', reason });
    expect(await refusal(third)).toBe('illegalTransition');
  });

  test('activation is refused until the public key has been distributed for long enough', async () => {
    const status = await ca.authority.rolloverStatus(admin, 'issuing-2');
    expect(status.distributions).toMatchObject([{ channel: 'caCertificate' }]);
    expect(status.mayActivateFrom?.getTime()).toBe(ca.clock.now().getTime() + hour * 1000);
    expect(await refusal(ca.authority.activateIssuer(admin, 'issuing-2', { reason }))).toBe(
      'illegalTransition',
    );
    const tooSoon = new Date(ca.clock.now().getTime() + 60_000);
    const soon = ca.authority.activateIssuer(admin, 'issuing-2', { reason, at: tooSoon });
    expect(await refusal(soon)).toBe('illegalTransition');
    expect(await refusal(ca.authority.retireIssuer(admin, 'issuing', { reason }))).toBe(
      'illegalTransition',
    );
  });

  test('at its date the schedule activates it once, also after a downtime', async () => {
    const at = new Date(ca.clock.now().getTime() + 2 * hour * 1000);
    const dated = await ca.authority.activateIssuer(admin, 'issuing-2', { reason, at });
    expect(dated).toMatchObject({ standing: 'prepared', activateAt: at });
    await turn();
    expect((await show('issuing-2')).standing).toBe('prepared');
    ca.clock.advance(5 * hour);
    other = await ca.node('node-2');
    await Promise.all([ca.authority.tick(), other.authority.tick()]);
    await turn();
    expect((await show('issuing-2')).standing).toBe('issuing');
    expect(await key((await show('issuing-2')).keyId)).toMatchObject({ privateState: 'active' });
    expect(await ca.authority.publishedFile(`crl/${nextId}/0.crl`)).toBeDefined();
    const begun = await ca.audit('issuer.activate');
    expect(begun.map(({ principalName }) => principalName)).toEqual([systemPrincipal.name]);
    const told = await ca.status.source.issuers();
    expect(told.map(({ issuerId }) => issuerId)).toContain(nextId);
  });

  test('who names no issuer gets the new one; who names the old one gets it until it retires', async () => {
    expect(issuerIdOf(await ca.issue())).toBe(nextId);
    expect(issuerIdOf(await ca.issue({ issuer: 'issuing' }))).toBe(ca.issuing.issuerId);
  });

  test('a renewal of a retiring issuer’s certificate comes from its successor', async () => {
    const subscriber = freshKey();
    const old = await ca.issue({ issuer: 'issuing', key: subscriber, dns: 'renewed.example.test' });
    expect(issuerIdOf(old)).toBe(ca.issuing.issuerId);
    const retiring = await ca.authority.retireIssuer(admin, 'issuing', { reason });
    expect(retiring.standing).toBe('retiring');
    expect(issuerIdOf(await ca.issue({ issuer: 'issuing' }))).toBe(nextId);
    const renewed = await ca.authority.renewCertificate(admin, {
      serialNumber: old.record.serialNumber,
      csr: csrFor(subscriber, 'renewed.example.test'),
    });
    expect(issuerIdOf(renewed)).toBe(nextId);
    const above = parseCertificate(renewed.chain[0] ?? new Uint8Array());
    expect(
      Buffer.from(above.der).equals(Buffer.from((await show('issuing-2')).certificate ?? [])),
    ).toBe(true);
  });

  test('the old key is narrowed: CRLs and delegates only, told to the signer', async () => {
    ca.clock.advance(60);
    await turn();
    expect(await key(ca.issuing.keyId)).toMatchObject({ scope: 'status', privateState: 'active' });
    expect((await ca.audit('key.narrow')).map(({ object }) => object)).toEqual([ca.issuing.keyId]);
    const [crl] = await ca.authority.publishCrl(admin, 'issuing');
    expect(crl?.publishedAt).toBeDefined();
    // Whatever this process believes: the signer refuses by itself.
    await ca.sql(
      "UPDATE issuers SET standing = 'issuing', retiring_since = NULL WHERE name = 'issuing'",
    );
    await ca.authority.checkReadiness();
    await expect(ca.issue({ issuer: 'issuing' })).rejects.toThrow(/status|delegate/);
    await ca.sql(
      "UPDATE issuers SET standing = 'retiring', retiring_since = $1 WHERE name = 'issuing'",
      [ca.clock.now()],
    );
    await ca.authority.checkReadiness();
  });

  test('after its last certificate comes a last CRL, and then it is retired', async () => {
    ca.clock.advance(15 * 60);
    await turn();
    const { lastNotAfter } = await show('issuing');
    expect(lastNotAfter).toBeDefined();
    ca.clock.set(new Date((lastNotAfter?.getTime() ?? 0) - hour * 1000));
    await turn();
    await turn();
    expect((await show('issuing')).standing).toBe('retiring');
    ca.clock.advance(2 * hour);
    await turn();
    ca.clock.advance(15 * 60);
    await turn();
    await turn();
    expect(await show('issuing')).toMatchObject({ standing: 'retired' });
    const final = ca.crl(ca.issuing.issuerId);
    expect(final.nextUpdate?.toISOString()).toBe('9999-12-31T23:59:59.000Z');
    expect(final.thisUpdate > (lastNotAfter ?? new Date())).toBe(true);
    const [evidence] = await ca.read(async (transaction) =>
      transaction.evidence.list(defaultTenant, { kind: 'issuer.finalCrl', limit: 5 }),
    );
    expect(evidence).toMatchObject({ subject: ca.issuing.issuerId });
    // It is not deactivated: it stays active until a person destroys it.
    expect(await key(ca.issuing.keyId)).toMatchObject({ privateState: 'active', scope: 'status' });
    ca.clock.advance(30 * day);
    await turn();
    expect(ca.crl(ca.issuing.issuerId).crlNumber).toBe(final.crlNumber);
    expect((await ca.authority.checkReadiness()).reasons).toEqual([]);
  });

  test('a cross-certificate takes over constraints of every form, and as much path length as is left', async () => {
    const root = { kind: 'root', keyAlgorithm: 'p256', pathLength: 1 } as const;
    const own = await ca.authority.createIssuer(admin, {
      ...{ ...root, name: 'narrow' },
      permitDns: ['example.test'],
      excludeIp: ['192.0.2.0/24'],
    });
    await ca.authority.createIssuer(admin, { ...root, name: 'above' });
    const { certificate } = await ca.authority.crossCertify(admin, 'narrow', { by: 'above' });
    const extension = (der: Uint8Array | undefined, id: string) =>
      findExtension(parseCertificate(der ?? new Uint8Array()).extensions, id)?.value;
    expect(extension(certificate, oids.nameConstraints)).toEqual(
      extension(own.certificate, oids.nameConstraints),
    );
    const basic = extension(certificate, oids.basicConstraints);
    expect(basic && parseBasicConstraints(basic).pathLenConstraint).toBe(0);
    // What is said beside it takes nothing of that away.
    const said = await ca.authority.crossCertify(admin, 'narrow', {
      ...{ by: 'above', policies: ['1.3.6.1.4.1.55555.1'] },
    });
    expect(extension(said.certificate, oids.nameConstraints)).toEqual(
      extension(own.certificate, oids.nameConstraints),
    );
  });

  test('the next issuer of a policy domain asserts what its predecessor did, where nothing else is said', async () => {
    const policies = ['2.16.840.1.101.3.2.1.3.7', '2.16.840.1.101.3.2.1.3.13'];
    const own = await ca.authority.createIssuer(admin, {
      ...{ name: 'agency', kind: 'subordinate', parent: 'root', keyAlgorithm: 'p384' },
      ...{ profile: 'federal-subordinate-ca', policies, permitDns: ['agency.test'] },
      ...{ caRepository: ['http://repo.agency.test/issued.p7c'], requireExplicitPolicy: 2 },
    });
    const next = await ca.authority.prepareRollover(admin, 'agency', {
      ...{ name: 'agency-2', sameName: true, pathLength: 0, reason },
    });
    const extensions = [own, next].map(
      (issuer) => parseCertificate(issuer.certificate ?? new Uint8Array()).extensions,
    );
    for (const id of [
      ...[oids.certificatePolicies, oids.policyConstraints, oids.inhibitAnyPolicy],
      ...[oids.subjectInfoAccess, oids.nameConstraints],
    ]) {
      const [before, after] = extensions.map((one) => findExtension(one, id));
      expect(after, id).toBeDefined();
      expect(after, id).toEqual(before);
    }
    const basic = findExtension(extensions[1] ?? [], oids.basicConstraints);
    expect(basic && parseBasicConstraints(basic.value).pathLenConstraint).toBe(0);
  });

  test('responders are told nothing of it any more, but that its key is compromised', async () => {
    const told = async () =>
      (await ca.status.source.issuers()).find(({ issuerId }) => issuerId === ca.issuing.issuerId);
    expect(await told()).toBeUndefined();
    await ca.authority.markKeyCompromised(admin, { key: ca.issuing.keyId, reason });
    expect((await told())?.compromisedAt).toEqual(ca.clock.now());
  });
});
