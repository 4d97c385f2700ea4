import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../../support/quickstart-run.ts';
import {
  ask,
  certIDOf,
  exchange,
  startTestResponder,
  untilReady,
} from '../../support/test-responder.ts';

const made = await startTestResponder({ metricsListen: { host: '127.0.0.1', port: 0 } });

/** The number behind the first metric that begins so; NaN when there is none. */
async function valueOf(name: RegExp): Promise<number> {
  const text = await made.responder.registry.metrics();
  return Number(new RegExp(`^${name.source}[^\\n]* (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

describe("the responder's metrics", () => {
  it('stand on a listener of their own, and count what was answered', async () => {
    const certID = certIDOf(made.issuing, made.issue().certificate.serialNumber);
    for (let n = 0; n < 3; n += 1) await ask(made, [certID]);
    await ask(made, [certIDOf({ ...made.issuing, certificate: made.root.certificate }, 'ff')]);
    const { metricsPort } = made.responder;
    const { status, body } = await exchange(metricsPort ?? 0, { target: '/metrics' });
    const text = body.toString();
    const value = (name: RegExp): number =>
      Number(new RegExp(`^${name.source}[^\\n]* (\\S+)$`, 'm').exec(text)?.[1]);
    expect(status).toBe(200);
    expect(value(/chancery_ocsp_answers_total\{kind="memory"/)).toBe(2);
    expect(value(/chancery_ocsp_signatures_total/)).toBe(2);
    expect(value(/chancery_ocsp_cached_answers/)).toBe(1);
    expect(value(/chancery_ocsp_ready/)).toBe(1);
    expect(value(/chancery_ocsp_feed_age_seconds/)).toBeLessThan(1.5);
    const ends = value(/chancery_ocsp_delegate_not_after_seconds\{issuer="Test Issuing"/);
    expect(ends).toBeGreaterThan(Date.now() / 1000);
    expect((await exchange(made.port, { target: '/metrics' })).body.toString('hex')).toBe(
      '30030a0101',
    );
  });

  it('count from each commit to the first right answer: evicted, and signed where it was asked for', async () => {
    const [asked, idle] = [made.issue(), made.issue()];
    const askedID = certIDOf(made.issuing, asked.certificate.serialNumber);
    for (let n = 0; n < 2; n += 1) await ask(made, [askedID]);
    for (const { certificate } of [asked, idle]) {
      made.status.change(made.issuing, certificate.serialNumber, {
        ...{ status: 'revoked', reasonCode: 'superseded', notGoodSince: new Date() },
      });
    }
    const times = async (stage: string, what = 'count') =>
      valueOf(
        new RegExp(
          `chancery_ocsp_commit_to_answer_seconds_${what}{process="ocsp",stage="${stage}"`,
        ),
      );
    await until('the changes', async () => (await times('signed')) === 1);
    expect(await times('evicted')).toBe(2);
    expect(await times('signed', 'sum')).toBeGreaterThan(0);
  });

  it('show what a start signs because it was asked for before: the first question is answered from memory', async () => {
    const certID = certIDOf(made.issuing, made.issue().certificate.serialNumber);
    for (let n = 0; n < 3; n += 1) await ask(made, [certID]);
    await made.restart();
    await untilReady(made);
    const remembered = readFileSync(join(made.folder, 'asked-before'), 'utf8').trim().split('\n');
    await until(
      'all of them to be signed',
      async () => (await valueOf(/chancery_ocsp_cached_answers/)) === remembered.length,
    );
    const before = await valueOf(/chancery_ocsp_signatures_total/);
    await ask(made, [certID]);
    expect(await valueOf(/chancery_ocsp_signatures_total/)).toBe(before);
    expect(await valueOf(/chancery_ocsp_answers_total\{kind="memory"/)).toBe(1);
  });
});
