/** A change of status reaches every answer of every node in time (O28, T-OCSP-EVICT, I53). */
import { describe, expect, it } from 'vitest';
import { type Responder, startResponder } from '../../../ocsp/responder.ts';
import type { OcspResponse } from '../../../src/pkix/index.ts';
import { until } from '../../support/quickstart-run.ts';
import { ask, certIDOf, startTestResponder, statusOf } from '../../support/test-responder.ts';

const made = await startTestResponder();
const { issuing, status } = made;

describe('a change of status', () => {
  it('hold, release and revocation are shown within 2 s, kept answers or not', async () => {
    const { serialNumber } = made.issue().certificate;
    const certID = certIDOf(issuing, serialNumber);
    const shows = async (expected: string): Promise<void> => {
      await until(expected, async () => statusOf(await ask(made, [certID])) === expected, 2000);
    };
    await shows('good');
    const notGoodSince = new Date();
    status.change(issuing, serialNumber, { status: 'onHold', notGoodSince });
    await shows('revoked:certificateHold');
    status.change(issuing, serialNumber, { status: 'good', notGoodSince: undefined });
    await shows('good');
    const revoked = { status: 'revoked', reasonCode: 'keyCompromise', notGoodSince } as const;
    status.change(issuing, serialNumber, revoked);
    await shows('revoked:keyCompromise');
  });

  it('reaches every form of the question: digests, several certIDs, nonce', async () => {
    const first = made.issue().certificate.serialNumber;
    const second = made.issue().certificate.serialNumber;
    const questions = [
      [certIDOf(issuing, first)],
      [certIDOf(issuing, first, 'sha256')],
      [certIDOf(issuing, second), certIDOf(issuing, first)],
    ];
    const good = async (): Promise<readonly boolean[]> =>
      Promise.all(
        questions.map(async (certIDs) => {
          const { basic } = await ask(made, certIDs);
          return (basic?.responseData.responses ?? []).every(
            (one) => one.certStatus.type === 'good',
          );
        }),
      );
    expect(await good()).toEqual([true, true, true]);
    status.change(issuing, first, { status: 'onHold', notGoodSince: new Date() });
    await until('all to change', async () => !(await good()).includes(true), 2000);
    expect(statusOf(await ask(made, [certIDOf(issuing, first)], Buffer.alloc(32)))).toBe(
      'revoked:certificateHold',
    );
  });

  it('more changes than a page holds: everything is looked up anew', async () => {
    const certificates = Array.from({ length: 5 }, () => made.issue().certificate.serialNumber);
    for (const serial of certificates) await ask(made, [certIDOf(issuing, serial)]);
    for (let n = 0; n < 2500; n += 1) {
      const serial = certificates[n % 5] ?? '';
      status.change(issuing, serial, { status: 'onHold', notGoodSince: new Date() });
    }
    await until(
      'all five',
      async () => {
        const answers = await Promise.all(
          certificates.map(async (serial) => ask(made, [certIDOf(issuing, serial)])),
        );
        return answers.every((answer) => statusOf(answer) === 'revoked:certificateHold');
      },
      2000,
    );
  });
});

describe('O28: under load, on two nodes', () => {
  it('no node says the old status with a producedAt more than 2 s after the commit', async () => {
    const second: Responder = await startResponder({
      ...made.options,
      folder: `${made.folder}/second`,
    });
    try {
      await until('the second node', () => second.readiness().ready, 10_000);
      const { serialNumber } = made.issue().certificate;
      const ports = [made.port, second.ports[0] ?? 0];
      const certID = certIDOf(issuing, serialNumber);
      const seen: { readonly response: OcspResponse; readonly receivedAt: number }[] = [];
      let running = true;
      const load = ports.flatMap((port) =>
        Array.from({ length: 8 }, async (_unused, index) => {
          while (running) {
            const nonce = index % 4 === 0 ? Buffer.alloc(16, index + 1) : undefined;
            const response = await ask({ port }, [certID], nonce);
            seen.push({ response, receivedAt: Date.now() });
          }
        }),
      );
      await until('load', () => seen.length > 500);
      const committedAt = Date.now();
      status.change(issuing, serialNumber, { status: 'onHold', notGoodSince: new Date() });
      await until('2.5 s to pass', () => Date.now() > committedAt + 2500);
      running = false;
      await Promise.all(load);
      const old = seen.filter(({ response }) => statusOf(response) === 'good');
      const late = old.filter(({ receivedAt }) => receivedAt > committedAt + 2000);
      const lateProduced = old.filter(
        ({ response }) =>
          (response.basic?.responseData.producedAt.getTime() ?? 0) > committedAt + 2000,
      );
      expect(old.length).toBeGreaterThan(100);
      expect([late.length, lateProduced.length]).toEqual([0, 0]);
      expect(new Set(seen.map(({ response }) => statusOf(response)))).toEqual(
        new Set(['good', 'revoked:certificateHold']),
      );
    } finally {
      await second.close();
    }
  });

  it('a change between lookup and signature is never missed, however they meet', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { serialNumber } = made.issue().certificate;
      const certID = certIDOf(issuing, serialNumber);
      status.afterRead = async () => {
        status.afterRead = async () => Promise.resolve();
        status.change(issuing, serialNumber, { status: 'onHold', notGoodSince: new Date() });
        await Promise.resolve();
      };
      await ask(made, [certID]);
      await until(
        'the hold',
        async () => statusOf(await ask(made, [certID])) === 'revoked:certificateHold',
        2000,
      );
    }
  });
});
