/** The database hung, killed and given back under a running product. */
import { beforeAll, expect, test } from 'vitest';
import { Service } from '../support/availability.ts';
import { fetchCrl } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import type { Received } from '../support/load-client.ts';
import { until } from '../support/quickstart-run.ts';
import { descendants } from '../support/token-device.ts';

const chancery = useInstallation();
const service = new Service(chancery);
let known: Received;
let unasked: Received;

beforeAll(async () => {
  known = await service.begin();
  unasked = await service.client.issue();
  expect(await service.ocsp(known.serialNumber)).toContain(': good');
}, 60_000);

function signalDatabase(name: 'SIGSTOP' | 'SIGCONT'): void {
  const postmaster = chancery.pid('postgres');
  for (const pid of [postmaster, ...descendants(postmaster)]) {
    if (pid !== undefined) process.kill(pid, name);
  }
}

test('database hung: clear errors within the deadline, what was signed is served, service again', async () => {
  const pids = service.pids();
  signalDatabase('SIGSTOP');
  try {
    const asked = performance.now();
    const command = chancery.chancery('list');
    service.expectUnavailable(await service.tryToIssue(), 'databaseUnavailable', 'outcomeUnknown');
    expect(performance.now() - asked).toBeLessThan(30_000);
    expect(await command).toMatchObject({ code: 3 });
    expect((await fetchCrl(chancery, known.issuerId)).length).toBeGreaterThan(100);
    expect(await service.ocsp(known.serialNumber)).toContain(': good');
    expect(await service.ocsp(unasked.serialNumber)).toContain('trylater');
    await service.untilNotReady('ca', /database|answer/);
    await service.untilNotReady('ocsp', /database/);
  } finally {
    signalDatabase('SIGCONT');
  }
  await service.expectBack(pids);
  expect(await service.ocsp(unasked.serialNumber)).toContain(': good');
}, 150_000);

test('database killed and started again: service again without a restart of CA and responder', async () => {
  const pids = service.pids();
  const during = await service.client.issue();
  for (let round = 1; round <= 3; round += 1) {
    const before = chancery.pid('postgres');
    chancery.kill('postgres');
    const answer = await service.tryToIssue();
    if (answer.status !== 201) {
      service.expectUnavailable(answer, 'databaseUnavailable', 'outcomeUnknown');
    }
    await until('PostgreSQL to be started again', () => {
      const now = chancery.pid('postgres');
      return now !== undefined && now !== before;
    });
    await service.expectBack(pids);
  }
  expect((await service.client.show(during.serialNumber)).issuanceState).toBe('issued');
}, 150_000);
