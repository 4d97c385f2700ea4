/** T-PROC-1: asked to stop in the middle of work. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Service } from '../support/availability.ts';
import { inventory } from '../support/crash-judges.ts';
import type { RestAnswer } from '../support/installation.ts';
import { useInstallation } from '../support/installation.ts';
import { runs, until } from '../support/quickstart-run.ts';

const chancery = useInstallation();
const service = new Service(chancery);

beforeAll(async () => {
  await service.begin();
}, 60_000);

/** Fires issuances and a signal while they are under way. @returns what came back */
async function signalDuring(signal: () => void): Promise<readonly (RestAnswer | undefined)[]> {
  const answers = Array.from({ length: 60 }, async () =>
    service.tryToIssue().catch(() => undefined),
  );
  // At the first answer the others are in every stage.
  await Promise.race(answers);
  signal();
  return Promise.all(answers);
}

/** Every answer is a certificate, a clear refusal or none; what was given is kept; nothing is half done. */
async function expectWhole(answers: readonly (RestAnswer | undefined)[]): Promise<void> {
  const rows = new Map(
    (await inventory(chancery)).map((row) => [row.serialNumber, row.issuanceState]),
  );
  for (const answer of answers) {
    if (answer?.status === 201) {
      const { certificate } = answer.json() as { certificate: { serialNumber: string } };
      expect(rows.get(certificate.serialNumber)).toBe('issued');
    } else if (answer !== undefined) expect(answer.status).toBe(503);
  }
  expect(answers.filter((answer) => answer?.status === 201).length).toBeGreaterThan(0);
  expect([...rows.values()].filter((state) => state === 'prepared')).toEqual([]);
}

test('SIGTERM of the CA: what runs is finished, exit 0, and the next one serves', async () => {
  const before = chancery.pid('ca');
  const answers = await signalDuring(() => {
    if (before !== undefined) process.kill(before, 'SIGTERM');
  });
  await until('the CA to be started again', () => {
    const now = chancery.pid('ca');
    return now !== undefined && now !== before;
  });
  expect(chancery.output).toMatch(/the CA service ended \(exit code 0\)/);
  await service.expectBack(undefined);
  await expectWhole(answers);
}, 90_000);

test('SIGTERM of quickstart: all stop in order, exit 0, nothing is left running', async () => {
  const pids = (['ca', 'ocsp', 'postgres'] as const).map((name) => chancery.pid(name));
  let stopped: Promise<number | null> | undefined;
  const answers = await signalDuring(() => {
    stopped = chancery.stop();
  });
  expect(await stopped).toBe(0);
  expect(pids.map(runs)).toEqual([false, false, false]);
  const log = readFileSync(join(chancery.data, 'log', 'ca.log'), 'utf8');
  expect(log.trimEnd().split('\n').at(-1)).toContain('stopped');
  await chancery.start();
  await expectWhole(answers);
}, 90_000);
