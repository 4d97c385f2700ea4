/** The responder's own keys through their lives (SP 800-57 Part 1 §5.3, §7, §8.2.3, §8.3.4). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KeyStanding } from '../../../ocsp/ports.ts';
import { keyIdentifier } from '../../../src/pkix/index.ts';
import { until } from '../../support/quickstart-run.ts';
import {
  ask,
  certIDOf,
  startTestResponder,
  statusOf,
  type TestResponder,
} from '../../support/test-responder.ts';

const hour = 3_600_000;
const made = await startTestResponder({ timing: { keyReportInterval: 50 } });
const { issuing, status, authority, clock, token } = made;

/** The identifier of the key that signed the answer about a certificate that nobody has asked for yet. */
async function signingKey(of: TestResponder = made): Promise<string> {
  const response = await ask(of, [certIDOf(issuing, of.issue().certificate.serialNumber)]);
  const [delegate] = response.basic?.certs ?? [];
  if (delegate === undefined) throw new Error(statusOf(response));
  return Buffer.from(keyIdentifier(delegate.subjectPublicKeyInfo)).toString('hex');
}

async function signsWithAnother(than: string): Promise<string> {
  let found = than;
  await until('another key to sign', async () => {
    found = await signingKey().catch(() => than);
    return found !== than;
  });
  return found;
}

function stand(keyId: string, standing: Partial<KeyStanding>): void {
  status.standings.set(keyId, { keyId, state: 'active', ...standing });
}

function destroyed(): readonly string[] {
  return authority.reports.flatMap((report) => report.destroyed.map(({ keyId }) => keyId));
}

/** Lets the minute pass in which other processes may still sign with it, after it was seen idle. */
async function overlapEnds(keyId: string): Promise<void> {
  const file = join(made.options.folder, 'former-keys', `${keyId}.json`);
  await until(
    'it to be seen idle',
    () => existsSync(file) && readFileSync(file, 'utf8').includes('idleSince'),
  );
  clock.offset += 90_000;
}

beforeEach(() => {
  clock.offset = 0;
  authority.failing = false;
});

describe('the CA is told', () => {
  it('of the token and the attributes of each key for which a certificate is asked', () => {
    expect(authority.told).toContainEqual(
      expect.objectContaining({
        token: expect.objectContaining({ label: 'software' }),
        attributes: expect.objectContaining({ sensitive: true, extractable: false }),
      }),
    );
  });

  it('how often each key has signed', async () => {
    const keyId = await signingKey();
    stand(keyId, {});
    const counts = (): readonly number[] =>
      authority.reports.flatMap(({ keys }) =>
        keys.filter((one) => one.keyId === keyId).map(({ signatures }) => signatures),
      );
    await until('a count', () => counts().length > 0);
    const before = Math.max(...counts());
    await signingKey();
    await until('a higher count', () => Math.max(...counts()) > before);
  });

  it('of everything in its token, and which keys it has files of', async () => {
    const own = await signingKey();
    const strange = await token.generateKeyPair({
      ...{ keyAlgorithm: 'p256', signatureAlgorithm: 'ecdsa-with-SHA256' },
      ...{ purposes: ['ocspResponse'], label: 'strange' },
    });
    const told = () => authority.reports.at(-1)?.inToken;
    const holds = (keyId: string) =>
      told()?.objects.some((one) => one.class === 'privateKey' && one.keyId === keyId) === true;
    await until('the strange key to be told of', () => holds(strange.keyId));
    expect(holds(own)).toBe(true);
    expect(told()?.expected).toContain(own);
    expect(told()?.expected).not.toContain(strange.keyId);
    await token.destroyKeyPair(strange.keyId);
    await until('its end to be told', () => !holds(strange.keyId));
  });
});

function nearItsEnd(keyId: string): void {
  const now = clock.now().getTime();
  stand(keyId, {
    activatedAt: new Date(now - 95 * hour),
    originatorUsageEnd: new Date(now + 5 * hour),
  });
}

/** The next key exists, and nobody certifies it; the overlap is long over. */
async function nextIsMadeWhileAway(before: string): Promise<void> {
  const known = new Set(await token.keyIds());
  authority.failing = true;
  nearItsEnd(before);
  await until('the next key to be made', async () =>
    (await token.keyIds()).some((keyId) => !known.has(keyId)),
  );
  clock.offset = 90_000;
}

/** Two looks at what is to be destroyed, while the CA is away. */
async function furtherTurns(): Promise<void> {
  const turns = (): number =>
    made.logs.filter(({ message }) => message.includes('could not be told of the keys')).length;
  const turned = turns();
  await until('two further turns', () => turns() > turned + 1);
}

describe('a former key', () => {
  it('signs until the next one is certified, however long the CA is away, and is destroyed after that', async () => {
    const before = await signingKey();
    await nextIsMadeWhileAway(before);
    await furtherTurns();
    expect(await signingKey()).toBe(before);
    authority.failing = false;
    // Its end: the certificate of the next one is asked for again without delay.
    stand(before, { originatorUsageEnd: clock.now() });
    await signsWithAnother(before);
    await overlapEnds(before);
    await until('its destruction to be told', () => destroyed().includes(before));
  });

  it('signs on after a restart while the CA is away: the next one has no certificate yet', async () => {
    const before = await signingKey();
    await nextIsMadeWhileAway(before);
    await made.restart();
    await until('an answer', async () => (await signingKey().catch(() => '')) === before);
    await furtherTurns();
    expect(await signingKey()).toBe(before);
    expect(await token.keyIds()).toContain(before);
    authority.failing = false;
    stand(before, { originatorUsageEnd: clock.now() });
    await signsWithAnother(before);
    await overlapEnds(before);
    await until('its destruction to be told', () => destroyed().includes(before));
  });

  it('signs on after a restart while the next one can not even be made', async () => {
    const before = await signingKey();
    const { generateKeyPair } = token;
    Object.assign(token, { generateKeyPair: async () => Promise.reject(new Error('token full')) });
    try {
      nearItsEnd(before);
      const file = join(made.options.folder, 'former-keys', `${before}.json`);
      await until('it to be given up', () => existsSync(file));
      clock.offset = 90_000;
      authority.failing = true;
      await made.restart();
      await furtherTurns();
      clock.offset = 180_000;
      await furtherTurns();
      await until('an answer', async () => (await signingKey().catch(() => '')) === before);
      expect(await token.keyIds()).toContain(before);
    } finally {
      Object.assign(token, { generateKeyPair });
      authority.failing = false;
    }
    stand(before, { originatorUsageEnd: clock.now() });
    await signsWithAnother(before);
  });

  it('whose certificate was revoked is destroyed as well', async () => {
    const response = await ask(made, [certIDOf(issuing, made.issue().certificate.serialNumber)]);
    const [delegate] = response.basic?.certs ?? [];
    const before = await signingKey();
    stand(before, {});
    status.change(issuing, delegate?.serialNumber ?? '', {
      ...{ status: 'revoked', reasonCode: 'superseded', notGoodSince: new Date() },
    });
    await signsWithAnother(before);
    await overlapEnds(before);
    await until('its destruction to be told', () => destroyed().includes(before));
    expect(await token.keyIds()).not.toContain(before);
  });
});

describe('a key near the end of its period', () => {
  it('is followed by another by itself; it is destroyed, and the CA has the record', async () => {
    const before = await signingKey();
    nearItsEnd(before);
    const after = await signsWithAnother(before);
    expect(await token.keyIds()).toContain(before);
    expect(await signingKey()).toBe(after);
    // Other processes of the responder may sign with it for a minute.
    await overlapEnds(before);
    await until('its destruction to be told', () => destroyed().includes(before));
    expect(await token.keyIds()).not.toContain(before);
  });

  it('signs nothing after its end, whether or not another could be certified', async () => {
    const before = await signingKey();
    authority.failing = true;
    stand(before, { originatorUsageEnd: new Date(clock.now().getTime() - hour) });
    await until('answers to end', async () => {
      const response = await ask(made, [certIDOf(issuing, made.issue().certificate.serialNumber)]);
      return statusOf(response) === 'tryLater';
    });
    authority.failing = false;
    await signsWithAnother(before);
  });
});

describe('a suspended key', () => {
  it('signs nothing, another answers, and it is not destroyed: that is for a person to decide', async () => {
    const before = await signingKey();
    stand(before, { state: 'suspended' });
    await signsWithAnother(before);
    clock.offset = 90_000;
    const reports = authority.reports.length;
    await until('two further reports', () => authority.reports.length > reports + 1);
    expect(destroyed()).not.toContain(before);
    expect(await token.keyIds()).toContain(before);
    stand(before, { state: 'compromised' });
    await overlapEnds(before);
    await until('its destruction to be told', () => destroyed().includes(before));
  });
});

it('a number of signatures near the limit brings the next key', async () => {
  const before = await signingKey();
  stand(before, { signatureLimit: 2 });
  await signsWithAnother(before);
});
