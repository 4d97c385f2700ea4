import { describe, expect, test } from 'vitest';
import { absentToken } from '../../../src/hsm/index.ts';
import { parseCertificate } from '../../../src/pkix/index.ts';
import { admin, freshKey, principal, refusal, testAuthority } from '../../support/authority.ts';
import { makeRequest } from '../../support/software-issuer.ts';

const day = 86_400;
const chancery = await testAuthority('absent_root', {
  settings: { crlLifetimeSeconds: 100 * day },
});
const { clock, log, root } = chancery;

/** The CA process after the root's token was locked away: it has no such token at all. */
const locked = absentToken('root');
const node = await chancery.node('locked', {
  dependencies: { tokens: { root: locked, issuing: chancery.dependencies.tokens.issuing } },
  settings: { absentTokens: ['root'] },
});
const alarms = (): readonly string[] =>
  log
    .filter(({ level, message }) => level === 'alarm' && message.includes('ceremony'))
    .map(({ message }) => message);
const responder = principal('responder', 'responder-1');

describe('a root whose token is absent', () => {
  test('has a CRL that lasts: the schedule leaves it alone, and says nothing', async () => {
    const before = chancery.crl(root.issuerId);
    expect((before.nextUpdate?.getTime() ?? 0) - before.thisUpdate.getTime()).toBe(
      100 * day * 1000,
    );
    // Past half and past three quarters of its life, where another issuer's would be renewed, and late.
    clock.advance(60 * day);
    await node.authority.publishCrl(admin, 'issuing');
    await node.authority.tick();
    await node.authority.drain();
    expect(chancery.crl(root.issuerId).crlNumber).toBe(before.crlNumber);
    await node.authority.keepKeys();
    expect(alarms()).toEqual([]);
    expect(await node.authority.checkReadiness()).toEqual({ ready: true, reasons: [] });
  });

  test('acts that need it are refused before anything is begun', async () => {
    const records = async (): Promise<number> =>
      (await chancery.sql('SELECT count(*)::int AS n FROM certificates'))[0]?.['n'] as number;
    const before = await records();
    const create = node.authority.createIssuer(admin, {
      ...{ name: 'below', kind: 'subordinate', parent: 'root', keyAlgorithm: 'p256' },
    });
    expect(await refusal(create)).toBe('tokenAbsent');
    expect(await refusal(node.authority.publishCrl(admin, 'root'))).toBe('tokenAbsent');
    expect(await records()).toBe(before);
  });

  test('a delegate comes from the ceremony: the responder asks until it is there', async () => {
    const csr = makeRequest(freshKey(), 'CN=asked', []).der;
    const ask = async () => node.authority.enrolResponder(responder, { issuer: 'root', csr });
    const audited = (await chancery.audit('responder.enrol')).length;
    expect(await refusal(ask())).toBe('tokenAbsent');
    // It asks every half a minute for days: that is no refusal to be audited.
    expect((await chancery.audit('responder.enrol')).length).toBe(audited);
    const made = await chancery.authority.enrolResponder(responder, { issuer: 'root', csr });
    expect((await ask()).certificate).toEqual(made.certificate);
  });

  test('what ends raises an alarm in time, once; and a change that waits for the next CRL', async () => {
    // Of 100 days 71 are over: 30 before the end of the CRL, 19 before that of the delegate.
    clock.advance(11 * day);
    await node.authority.keepKeys();
    clock.advance(120);
    await node.authority.keepKeys();
    expect(alarms().filter((line) => line.includes('(root-crl)'))).toHaveLength(1);
    expect(alarms().filter((line) => line.includes('for responder-1'))).toHaveLength(1);
    const { reasons } = await node.authority.checkReadiness();
    expect(reasons.filter((one) => one.includes('root'))).toEqual([]);
    log.length = 0;
    const { serialNumber } = parseCertificate(chancery.issuing.certificate ?? new Uint8Array());
    await node.authority.holdCertificate(admin, { serialNumber });
    clock.advance(120);
    await node.authority.keepKeys();
    expect(alarms().join()).toContain('changes of status of certificates of root wait');
  });

  test('past its nextUpdate the process is not ready', async () => {
    clock.advance(30 * day);
    await node.authority.publishCrl(admin, 'issuing').catch(() => undefined);
    const { reasons } = await node.authority.checkReadiness();
    expect(reasons.join()).toContain('the CRL of root is not fresh');
  });
});
