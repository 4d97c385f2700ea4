import { describe, expect, test } from 'vitest';
import { defaultKeySettings } from '../../../src/authority/dependencies.ts';
import { defaultTenant } from '../../../src/domain/index.ts';
import { parseCertificate } from '../../../src/pkix/index.ts';
import { admin, principal, refusal, testAuthority } from '../../support/authority.ts';

const chancery = await testAuthority('keys');
const { authority, tokens, clock } = chancery;
const reason = 'a test asks for it';

async function subordinate(name: string, parent = 'root') {
  return authority.createIssuer(admin, {
    ...{ name, kind: 'subordinate', keyAlgorithm: 'p256', parent },
  });
}

/** The serial number of an issuer's own certificate. */
async function ownSerial(name: string): Promise<string> {
  const { certificate } = await authority.showIssuer(admin, name);
  return parseCertificate(certificate ?? new Uint8Array()).serialNumber;
}

async function auditOf(act: string, object: string) {
  return (await chancery.audit(act)).filter((record) => record.object === object);
}

describe('SP 800-57 Part 1 §7.3: a suspended CA key', () => {
  test('signs nothing, CRLs included; its certificate goes on hold and comes back with it', async () => {
    const issuer = await subordinate('rests');
    const before = chancery.crl(issuer.issuerId).crlNumber;
    const serialNumber = await ownSerial('rests');
    const done = await authority.suspendKey(admin, { key: 'rests', reason, approvals: ['T-1'] });
    expect(done.key).toMatchObject({ privateState: 'suspended', publicState: 'suspended' });
    expect(done.notes.join('\n')).toMatch(/is on hold[\s\S]*signs nothing now, CRLs included/);
    expect(await authority.findCertificate(admin, { serialNumber })).toMatchObject({
      status: { status: 'onHold', holdCause: 'keyStatusUnknown' },
    });
    await expect(chancery.issue({ issuer: 'rests' })).rejects.toThrow(
      'the key of issuer rests is suspended',
    );
    await expect(authority.publishCrl(admin, 'rests')).rejects.toThrow('signs no CRLs');
    // The signer process refuses by itself, whatever the rest of the system believes.
    const direct = chancery.dependencies.signer.sign({
      ...{ keyId: issuer.keyId, purpose: 'crl', algorithm: issuer.signatureAlgorithm },
      ...{ bytes: chancery.crl(issuer.issuerId).tbsDer, deadline: 5000 },
    });
    expect(await refusal(direct)).toMatch(/purposeRefused|keyBlocked/);
    expect(chancery.crl(issuer.issuerId).crlNumber).toBe(before);

    await authority.resumeKey(admin, { key: 'rests', reason });
    expect(await authority.findCertificate(admin, { serialNumber })).toMatchObject({
      status: { status: 'good' },
    });
    await authority.publishCrl(admin, 'rests');
    await chancery.issue({ issuer: 'rests' });
    const history = await authority.keyHistory(admin, 'rests');
    expect(history.map(({ half, number }) => `${half} ${number}`)).toEqual([
      ...['private 1', 'public 1', 'private 4', 'public 4'],
      ...['private 7', 'public 7', 'private 10', 'public 10'],
    ]);
    expect(history[4]).toMatchObject({ by: 'admin', reason, approvals: ['T-1'] });
    expect(await auditOf('key.suspend', issuer.keyId)).toHaveLength(1);
  });

  test('is passed over by the schedule, which says so once; the operator sees when its CRL runs out', async () => {
    const issuer = await subordinate('sleeps');
    await authority.suspendKey(admin, { key: 'sleeps', reason });
    const lines = (): number =>
      chancery.log.filter(({ level, fields }) => level !== 'info' && fields['issuer'] === 'sleeps')
        .length;
    clock.advance(20 * 3600);
    await authority.tick();
    await authority.drain();
    const said = lines();
    expect(said).toBeLessThanOrEqual(2);
    for (let turn = 0; turn < 4; turn += 1) {
      clock.advance(30);
      await authority.tick();
      await authority.drain();
    }
    expect(lines()).toBe(said);
    clock.advance(60);
    await authority.keepKeys();
    const due = chancery.crl(issuer.issuerId).nextUpdate;
    expect(authority.keyWarnings()).toContainEqual(
      expect.objectContaining({ kind: 'crlRunsOut', keyId: issuer.keyId, due }),
    );
    expect((await authority.showKey(admin, 'sleeps')).crlsUntil).toEqual(due);
    expect((await authority.checkReadiness()).reasons.join('\n')).toMatch(
      /the CRL of sleeps is late: .*: its key is suspended/,
    );
    await authority.resumeKey(admin, { key: 'sleeps', reason });
    await authority.tick();
    await authority.drain();
    expect(chancery.crl(issuer.issuerId).nextUpdate?.getTime()).toBeGreaterThan(
      due?.getTime() ?? 0,
    );
  });

  test('a hold that was there before stays; a certificate revoked meanwhile keeps the key from use', async () => {
    await subordinate('held');
    const serialNumber = await ownSerial('held');
    await authority.holdCertificate(admin, { serialNumber });
    await authority.suspendKey(admin, { key: 'held', reason });
    const { notes } = await authority.resumeKey(admin, { key: 'held', reason });
    expect(notes.join()).toContain('was on hold before the key was suspended and stays so');
    await authority.suspendKey(admin, { key: 'held', reason });
    await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
    expect(await refusal(authority.resumeKey(admin, { key: 'held', reason }))).toBe(
      'certificateRevoked',
    );
  });

  test('of a root: nobody can hold its certificate, and the operator is told', async () => {
    await authority.createIssuer(admin, { name: 'alone', kind: 'root', keyAlgorithm: 'p256' });
    const { notes } = await authority.suspendKey(admin, { key: 'alone', reason });
    expect(notes.join()).toContain('is a root: nobody can put its certificate on hold');
  });
});

describe('SP 800-57 Part 1 §5.3.6: a CA key whose originator-usage period has ended', () => {
  test('is narrowed for good: it signs CRLs and delegates, and no other certificate', async () => {
    const issuer = await subordinate('ages');
    const { keyId } = issuer;
    const { cryptoperiod } = (await authority.showKey(admin, keyId)).record;
    const originatorUsageEnd = new Date(clock.now().getTime() + 3600_000);
    await chancery.dependencies.unitOfWork.run(async ({ keys }) =>
      keys.setCryptoperiod(
        defaultTenant,
        keyId,
        { ...cryptoperiod, originatorUsageEnd },
        undefined,
      ),
    );
    const issued = await chancery.issue({ issuer: 'ages' });
    clock.advance(3700);
    await expect(chancery.issue({ issuer: 'ages' })).rejects.toThrow(
      'the originator-usage period of the key of issuer ages ended',
    );
    await authority.tick();
    await authority.drain();
    const { record } = await authority.showKey(admin, keyId);
    expect(record).toMatchObject({ privateState: 'active', scope: 'status' });
    expect(await auditOf('key.narrow', keyId)).toHaveLength(1);
    const { crlNumber } = chancery.crl(issuer.issuerId);
    await authority.publishCrl(admin, 'ages');
    expect(chancery.crl(issuer.issuerId).crlNumber).not.toBe(crlNumber);
    // Told within a second, the signer process refuses by itself, whatever the rest of the system believes.
    await authority.keepKeys();
    const direct = chancery.dependencies.signer.sign({
      ...{ keyId, purpose: 'certificate', algorithm: issuer.signatureAlgorithm },
      ...{ bytes: parseCertificate(issued.certificate).tbsDer, deadline: 5000 },
    });
    expect(await refusal(direct)).toBe('purposeRefused');
  });
});

describe('acts on keys', () => {
  test('need their permission, a reason, and a key that means one', async () => {
    const operator = principal('operator');
    const request = { key: 'issuing', reason };
    expect(await refusal(authority.suspendKey(operator, request))).toBe('forbidden');
    const keeper = {
      ...admin,
      permissions: new Set([...admin.permissions].filter((one) => one !== 'keys:destroy')),
    };
    expect(await refusal(authority.destroyKey(keeper, request))).toBe('forbidden');
    expect(await refusal(authority.suspendKey(admin, { ...request, reason: ' ' }))).toBe(
      'invalidArgument',
    );
    expect(await refusal(authority.suspendKey(admin, { key: 'nobody', reason }))).toBe('notFound');
    const { keyId } = chancery.issuing;
    const found = await authority.showKey(admin, keyId.slice(0, 12));
    expect(found.record.keyId).toBe(keyId);
  });

  test('an issuer’s key is neither deactivated, nor destroyed while it is needed', async () => {
    const request = { key: 'issuing', reason };
    expect(await refusal(authority.deactivateKey(admin, request))).toBe('illegalTransition');
    await expect(authority.destroyKey(admin, request)).rejects.toThrow('issuer rollover retire');
    expect(await refusal(authority.rotateKey(admin, request))).toBe('illegalTransition');
    expect(await tokens.issuing.keyIds()).toContain(chancery.issuing.keyId);
  });

  test('compromised: nothing is signed, and the way to what it signed is named', async () => {
    await subordinate('stolen');
    const { notes } = await authority.markKeyCompromised(admin, { key: 'stolen', reason });
    expect(notes.join()).toContain('chancery compromise issuer stolen');
    await expect(chancery.issue({ issuer: 'stolen' })).rejects.toThrow('is compromised');
    expect(await refusal(authority.resumeKey(admin, { key: 'stolen', reason }))).toBe(
      'illegalTransition',
    );
  });
});

describe('a key of its own', () => {
  test('is prepared, distributed, activated, rotated; then its first version is destroyed', async () => {
    const made = await authority.generateKey(admin, {
      ...{ type: 'notice', keyAlgorithm: 'p256', reason, record: 'notices' },
      approvals: ['CAB-3'],
    });
    const first = made.key.keyId;
    expect(made.key).toMatchObject({
      privateState: 'pre-activation',
      version: 1,
      record: 'notices',
    });
    expect((await authority.keyHistory(admin, first))[0]?.approvals).toEqual(['CAB-3']);
    await expect(authority.activateKey(admin, { key: first, reason })).rejects.toThrow(
      'was not distributed yet',
    );
    await authority.distributeKey(admin, { key: first, reason, location: 'the notice board' });
    const { key } = await authority.activateKey(admin, { key: first, reason });
    expect(key.cryptoperiod.originatorUsageEnd?.getTime()).toBe(
      clock.now().getTime() + 1095 * 86_400_000,
    );
    expect(await refusal(authority.destroyKey(admin, { key: first, reason }))).toBe(
      'illegalTransition',
    );
    const { key: second } = await authority.rotateKey(admin, { key: 'notices', reason });
    expect(second).toMatchObject({ version: 2, privateState: 'pre-activation' });
    await authority.distributeKey(admin, { key: second.keyId, reason, location: 'the board' });
    await authority.activateKey(admin, { key: second.keyId, reason });

    const { key: gone } = await authority.destroyKey(admin, { key: first, reason });
    expect(gone).toMatchObject({ privateState: 'destroyed', publicState: 'deactivated' });
    expect(await tokens.issuing.keyIds()).not.toContain(first);
    const { evidence, versions } = await authority.showKey(admin, first);
    expect(evidence.map(({ kind }) => kind)).toEqual(['key.destruction', 'key.destructionIntent']);
    expect(evidence[0]?.document).toMatchObject({
      absent: true,
      objects: 2,
      token: { label: 'issuing' },
    });
    expect(versions.map(({ privateState }) => privateState)).toEqual(['destroyed', 'active']);
    expect(await refusal(authority.destroyKey(admin, { key: first, reason }))).toBe(
      'illegalTransition',
    );
  });

  test('that was put to use after its destruction had failed is not destroyed by the schedule', async () => {
    const { key: made } = await authority.generateKey(admin, {
      ...{ type: 'notice', keyAlgorithm: 'p256', reason, record: 'kept' },
    });
    const { keyId } = made;
    const request = { key: keyId, reason };
    chancery.at['key.destroy.1-after-intent'] = () => {
      throw new Error('the token is away');
    };
    await expect(authority.destroyKey(admin, request)).rejects.toThrow('is away');
    delete chancery.at['key.destroy.1-after-intent'];
    clock.advance(120);
    await authority.distributeKey(admin, { ...request, location: 'the board' });
    await authority.activateKey(admin, request);
    await authority.reconcileKeys(admin, ['issuing']);
    expect(await tokens.issuing.keyIds()).toContain(keyId);
    expect((await authority.showKey(admin, keyId)).record.privateState).toBe('active');
    await authority.suspendKey(admin, request);
    await authority.reconcileKeys(admin, ['issuing']);
    expect(await tokens.issuing.keyIds()).toContain(keyId);
    await authority.destroyKey(admin, request);
    expect(await tokens.issuing.keyIds()).not.toContain(keyId);
  });

  test('of a kind that is too weak, or that comes with something else, is refused', async () => {
    const node = await chancery.node('strict', {
      settings: {
        keys: {
          ...defaultKeySettings,
          minimumStrength: 128,
        },
      },
    });
    const weak = { type: 'notice', keyAlgorithm: 'rsa2048', reason } as const;
    expect(await refusal(node.authority.generateKey(admin, weak))).toBe('badPublicKey');
    for (const type of ['ca', 'ocspResponder', 'httpsServer', 'selfTest', 'wrapping'] as const) {
      const request = { type, keyAlgorithm: 'p256', reason } as const;
      expect(await refusal(authority.generateKey(admin, request)), type).toBe('invalidArgument');
    }
  });
});
