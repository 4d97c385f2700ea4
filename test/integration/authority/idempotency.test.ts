import { describe, expect, test } from 'vitest';
import { ChanceryError } from '../../../src/domain/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  principal,
  refusal,
  testAuthority,
} from '../../support/authority.ts';
import type { TestNode } from '../../support/authority-node.ts';

const chancery = await testAuthority('idempotency');
const { clock } = chancery;

let name = 0;
/** A request under a key of its own, made on any node. */
function request(changes: { readonly days?: number; readonly idempotencyKey?: string } = {}) {
  name += 1;
  const csr = csrFor(freshKey(), `i${name}.example.test`);
  const body = { profile: 'tls-server', csr, idempotencyKey: `key-${name}`, ...changes };
  return async (node: TestNode = chancery, more: typeof changes = {}, as = admin) =>
    node.authority.issueCertificate(as, { ...body, ...more });
}

async function rowsOf(names: readonly string[]) {
  const found = await chancery.authority.searchCertificates(admin, { name: names[0], limit: 100 });
  return found.items.map(({ issuanceState }) => issuanceState);
}

describe('Idempotency-Key', () => {
  test('the same key and body give the same certificate, on any node', async () => {
    const ask = request();
    const first = await ask();
    const again = await ask(await chancery.node('other'));
    expect(again.certificate).toEqual(first.certificate);
    expect(again.chain).toEqual(first.chain);
    expect(again.granted).toEqual(first.granted);
    expect(await rowsOf(first.record.names)).toEqual(['issued']);
  });

  test('an ECDSA client signs the same request differently each time: still the same request', async () => {
    const key = freshKey();
    const ask = async () =>
      chancery.authority.issueCertificate(admin, {
        profile: 'tls-server',
        csr: csrFor(key, 'again.example.test'),
        idempotencyKey: 'resigned',
      });
    expect((await ask()).certificate).toEqual((await ask()).certificate);
  });

  test('another body is refused and changes nothing', async () => {
    const ask = request();
    const first = await ask();
    expect(await refusal(ask(chancery, { days: 3 }))).toBe('idempotencyMismatch');
    expect(await rowsOf(first.record.names)).toEqual(['issued']);
  });

  test('a key is its principal’s own, and is forgotten after 24 hours', async () => {
    const ask = request({ idempotencyKey: 'shared' });
    const mine = await ask();
    const theirs = await ask(chancery, {}, principal('operator'));
    expect(theirs.record.serialNumber).not.toBe(mine.record.serialNumber);
    clock.advance(24 * 3600 + 1);
    expect((await ask()).record.serialNumber).not.toBe(mine.record.serialNumber);
  });

  test('while the first runs the second is told to come again', async () => {
    const ask = request();
    const slow = await chancery.node('slow');
    let pass = (): void => undefined;
    const passed = new Promise<void>((done) => {
      pass = done;
    });
    const reached = new Promise<void>((done) => {
      slow.beforeSign = async () => {
        done();
        await passed;
      };
    });
    const first = ask(slow);
    await reached;
    const second = await ask().catch((error: unknown) => error);
    expect(second).toBeInstanceOf(ChanceryError);
    expect(second).toMatchObject({ code: 'idempotencyInProgress', retryAfter: 1 });
    pass();
    const { record } = await first;
    expect((await ask()).record.serialNumber).toBe(record.serialNumber);
  });

  test('two at the same moment get one certificate', async () => {
    const ask = request();
    const outcomes = await Promise.allSettled([ask(), ask(), ask()]);
    const issued = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(issued.length).toBeGreaterThanOrEqual(1);
    const { record } = await ask();
    expect(await rowsOf(record.names)).toEqual(['issued']);
  });

  test('after a failed signature the retry gets a new serial number; the old one is revoked', async () => {
    const ask = request();
    const failing = await chancery.node('failing');
    failing.beforeSign = async () => {
      throw new ChanceryError('tokenUnavailable', { message: 'away' });
    };
    expect(await refusal(ask(failing))).toBe('tokenUnavailable');
    const { record } = await ask();
    expect((await rowsOf(record.names)).toSorted()).toEqual(['abandoned', 'issued']);
  });

  test('after a crash the retry waits until the row is settled, then gets a new serial number', async () => {
    const ask = request();
    const crashing = await chancery.node('crashing');
    crashing.at['issue.2-after-intent'] = () => {
      throw new Error('killed');
    };
    await refusal(ask(crashing));
    expect(await refusal(ask())).toBe('idempotencyInProgress');
    clock.advance(60);
    await chancery.authority.tick();
    const { record } = await ask();
    const items = (
      await chancery.authority.searchCertificates(admin, { name: record.names[0], limit: 10 })
    ).items;
    const abandoned = items.find(({ issuanceState }) => issuanceState === 'abandoned');
    if (abandoned === undefined) throw new Error('nothing was abandoned');
    expect(await chancery.listed(abandoned)).toBeDefined();
    expect(await chancery.ocsp(abandoned)).toMatchObject({
      issuanceState: 'abandoned',
      status: 'revoked',
    });
    expect((await ask()).record.serialNumber).toBe(record.serialNumber);
  });

  test('two retries of an abandoned one get one certificate between them', async () => {
    const ask = request();
    const crashing = await chancery.node('crashing-again');
    crashing.at['issue.2-after-intent'] = () => {
      throw new Error('killed');
    };
    await refusal(ask(crashing));
    clock.advance(60);
    await chancery.authority.tick();
    let armed = false;
    let winner: Promise<Awaited<ReturnType<typeof ask>>> | undefined;
    const { unitOfWork } = chancery.dependencies;
    const late = await chancery.node('late', {
      dependencies: {
        unitOfWork: {
          read: async (work) => unitOfWork.read(work),
          readOne: async (work) => unitOfWork.readOne(work),
          run: async (work) => {
            // It has seen the abandoned row; before it acts on that, another retry is through.
            if (armed) {
              winner ??= ask();
              await winner;
            }
            return unitOfWork.run(work);
          },
        },
      },
    });
    armed = true;
    const second = await ask(late).catch((error: unknown) => error);
    armed = false;
    const first = await winner;
    if (first === undefined) throw new Error('the other retry never ran');
    expect(second).toMatchObject({ code: 'idempotencyInProgress' });
    expect((await ask()).record.serialNumber).toBe(first.record.serialNumber);
    expect((await rowsOf(first.record.names)).toSorted()).toEqual(['abandoned', 'issued']);
  });

  test('a renewal answers the same after its predecessor was revoked as superseded by it', async () => {
    const key = freshKey();
    const dns = 'renewed.example.test';
    const { record } = await chancery.issue({ dns, key });
    const { serialNumber } = record;
    const renew = async () =>
      chancery.authority.renewCertificate(admin, {
        serialNumber,
        csr: csrFor(key, dns),
        idempotencyKey: 'renewal',
      });
    const first = await renew();
    await chancery.authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
    expect((await renew()).certificate).toEqual(first.certificate);
  });

  test('a refused request takes no key', async () => {
    const ask = request();
    expect(await refusal(ask(chancery, { days: 10_000 }))).toBe('policyViolation');
    expect((await ask()).record.issuanceState).toBe('issued');
  });
});
