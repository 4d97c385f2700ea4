/** The responder without its database, without its token, and under more load than it can sign. */
import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { parseOcspResponse } from '../../../src/pkix/index.ts';
import { until } from '../../support/quickstart-run.ts';
import {
  ask,
  certIDOf,
  exchange,
  post,
  requestFor,
  startTestResponder,
  statusOf,
  untilReady,
} from '../../support/test-responder.ts';

const made = await startTestResponder({ queueLimit: 20 });
const { issuing, status, token, clock } = made;

async function ready(): Promise<number> {
  return (await exchange(made.port, { target: '/readyz' })).status;
}

describe.each(['failing', 'hanging'] as const)(
  'a responder that is cut off (database %s)',
  (how) => {
    it('serves what it signed, signs nothing new, and recovers by itself', async () => {
      const kept = certIDOf(issuing, made.issue().certificate.serialNumber);
      const fresh = certIDOf(issuing, made.issue().certificate.serialNumber);
      expect(statusOf(await ask(made, [kept]))).toBe('good');
      status[how] = true;
      try {
        await until(
          'tryLater',
          async () => statusOf(await ask(made, [fresh])) === 'tryLater',
          4000,
        );
        const before = token.signatures;
        expect(statusOf(await ask(made, [kept]))).toBe('good');
        expect(statusOf(await ask(made, [kept], Buffer.alloc(16, 1)))).toBe('tryLater');
        expect(statusOf(await ask(made, [fresh]))).toBe('tryLater');
        await until('not ready', async () => (await ready()) === 503, 8000);
        expect(token.signatures).toBe(before);
        // To the end of its life, and not beyond.
        clock.offset = 3_500_000;
        expect(statusOf(await ask(made, [kept]))).toBe('good');
        clock.offset = 3_600_000;
        expect(statusOf(await ask(made, [kept]))).toBe('tryLater');
      } finally {
        clock.offset = 0;
        status[how] = false;
      }
      await until('good', async () => statusOf(await ask(made, [fresh])) === 'good', 8000);
      await untilReady(made);
    });

    it('and what changed meanwhile is shown as soon as it is back', async () => {
      const { serialNumber } = made.issue().certificate;
      const certID = certIDOf(issuing, serialNumber);
      await ask(made, [certID]);
      status[how] = true;
      status.change(issuing, serialNumber, { status: 'onHold', notGoodSince: new Date() });
      await until('cut off', async () => {
        return statusOf(await ask(made, [certID], Buffer.alloc(8, 2))) === 'tryLater';
      });
      status[how] = false;
      await until(
        'the hold',
        async () => statusOf(await ask(made, [certID])) === 'revoked:certificateHold',
        8000,
      );
    });
  },
);

describe('T-HLT-2 (I24): while the token is away', () => {
  it('signed answers are served, new ones are tryLater, and it says that it is not ready', async () => {
    const kept = certIDOf(issuing, made.issue().certificate.serialNumber);
    const fresh = certIDOf(issuing, made.issue().certificate.serialNumber);
    await ask(made, [kept]);
    token.failing = true;
    try {
      expect(statusOf(await ask(made, [kept]))).toBe('good');
      const { body, headers } = await post(made.port, requestFor([fresh]));
      expect(statusOf(parseOcspResponse(body))).toBe('tryLater');
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      await until('503', async () => (await ready()) === 503, 8000);
    } finally {
      token.failing = false;
    }
    expect(statusOf(await ask(made, [fresh]))).toBe('good');
    await untilReady(made);
  });
});

describe('T-HSM-4, T-HSM-8: a token that does not answer', () => {
  it('what waits is bounded; past it tryLater at once; memory is not held up', async () => {
    const kept = certIDOf(issuing, made.issue().certificate.serialNumber);
    await ask(made, [kept]);
    let release = (): void => undefined;
    const gate = new Promise<void>((done) => {
      release = done;
    });
    token.beforeSign = async () => gate;
    const nonce = Buffer.alloc(16, 3);
    const waiting = Array.from({ length: 20 }, async () => ask(made, [kept], nonce));
    try {
      await until('the queue to fill', async () => {
        const answer = await Promise.race([
          ask(made, [kept], nonce).then(statusOf),
          new Promise<string>((done) => setTimeout(() => done('waiting'), 100)),
        ]);
        return answer === 'tryLater';
      });
      const began = performance.now();
      expect(statusOf(await ask(made, [kept]))).toBe('good');
      expect(performance.now() - began).toBeLessThan(500);
    } finally {
      release();
      token.beforeSign = async () => Promise.resolve();
    }
    const answers = (await Promise.all(waiting)).map(statusOf);
    expect(answers.filter((one) => one === 'good').length).toBeGreaterThanOrEqual(10);
    expect(statusOf(await ask(made, [kept], nonce))).toBe('good');
  });
});

describe('T-CANCEL-1 (I17): clients that go away', () => {
  it('poison nothing: 1,000 broken off, then 100 clean ones', async () => {
    const certIDs = Array.from({ length: 10 }, () =>
      certIDOf(issuing, made.issue().certificate.serialNumber),
    );
    const breakOff = async (n: number): Promise<void> =>
      new Promise((done) => {
        const [certID] = certIDs.slice(n % 10);
        const nonce = n % 2 === 0 ? Buffer.alloc(8, 1 + (n % 200)) : undefined;
        const body = requestFor(certID === undefined ? [] : [certID], nonce);
        const request = httpRequest({
          host: '127.0.0.1',
          port: made.port,
          method: 'POST',
          agent: false,
          headers: {
            'Content-Type': 'application/ocsp-request',
            'Content-Length': n % 3 === 0 ? body.length + 10 : body.length,
          },
        });
        request.on('error', () => undefined);
        request.on('response', (response) => response.destroy());
        request.on('close', () => done());
        request.write(body, () => {
          setImmediate(() => request.destroy());
        });
      });
    for (let n = 0; n < 1000; n += 50) {
      await Promise.all(Array.from({ length: 50 }, async (_unused, m) => breakOff(n + m)));
    }
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_unused, n) =>
        ask(made, certIDs.slice(n % 10).slice(0, 1)),
      ),
    );
    expect(new Set(answers.map(statusOf))).toEqual(new Set(['good']));
    expect(await ready()).toBe(200);
  });
});

describe('T-CLK-1: a clock that goes back', () => {
  it('never shows a thisUpdate of the future', async () => {
    const certID = certIDOf(issuing, made.issue().certificate.serialNumber);
    clock.offset = 2 * 3600_000;
    try {
      await ask(made, [certID]);
      clock.offset = 0;
      const answer = await ask(made, [certID]);
      const [single] = answer.basic?.responseData.responses ?? [];
      expect(single?.thisUpdate.getTime()).toBeLessThanOrEqual(Date.now());
    } finally {
      clock.offset = 0;
    }
  });
});

describe('T-PROC-1: stopping', () => {
  it('takes nothing new, finishes what runs, and ends', async () => {
    const certID = certIDOf(issuing, made.issue().certificate.serialNumber);
    let release = (): void => undefined;
    const gate = new Promise<void>((done) => {
      release = done;
    });
    let waiting = false;
    token.beforeSign = async () => {
      waiting = true;
      await gate;
    };
    const { port } = made;
    const running = ask(made, [certID], Buffer.alloc(9, 9));
    await until('the signature to be waited for', () => waiting);
    const closed = made.responder.close();
    await until('no new connection', async () =>
      exchange(port, { target: '/healthz' }).then(
        () => false,
        () => true,
      ),
    );
    release();
    token.beforeSign = async () => Promise.resolve();
    expect(statusOf(await running)).toBe('good');
    await closed;
  });
});
