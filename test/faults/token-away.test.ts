/** The tokens switched off, hung and given back under a running product. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import type { FailoverDrill } from '../../src/authority/index.ts';
import { Service } from '../support/availability.ts';
import { audited, fetchCrl, onCrl } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import type { Received } from '../support/load-client.ts';
import { until } from '../support/quickstart-run.ts';
import { sampledTests } from '../support/sampled-tests.ts';
import { clonedToken, signersOf, tokenDevice } from '../support/token-device.ts';

const chancery = useInstallation();
const service = new Service(chancery);
const issuing = tokenDevice(chancery, 'issuing');
const responder = tokenDevice(chancery, 'responder');
let known: Received;
const faults = sampledTests('faults of tokens', 5);

beforeAll(async () => {
  // The first start made the tokens; from now on they are devices of their own.
  await chancery.stop();
  await Promise.all([issuing.start(), responder.start()]);
  await chancery.start({ ...issuing.environment, ...responder.environment });
  known = await service.begin();
  expect(await service.ocsp(known.serialNumber)).toContain(': good');
}, 120_000);

/** One OCSP request over HTTP, without the start of a program in its time. */
async function ocspRequest(): Promise<() => Promise<unknown>> {
  await chancery.openssl([
    ...['ocsp', '-issuer', 'issuer.pem', '-serial', `0x${known.serialNumber}`, '-no_nonce'],
    ...['-reqout', 'known.ocsp'],
  ]);
  const body = readFileSync(chancery.path('known.ocsp'));
  return async () => {
    const answer = await fetch(chancery.ocspUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request' },
      body,
    });
    expect(answer.status).toBe(200);
    return answer.arrayBuffer();
  };
}

afterAll(() => {
  issuing.signal('SIGKILL');
  responder.signal('SIGKILL');
});

faults.add(
  'T-HSM-3 issuing token killed among 200 issuances: each is issued once or clearly refused',
  async () => {
    const pids = service.pids();
    const asked = Array.from({ length: 200 }, async () => service.tryToIssue());
    await Promise.race(asked);
    issuing.signal('SIGKILL');
    const answers = await Promise.all(asked);
    const issued = answers.filter(({ status }) => status === 201);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      service.expectUnavailable(answer, 'tokenUnavailable', 'outcomeUnknown', 'overloaded');
    }
    await issuing.start();
    await service.expectBack(pids);
    const serialNumbers = issued.map(
      (answer) =>
        (answer.json() as { certificate: { serialNumber: string } }).certificate.serialNumber,
    );
    expect(new Set(serialNumbers).size).toBe(issued.length);
    const done = await audited(chancery, 'certificate.issue');
    expect(
      serialNumbers.map((serialNumber) => done.get(`${known.issuerId}/${serialNumber}`)),
    ).toEqual(serialNumbers.map(() => 1));
    // Every row of the inventory agrees with its certificate, signature and status.
    expect(await chancery.verifyDatabase()).toMatchObject({ code: 0 });
  },
  120_000,
);

faults.add(
  'issuing token switched off: clear errors, status goes on, service again without a restart',
  async () => {
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
  },
  120_000,
);

faults.add(
  'T-HSM-4 issuing token hung: deadlines hold, the event loop is free, CRLs and OCSP as before, service again when it goes on',
  async () => {
    const pids = service.pids();
    issuing.signal('SIGSTOP');
    const asked = performance.now();
    const answers = Array.from({ length: 20 }, async () => service.tryToIssue());
    const lags = { crl: [] as number[], ocsp: [] as number[] };
    const request = await ocspRequest();
    let waiting = true;
    const timed = async (into: number[], ask: () => Promise<unknown>): Promise<void> => {
      const start = performance.now();
      await ask();
      into.push(performance.now() - start);
    };
    const watch = (async () => {
      while (waiting) {
        await timed(lags.crl, async () => fetchCrl(chancery, known.issuerId));
        await timed(lags.ocsp, request);
        await new Promise((done) => setTimeout(done, 100));
      }
    })();
    for (const answer of await Promise.all(answers)) {
      service.expectUnavailable(answer, 'tokenUnavailable', 'outcomeUnknown', 'overloaded');
    }
    waiting = false;
    await watch;
    expect(performance.now() - asked).toBeLessThan(20_000);
    for (const [of, values] of Object.entries(lags)) {
      const median = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
      expect(median, of).toBeLessThan(100);
    }
    issuing.signal('SIGCONT');
    await service.expectBack(pids);
  },
  120_000,
);

faults.add(
  'signer process of the CA stopped and killed: it is replaced',
  async () => {
    const pids = service.pids();
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      const signers = signersOf(pids.ca);
      expect(signers).not.toEqual([]);
      for (const signer of signers) process.kill(signer, signal);
      await service.expectBack(pids);
      await until('another signer', () => signersOf(pids.ca).some((pid) => !signers.includes(pid)));
    }
  },
  120_000,
);

faults.add(
  'responder token switched off: what was signed is served, the rest is tryLater',
  async () => {
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
  },
  120_000,
);

faults.add(
  'signer process of the responder stopped and killed: it is replaced',
  async () => {
    const pids = service.pids();
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      for (const signer of signersOf(pids.ocsp)) process.kill(signer, signal);
      await service.expectBack(pids);
    }
  },
  120_000,
);

faults.add(
  'the CA starts while its token is away: status is served, issuance follows the token',
  async () => {
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
  },
  120_000,
);

faults.add(
  'T-HSM-10 a CA with a standby goes on while its first token is away, and its audit names the token',
  async () => {
    await chancery.stop();
    const standby = clonedToken(chancery, 'issuing', 'chancery-standby');
    await chancery.start({ ...issuing.environment, ...responder.environment, ...standby });
    const issue = async (): Promise<string> => {
      const { serialNumber, issuerId } = await service.client.issue();
      return tokenOf('certificate.issue', `${issuerId}/${serialNumber}`);
    };
    expect(await issue()).toBe('chancery-issuing');

    const pids = service.pids();
    issuing.signal('SIGKILL');
    expect(await issue()).toBe('chancery-standby');
    await chancery.ok('crl', 'publish', '--issuer', known.issuerId);
    expect(await tokenOf('crl.publish', known.issuerId)).toBe('chancery-standby');
    expect((await service.ready('ca')).status).toBe(200);

    await issuing.start();
    await until(
      'the first token to sign again',
      async () => (await issue()) === 'chancery-issuing',
    );
    expect(service.pids()).toEqual(pids);

    const ran = await chancery.chanceryAs(
      { ...issuing.environment, ...standby },
      ...['token', 'failover-drill', 'issuing', '--reason', 'yearly drill', '--json'],
    );
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const drill = JSON.parse(ran.stdout) as FailoverDrill;
    expect(drill).toMatchObject({
      outcome: 'passed',
      findings: [],
      tokens: { first: { label: 'chancery-issuing' }, standby: { label: 'chancery-standby' } },
    });
    expect(drill.keys.length).toBeGreaterThan(0);
    expect(drill.takeoverMilliseconds).toBeGreaterThanOrEqual(0);
    expect(service.pids()).toEqual(pids);
    expect(await audited(chancery, 'token.failoverDrill')).toEqual(new Map([['issuing', 1]]));

    // A key that was made since is in the first token alone: the next drill fails, and says so.
    await chancery.ok(...['key', 'generate', '--type', 'notice', '--reason', 'not cloned yet']);
    const failed = await chancery.chanceryAs(
      { ...issuing.environment, ...standby },
      ...['token', 'failover-drill', 'issuing', '--reason', 'after a new key'],
    );
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('the standby has no private key by its CKA_ID; clone it again');
    expect(failed.stderr).toContain('the drill of the issuing token failed: 1 finding');
  },
  120_000,
);

/** The label of the token that the newest audit record of the act names. */
async function tokenOf(act: string, object: string): Promise<string> {
  const answer = await chancery.rest('GET', `/api/v1/audit?act=${act}&limit=1000`);
  const { items } = answer.json() as {
    items: { object: string; at: string; details: { token?: { label: string } } }[];
  };
  const newest = items
    .filter((item) => item.object === object)
    .toSorted((a, b) => b.at.localeCompare(a.at))[0];
  return newest?.details.token?.label ?? 'none';
}

faults.define();
