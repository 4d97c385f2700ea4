/**
 * Two CA processes and two responders on one database, under load: no serial number and no CRL
 * number twice, scheduled work done once, and when one is killed the other has taken over within
 * ten seconds.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  audited,
  CrlWitness,
  fetchCrl,
  inventory,
  ocspStatuses,
  onCrl,
} from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import { newRequest } from '../support/load-client.ts';
import { until } from '../support/quickstart-run.ts';
import { SecondNode } from '../support/second-node.ts';

const chancery = useInstallation();
const takeOver = 10_000;
let second: SecondNode;
let issuerId = '';
let issuerFile = '';

beforeAll(async () => {
  second = await SecondNode.beside(chancery);
  const joined = await second.chancery('node', 'join');
  expect(joined, joined.stderr).toMatchObject({ code: 0 });
  const prepared = await second.chancery('node', 'prepare-responder', 'second-responder');
  expect(prepared, prepared.stderr).toMatchObject({ code: 0 });
  const folder = `${chancery.data}/second-node/responder`;
  await chancery.ok(
    ...['principal', 'create', 'second-responder', '--role', 'responder'],
    ...['--csr', `${folder}/request.pem`, '--out', `${folder}/cert.pem`],
  );
  second.start('ca');
  second.start('ocsp');
  await Promise.all([second.ready('ca'), second.ready('ocsp')]);
  const issuer = await chancery.json<{ issuerId: string }>('issuer', 'show', 'issuing');
  issuerId = issuer.issuerId;
  const der = await (await fetch(`${chancery.httpUrl}/ca/${issuerId}.cer`)).arrayBuffer();
  issuerFile = chancery.write('issuing.cer', new Uint8Array(der));
  await chancery.openssl(['x509', '-in', issuerFile, '-out', `${issuerFile}.pem`]);
}, 120_000);

afterAll(async () => {
  await second.stop();
}, 60_000);

const bases = (): readonly string[] => [chancery.httpsUrl, second.httpsUrl];

async function post(base: string, path: string, body: unknown): Promise<unknown> {
  const answer = await chancery.rest('POST', `/api/v1${path}`, body, {}, base);
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json();
}

async function issue(base: string): Promise<string> {
  const { certificate } = (await post(base, '/certificates', newRequest('node').body)) as {
    certificate: { serialNumber: string };
  };
  return certificate.serialNumber;
}

/** Both responders say so; asked by openssl, which verifies each answer. */
async function bothSay(serialNumber: string, status: string): Promise<boolean> {
  const answers = await Promise.all(
    [chancery.ocspUrl, second.ocspUrl].map(async (url) =>
      ocspStatuses(chancery, `${issuerFile}.pem`, [serialNumber], url),
    ),
  );
  return answers.every((answer) => answer.get(serialNumber.toLowerCase()) === status);
}

async function revoke(base: string, serialNumber: string): Promise<void> {
  await post(base, `/certificates/${serialNumber}/revoke`, { reasonCode: 'superseded' });
}

/** On hold until a moment that is over soon: one node, and one only, ends it. */
async function holdFor(base: string, serialNumber: string, milliseconds: number): Promise<void> {
  const end = new Date(Date.now() + milliseconds).toISOString();
  await post(base, `/certificates/${serialNumber}/hold`, { until: end, then: 'release' });
}

test('an act of one node is shown by both responders, each with a delegate of its own', async () => {
  const [first = '', other = ''] = bases();
  const serialNumber = await issue(first);
  expect(await bothSay(serialNumber, 'good')).toBe(true);
  await revoke(other, serialNumber);
  await until('both to say revoked', async () => bothSay(serialNumber, 'revoked'), 2000);
});

test('under load on both no serial number and no CRL number comes twice, and what is scheduled is done once', async () => {
  const witness = new CrlWitness(chancery);
  const watching = witness.watch(() => [issuerId]);
  const issued: string[] = [];
  const revoked: string[] = [];
  const held: string[] = [];
  const end = performance.now() + 4000;
  await Promise.all(
    [0, 1, 2, 3, 4, 5].map(async (client) => {
      for (let n = client; performance.now() < end; n += 1) {
        const [here = '', there = ''] = n % 2 === 0 ? bases() : bases().toReversed();
        const serialNumber = await issue(here);
        issued.push(serialNumber);
        if (n % 3 === 0) {
          await revoke(there, serialNumber);
          revoked.push(serialNumber);
        } else if (n % 3 === 1 && held.length < 12) {
          await holdFor(there, serialNumber, 1500);
          held.push(serialNumber);
        }
      }
    }),
  );
  expect(issued.length).toBeGreaterThan(20);
  expect(new Set(issued).size).toBe(issued.length);
  await until('the CRL to list what was revoked', async () => {
    const listed = await onCrl(chancery, issuerId);
    return revoked.every((serialNumber) => listed.has(serialNumber));
  });
  await until('the holds to end', async () => {
    const status = new Map(
      (await inventory(chancery)).map((shown) => [shown.serialNumber, shown.status]),
    );
    return held.every((serialNumber) => status.get(serialNumber) === 'good');
  });
  witness.stop();
  await watching;
  expect(witness.problems).toEqual([]);
  expect(witness.numbers).toBeGreaterThan(1);
  // Both serve the same file.
  await until('both to serve the same CRL', async () => {
    const theirs = await fetch(`${second.httpUrl}/crl/${issuerId}/0.crl`);
    const ours = await fetchCrl(chancery, issuerId);
    return Buffer.compare(Buffer.from(ours), Buffer.from(await theirs.arrayBuffer())) === 0;
  });
  const released = await audited(chancery, 'certificate.release');
  expect(held.map((serial) => released.get(`${issuerId}/${serial}`))).toEqual(held.map(() => 1));
});

test('when the first node is killed, the other has published, ended the holds and answered within ten seconds', async () => {
  const [first = '', other = ''] = bases();
  const hold = await issue(first);
  await holdFor(first, hold, 1000);
  const serialNumber = await issue(first);
  const before = readFileSync(`${chancery.data}/run/ocsp.pid`, 'utf8');
  await chancery.killSupervisor();
  chancery.kill('ca');
  const killed = performance.now();
  await revoke(other, serialNumber);
  await until(
    'the second to publish',
    async () => {
      const der = await fetch(`${second.httpUrl}/crl/${issuerId}/0.crl`);
      return Buffer.from(await der.arrayBuffer()).includes(
        Buffer.from(serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`, 'hex'),
      );
    },
    takeOver - (performance.now() - killed),
  );
  await until(
    'the second to end the hold',
    async () => {
      const shown = await chancery.rest(
        'GET',
        `/api/v1/certificates/${hold}`,
        undefined,
        {},
        other,
      );
      return (shown.json() as { status: string }).status === 'good';
    },
    takeOver - (performance.now() - killed),
  );
  await issue(other);
  expect(await bothSay(serialNumber, 'revoked')).toBe(true);
  process.kill(Number(before), 'SIGKILL');
  const answered = await ocspStatuses(
    chancery,
    `${issuerFile}.pem`,
    [serialNumber, hold],
    second.ocspUrl,
  );
  expect([...answered.values()]).toEqual(['revoked', 'good']);
  expect(performance.now() - killed).toBeLessThan(takeOver + 5000);
  // Quickstart starts again what was killed, beside the node that took over.
  await chancery.start();
  await until('both to say good', async () => bothSay(hold, 'good'));
}, 120_000);
