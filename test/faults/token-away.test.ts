/** The tokens switched off, hung and given back under a running product. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Service } from '../support/availability.ts';
import { fetchCrl, onCrl } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import type { Received } from '../support/load-client.ts';
import { until } from '../support/quickstart-run.ts';
import { signersOf, tokenDevice } from '../support/token-device.ts';

const chancery = useInstallation();
const service = new Service(chancery);
const issuing = tokenDevice(chancery, 'issuing');
const responder = tokenDevice(chancery, 'responder');
let known: Received;

beforeAll(async () => {
  // The first start made the tokens; from now on they are devices of their own.
  await chancery.stop();
  await Promise.all([issuing.start(), responder.start()]);
  await chancery.start({ ...issuing.environment, ...responder.environment });
  known = await service.begin();
  expect(await service.ocsp(known.serialNumber)).toContain(': good');
}, 120_000);

afterAll(() => {
  issuing.signal('SIGKILL');
  responder.signal('SIGKILL');
});

test('issuing token switched off: clear errors, status goes on, service again without a restart', async () => {
  const pids = service.pids();
  const subject = await service.client.issue();
  issuing.signal('SIGKILL');
  service.expectUnavailable(await service.tryToIssue(), 'tokenUnavailable', 'outcomeUnknown');
  const command = await chancery.chancery(
    ...['issue', '--profile', 'tls-server', '--dns', 'away.load.test'],
    ...['--key-out', 'away.key', '--out', 'away.pem'],
  );
  expect(command).toMatchObject({ code: 3 });
  expect(command.stderr).not.toBe('');
  await service.untilNotReady('ca', /token/);

  // What is signed is served, and a suspension does not wait for the token.
  expect((await fetchCrl(chancery, known.issuerId)).length).toBeGreaterThan(100);
  expect(await service.ocsp(known.serialNumber)).toContain(': good');
  await service.client.change(subject, 'hold');
  await until(
    'OCSP to show the hold',
    async () => (await service.ocsp(subject.serialNumber)).includes('certificateHold'),
    4000,
  );

  await issuing.start();
  await service.expectBack(pids);
  await until('the CRL to catch up', async () =>
    (await onCrl(chancery, known.issuerId)).has(subject.serialNumber),
  );
}, 120_000);

test('issuing token hung: deadlines hold, the event loop is free, service again when it goes on', async () => {
  const pids = service.pids();
  issuing.signal('SIGSTOP');
  const asked = performance.now();
  const answers = Array.from({ length: 20 }, async () => service.tryToIssue());
  const lags: number[] = [];
  let waiting = true;
  const watch = (async () => {
    while (waiting) {
      const start = performance.now();
      await fetchCrl(chancery, known.issuerId);
      lags.push(performance.now() - start);
      await new Promise((done) => setTimeout(done, 100));
    }
  })();
  for (const answer of await Promise.all(answers)) {
    service.expectUnavailable(answer, 'tokenUnavailable', 'outcomeUnknown', 'overloaded');
  }
  waiting = false;
  await watch;
  expect(performance.now() - asked).toBeLessThan(20_000);
  const median = lags.toSorted((a, b) => a - b)[Math.floor(lags.length / 2)];
  expect(median).toBeLessThan(100);
  issuing.signal('SIGCONT');
  await service.expectBack(pids);
}, 120_000);

test('signer process of the CA stopped and killed: it is replaced', async () => {
  const pids = service.pids();
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    const signers = signersOf(pids.ca);
    expect(signers).not.toEqual([]);
    for (const signer of signers) process.kill(signer, signal);
    await service.expectBack(pids);
    await until('another signer', () => signersOf(pids.ca).some((pid) => !signers.includes(pid)));
  }
}, 120_000);

test('responder token switched off: what was signed is served, the rest is tryLater', async () => {
  const pids = service.pids();
  const unasked = await service.client.issue();
  responder.signal('SIGKILL');
  expect(await service.ocsp(known.serialNumber)).toContain(': good');
  expect(await service.ocsp(unasked.serialNumber)).toContain('trylater');
  await service.untilNotReady('ocsp', /token/);
  // Issuance has its own token.
  expect((await service.tryToIssue()).status).toBe(201);
  await responder.start();
  await service.expectBack(pids);
  expect(await service.ocsp(unasked.serialNumber)).toContain(': good');
}, 120_000);

test('signer process of the responder stopped and killed: it is replaced', async () => {
  const pids = service.pids();
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    for (const signer of signersOf(pids.ocsp)) process.kill(signer, signal);
    await service.expectBack(pids);
  }
}, 120_000);

test('the CA starts while its token is away: status is served, issuance follows the token', async () => {
  issuing.signal('SIGKILL');
  const before = chancery.pid('ca');
  chancery.kill('ca');
  await until('the CA to be started again', () => {
    const now = chancery.pid('ca');
    return now !== undefined && now !== before;
  });
  await until('the CRL to be served', async () =>
    fetchCrl(chancery, known.issuerId).then(
      () => true,
      () => false,
    ),
  );
  await until('REST to answer', async () => {
    const answer = await service.tryToIssue().catch(() => undefined);
    if (answer === undefined) return false;
    service.expectUnavailable(answer, 'tokenUnavailable', 'outcomeUnknown');
    return true;
  });
  const pids = service.pids();
  await issuing.start();
  await service.expectBack(pids);
}, 120_000);
