/** How the responder comes by its certificates, renews them and gives them up (T-OCSP-DELEG). */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodePem, parseCertificate } from '../../../src/pkix/index.ts';
import { until } from '../../support/quickstart-run.ts';
import { softwareToken } from '../../support/software-token.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  startTestResponder,
  statusOf,
  type TestResponder,
  untilReady,
} from '../../support/test-responder.ts';

const late = testIssuer('Late');
const made = await startTestResponder();
const { issuing, root, authority, status, clock } = made;
const minute = 60_000;

function delegateFolder(issuerId: string): string {
  return join(made.folder, 'delegates', issuerId);
}

async function signer(of: TestResponder = made): Promise<{ serial: string; key: string }> {
  const certID = certIDOf(issuing, of.issue().certificate.serialNumber);
  let found: { serial: string; key: string } | undefined;
  await until('an answer', async () => {
    const [delegate] = (await ask(of, [certID])).basic?.certs ?? [];
    if (delegate === undefined) return false;
    found = {
      serial: delegate.serialNumber,
      key: Buffer.from(delegate.subjectPublicKeyInfo.der).toString('hex'),
    };
    return true;
  });
  if (found === undefined) throw new Error('no delegate');
  return found;
}

function enrolments(issuerId: string): number {
  return authority.requests.filter(({ path }) => path.includes(issuerId)).length;
}

beforeEach(async () => {
  clock.offset = 0;
  authority.delegate = {};
  authority.wrongIssuer = undefined;
  authority.failing = false;
  await untilReady(made);
});

describe('enrolment', () => {
  it('one key and one certificate an issuer, the root included, kept in files of mode 0600', async () => {
    for (const { issuerId } of [issuing, root]) {
      // A certificate is used as soon as it is there, so that a full disk stops no answer; its file follows.
      await until('the certificate to be kept', () => readDelegates(issuerId).length > 0);
      const files = readdirSync(delegateFolder(issuerId)).sort();
      expect(files).toEqual([expect.stringMatching(/^[0-9a-f]+\.pem$/), 'key-p256.json']);
      for (const file of files) {
        expect(statSync(join(delegateFolder(issuerId), file)).mode & 0o777).toBe(0o600);
      }
    }
  });

  it('a restart uses what is there and asks for nothing', async () => {
    const before = await signer();
    const { length } = authority.requests;
    await made.restart();
    await untilReady(made);
    expect(await signer()).toEqual(before);
    expect(authority.requests).toHaveLength(length);
  });

  it('an issuer that appears is served within seconds', async () => {
    status.addIssuer(late);
    authority.issuers.push(late);
    const certID = certIDOf(late, late.certificate.serialNumber);
    authority.failing = true;
    await until('tryLater', async () => statusOf(await ask(made, [certID])) === 'tryLater');
    await until('not ready', () => !made.responder.readiness().ready, 8000);
    expect(made.responder.readiness().reasons.join()).toContain('Late');
    authority.failing = false;
    await until('good', async () => statusOf(await ask(made, [certID])) === 'good', 15_000);
  });
});

describe('renewal', () => {
  it('at half of its life, with the same key; the older one stays valid beside it', async () => {
    const before = await signer();
    const notAfter = readDelegates(issuing.issuerId)[0]?.validity.notAfter ?? new Date(0);
    const offset = (notAfter.getTime() - Date.now()) / 2 + minute;
    authority.delegate = { notAfter: new Date(notAfter.getTime() + offset) };
    clock.offset = offset;
    await until('a second certificate', () => readDelegates(issuing.issuerId).length === 2);
    const after = await signer();
    expect(after.serial).not.toBe(before.serial);
    expect(after.key).toBe(before.key);
    // Both are read again.
    await made.restart();
    expect((await signer()).serial).toBe(after.serial);
  });

  it('a CA that is away or refuses does no harm while the present one is valid', async () => {
    const before = await signer();
    const [newest] = readDelegates(issuing.issuerId).slice(-1);
    const count = enrolments(issuing.issuerId);
    authority.failing = true;
    clock.offset = (newest?.validity.notAfter.getTime() ?? 0) - Date.now() - 10 * minute;
    await until('attempts', () => enrolments(issuing.issuerId) > count + 1);
    expect(
      statusOf(await ask(made, [certIDOf(issuing, made.issue().certificate.serialNumber)])),
    ).toBe('good');
    expect([before.serial, newest?.serialNumber]).toContain((await signer()).serial);
  });
});

describe('what is not taken as a delegate', () => {
  it('a certificate that another issuer signed', async () => {
    const other = await startTestResponder({ wait: false });
    other.authority.wrongIssuer = testIssuer('Wrong');
    const certID = certIDOf(other.issuing, other.issue().certificate.serialNumber);
    await until('two attempts', () => other.authority.requests.length > 4);
    expect(statusOf(await ask(other, [certID]))).toBe('tryLater');
    expect(other.logs.some(({ message }) => message.includes('not used as a delegate'))).toBe(true);
    other.authority.wrongIssuer = undefined;
    await until('good', async () => statusOf(await ask(other, [certID])) === 'good', 15_000);
  });

  it('files that were damaged or swapped', async () => {
    const folder = delegateFolder(issuing.issuerId);
    const foreign = delegateFolder(root.issuerId);
    const file = readdirSync(foreign).find((name) => name.endsWith('.pem')) ?? '';
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.pem'))) {
      writeFileSync(join(folder, name), readFileSync(join(foreign, file)));
    }
    writeFileSync(join(folder, 'broken.pem'), 'no certificate');
    const count = enrolments(issuing.issuerId);
    await made.restart();
    await signer();
    expect(enrolments(issuing.issuerId)).toBe(count + 1);
    rmSync(join(folder, 'broken.pem'));
  });

  it('a key that the token no longer holds', async () => {
    const before = await signer();
    await made.restart({ token: softwareToken() });
    const after = await signer();
    expect(after.key).not.toBe(before.key);
    await made.restart();
  });
});

describe('a delegate that is not good any more (T-OCSP-DELEG, I53)', () => {
  it.each(['onHold', 'revoked'] as const)(
    '%s: another key and certificate sign at once',
    async (state) => {
      const serial = made.issue().certificate.serialNumber;
      const before = await signer();
      await ask(made, [certIDOf(issuing, serial)]);
      status.change(issuing, before.serial, {
        status: state,
        reasonCode: state === 'revoked' ? 'keyCompromise' : 'certificateHold',
        notGoodSince: new Date(),
      });
      await until(
        'another signer',
        async () => {
          const [delegate] = (await ask(made, [certIDOf(issuing, serial)])).basic?.certs ?? [];
          return delegate !== undefined && delegate.serialNumber !== before.serial;
        },
        10_000,
      );
      const after = await signer();
      expect(after.key).not.toBe(before.key);
      await made.restart();
      expect((await signer()).key).toBe(after.key);
    },
  );
});

function readDelegates(issuerId: string) {
  return readdirSync(delegateFolder(issuerId))
    .filter((name) => name.endsWith('.pem'))
    .map((name) => {
      const text = readFileSync(join(delegateFolder(issuerId), name), 'utf8');
      const [block] = decodePem(text, 'CERTIFICATE');
      return parseCertificate(block?.der ?? new Uint8Array());
    })
    .sort((a, b) => a.validity.notAfter.getTime() - b.validity.notAfter.getTime());
}
