import { describe, expect, test } from 'vitest';
import type { CertificateRecord } from '../../../src/authority/ports.ts';
import type { ReasonCode } from '../../../src/domain/index.ts';
import { reasonCodes, revocationReasons } from '../../../src/domain/index.ts';
import { admin, csrFor, freshKey, refusal, testAuthority } from '../../support/authority.ts';

const chancery = await testAuthority('status-acts');
const { authority, clock } = chancery;
const ref = ({ serialNumber }: CertificateRecord) => ({ serialNumber });
const later = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000);

/** Waits at a place that two parties reach in turn. */
function gate(): { readonly reached: Promise<void>; pass(): void; open(): Promise<void> } {
  let arrive = (): void => undefined;
  let release = (): void => undefined;
  const reached = new Promise<void>((done) => {
    arrive = done;
  });
  const released = new Promise<void>((done) => {
    release = done;
  });
  return {
    reached,
    pass: () => release(),
    open: async () => {
      arrive();
      await released;
    },
  };
}

describe('holds', () => {
  test('cause and deadline are kept; release erases nothing from the history', async () => {
    const { record } = await chancery.issue();
    await authority.holdCertificate(admin, {
      ...ref(record),
      cause: 'keyStatusUnknown',
      comment: 'laptop is missing',
      until: later(3600),
      then: 'alarm',
    });
    clock.advance(60);
    await authority.releaseCertificate(admin, { ...ref(record), comment: 'found' });
    const history = await authority.certificateHistory(admin, ref(record));
    expect(history).toMatchObject([
      { act: 'hold', cause: 'keyStatusUnknown', comment: 'laptop is missing', then: 'alarm' },
      { act: 'release', comment: 'found', statusAfter: 'good' },
    ]);
    expect((await chancery.find(record))?.status).toEqual({ status: 'good' });
    const audited = (await chancery.audit()).filter(({ object }) =>
      object.endsWith(record.serialNumber),
    );
    expect(audited.map(({ act, outcome }) => `${act} ${outcome}`)).toEqual([
      'certificate.issue done',
      'certificate.hold done',
      'certificate.release done',
    ]);
  });

  test('an end needs a time and what then, both in the future', async () => {
    const { record } = await chancery.issue();
    const hold = async (end: { until?: Date; then?: 'release' }) =>
      authority.holdCertificate(admin, { ...ref(record), ...end });
    expect(await refusal(hold({ until: later(60) }))).toBe('invalidArgument');
    expect(await refusal(hold({ then: 'release' }))).toBe('invalidArgument');
    expect(await refusal(hold({ until: clock.now(), then: 'release' }))).toBe('invalidArgument');
  });

  test('each end comes at its time, as an act of the system, caught up after downtime, once', async () => {
    const until = later(600);
    const held = await Promise.all(
      (['release', 'revoke', 'alarm'] as const).map(async (then) => {
        const { record } = await chancery.issue();
        await authority.holdCertificate(admin, { ...ref(record), until, then });
        return record;
      }),
    );
    const [released, revoked, alarmed] = held;
    if (released === undefined || revoked === undefined || alarmed === undefined) throw Error();
    await authority.tick();
    expect((await chancery.find(released))?.status.status).toBe('onHold');
    // Nobody looked for an hour; then two nodes do at the same moment.
    clock.advance(3600);
    const second = await chancery.node('node-2');
    await Promise.all([
      authority.endDueHolds(),
      second.authority.endDueHolds(),
      authority.tick(),
      second.authority.tick(),
    ]);
    const historyOf = async (record: CertificateRecord) =>
      (await authority.certificateHistory(admin, ref(record))).map(
        ({ act, requestedBy }) => `${act} by ${requestedBy}`,
      );
    expect(await historyOf(released)).toEqual(['hold by admin', 'release by system']);
    expect(await historyOf(revoked)).toEqual(['hold by admin', 'revoke by system']);
    expect(await historyOf(alarmed)).toEqual(['hold by admin']);
    expect((await chancery.find(alarmed))?.status.status).toBe('onHold');
    const alarms = chancery.log.filter(
      ({ level, fields }) =>
        level === 'alarm' && String(fields['certificate']).endsWith(alarmed.serialNumber),
    );
    expect(alarms).toHaveLength(1);
    await authority.endDueHolds();
    expect(await chancery.audit('certificate.holdDeadline')).toHaveLength(1);
    const end = (await authority.certificateHistory(admin, ref(revoked))).at(-1);
    expect(end?.effectiveAt).toEqual(clock.now());
    expect((await chancery.find(revoked))?.status).toMatchObject({
      status: 'revoked',
      reasonCode: 'unspecified',
      notGoodSince: new Date(until.getTime() - 600_000),
    });
  });

  test('one hold that can’t be ended keeps no other from its end', async () => {
    const [broken, sound] = [await chancery.issue(), await chancery.issue()];
    for (const { record } of [broken, sound]) {
      await authority.holdCertificate(admin, {
        ...ref(record),
        until: later(60),
        then: 'release',
      });
    }
    await chancery.sql('UPDATE certificate_status SET tenant = $2 WHERE serial_number = $1', [
      broken.record.serialNumber,
      'default',
    ]);
    // A hold whose end no version of ours knows.
    await chancery.sql(
      'ALTER TABLE certificate_status DROP CONSTRAINT certificate_status_hold_then_check',
    );
    await chancery.sql(
      "UPDATE certificate_status SET hold_then = 'explode', hold_until = hold_until - interval '30 s' WHERE serial_number = $1",
      [broken.record.serialNumber],
    );
    clock.advance(120);
    await authority.endDueHolds();
    expect((await chancery.find(sound.record))?.status.status).toBe('good');
    await chancery.sql(
      "UPDATE certificate_status SET hold_then = 'alarm' WHERE serial_number = $1",
      [broken.record.serialNumber],
    );
    await authority.endDueHolds();
  });
});

describe('T-REV-2: what a later act changes of an earlier one', () => {
  test('hold, then keyCompromise: the time stays the start of the hold, the reason is new', async () => {
    const { record } = await chancery.issue();
    const heldAt = clock.now();
    await authority.holdCertificate(admin, ref(record));
    clock.advance(3600);
    const invalidityDate = later(-86_400);
    await authority.revokeCertificate(admin, {
      ...ref(record),
      reasonCode: 'keyCompromise',
      invalidityDate,
    });
    const shown = { reasonCode: 'keyCompromise', invalidityDate };
    expect((await chancery.find(record))?.status).toMatchObject({ ...shown, notGoodSince: heldAt });
    expect(await chancery.ocsp(record)).toMatchObject({ ...shown, notGoodSince: heldAt });
    expect(await chancery.listed(record)).toMatchObject({ ...shown, revocationDate: heldAt });
  });

  test('superseded, then keyCompromise: reason changes, time stays, key is blocked, siblings follow', async () => {
    const key = freshKey();
    const first = await chancery.issue({ dns: 'twin.example.test', key });
    const sibling = await chancery.issue({ dns: 'twin.example.test', key });
    const stranger = await chancery.issue();
    const at = clock.now();
    await authority.revokeCertificate(admin, { ...ref(first.record), reasonCode: 'superseded' });
    clock.advance(3600);
    const { record, alsoRevoked } = await authority.revokeCertificate(admin, {
      ...ref(first.record),
      reasonCode: 'keyCompromise',
    });
    expect(record.status).toMatchObject({ reasonCode: 'keyCompromise', notGoodSince: at });
    expect(alsoRevoked.map(({ serialNumber }) => serialNumber)).toEqual([
      sibling.record.serialNumber,
    ]);
    expect((await chancery.find(sibling.record))?.status).toMatchObject({
      status: 'revoked',
      reasonCode: 'keyCompromise',
      notGoodSince: clock.now(),
    });
    expect((await chancery.find(stranger.record))?.status.status).toBe('good');
    const again = chancery.issue({ dns: 'twin.example.test', key });
    expect(await refusal(again)).toBe('badPublicKey');
    expect(await chancery.listed(first.record)).toMatchObject({
      revocationDate: at,
      reasonCode: 'keyCompromise',
    });
    expect((await authority.certificateHistory(admin, ref(first.record))).length).toBe(2);
  });

  test('revocation is final: no hold, no release, no other reason', async () => {
    const { record } = await chancery.issue();
    await authority.revokeCertificate(admin, { ...ref(record), reasonCode: 'superseded' });
    const after = async (work: Promise<unknown>) =>
      expect(await refusal(work)).toBe('alreadyRevoked');
    await after(authority.holdCertificate(admin, ref(record)));
    await after(authority.releaseCertificate(admin, ref(record)));
    for (const reasonCode of revocationReasons.filter((reason) => reason !== 'keyCompromise')) {
      await after(authority.revokeCertificate(admin, { ...ref(record), reasonCode }));
    }
  });

  test('every reason of RFC 5280 §5.3.1 comes out in CRL and OCSP as it went in; two are refused', async () => {
    for (const reasonCode of Object.keys(reasonCodes) as ReasonCode[]) {
      const { record } = await chancery.issue();
      const revoke = authority.revokeCertificate(admin, { ...ref(record), reasonCode });
      if (!revocationReasons.includes(reasonCode)) {
        expect(await refusal(revoke), reasonCode).toBe('invalidArgument');
        continue;
      }
      await revoke;
      expect((await chancery.ocsp(record))?.reasonCode).toBe(reasonCode);
      // unspecified(0) is left out of a CRL (RFC 5280 §5.3.1).
      const listed = await chancery.listed(record);
      expect(listed).toBeDefined();
      expect(listed?.reasonCode).toBe(reasonCode === 'unspecified' ? undefined : reasonCode);
    }
  });

  test('since when a key is believed compromised can’t lie in the future', async () => {
    const { record } = await chancery.issue();
    const revoke = authority.revokeCertificate(admin, {
      ...ref(record),
      reasonCode: 'keyCompromise',
      invalidityDate: later(60),
    });
    expect(await refusal(revoke)).toBe('invalidArgument');
  });
});

describe('compromise meets an issuance under way', () => {
  /** An issuance for the key that waits before its signature, on a node of its own. */
  async function underWay(name: string, key = freshKey()) {
    const dns = `${name}.example.test`;
    const known = await chancery.issue({ dns, key });
    const signature = gate();
    const node = await chancery.node(name);
    node.beforeSign = async (purpose) => {
      if (purpose === 'certificate') await signature.open();
    };
    const issuance = node.authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(key, dns),
    });
    const outcome = refusal(issuance);
    await signature.reached;
    return { known, node, signature, outcome, key };
  }

  test('blocked before the signature: what was signed is abandoned at once, and stays compromised', async () => {
    const { known, signature, outcome } = await underWay('racing');
    const { alsoRevoked } = await authority.revokeCertificate(admin, {
      ...ref(known.record),
      reasonCode: 'keyCompromise',
    });
    const [prepared] = alsoRevoked;
    if (prepared === undefined) throw new Error('the prepared row was not swept');
    expect(prepared.issuanceState).toBe('prepared');
    signature.pass();
    expect(await outcome).toBe('badPublicKey');
    expect(await chancery.find(prepared)).toMatchObject({
      issuanceState: 'abandoned',
      status: { status: 'revoked', reasonCode: 'keyCompromise' },
    });
    expect(await chancery.listed(prepared)).toMatchObject({ reasonCode: 'keyCompromise' });
    expect((await chancery.ocsp(prepared))?.status).toBe('revoked');
  });

  test('and the node that issued is gone: the sweep settles it, and others behind it', async () => {
    const { known, node, signature } = await underWay('gone');
    const { alsoRevoked } = await authority.revokeCertificate(admin, {
      ...ref(known.record),
      reasonCode: 'keyCompromise',
    });
    const crashed = await chancery.node('crashed');
    crashed.at['issue.2-after-intent'] = () => {
      throw new Error('killed');
    };
    const lost = crashed.authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(freshKey(), 'lost.example.test'),
    });
    await refusal(lost);
    node.at['issue.3-after-signature'] = () => {
      throw new Error('killed');
    };
    signature.pass();
    clock.advance(120);
    await authority.tick();
    const [prepared] = alsoRevoked;
    if (prepared === undefined) throw new Error('the prepared row was not swept');
    expect((await chancery.find(prepared))?.issuanceState).toBe('abandoned');
    const rows = await chancery.read(async ({ inventory }) =>
      inventory.listPrepared('default', later(1), 10),
    );
    expect(rows).toEqual([]);
  });
});

test('an expired certificate can still be revoked', async () => {
  const { record } = await chancery.issue({ days: 1 });
  clock.advance(2 * 86_400);
  await authority.revokeCertificate(admin, { ...ref(record), reasonCode: 'keyCompromise' });
  expect((await chancery.find(record))?.status.status).toBe('revoked');
});
