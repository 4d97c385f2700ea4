/**
 * A whole rollover while certificates are issued: prepared, distributed, activated at its date, the old
 * one retired, narrowed, its last CRL out, its key destroyed. openssl, as a relying party that trusts the
 * bundle of that moment, verifies every certificate with the CRLs of its path and by OCSP: none fails.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Responder, startResponder } from '../../ocsp/responder.ts';
import type { IssuedCertificate } from '../../src/authority/index.ts';
import { defaultTenant } from '../../src/domain/index.ts';
import { encodePem } from '../../src/pkix/index.ts';
import { admin, refusal, type TestAuthority, testAuthority } from '../support/authority.ts';
import { type EnrolmentDoor, enrolmentDoor } from '../support/enrolment-door.ts';
import { runTool } from '../support/ocsp-judges.ts';
import { scratchFolder } from '../support/openssl.ts';
import { until } from '../support/quickstart-run.ts';
import { softwareToken } from '../support/software-token.ts';

const reason = 'the key is three years old';
const hour = 3600;
const day = 24 * hour;
/** Certificates that are asked for at once. */
const atOnce = 6;
/** A longer round with `scripts/test --all`. */
const rounds = process.env['CHANCERY_TEST_ALL'] === '1' ? 20 : 2;

const scratch = scratchFolder();
const folder = mkdtempSync(join(tmpdir(), 'chancery-rollover-ocsp-'));
let ca: TestAuthority;
let door: EnrolmentDoor;
let responder: Responder;
const failures: string[] = [];
const tally = new Map<string, number>();
let files = 0;

beforeAll(async () => {
  ca = await testAuthority('rollover_load', {
    settings: { distributeBeforeActivationSeconds: hour },
  });
  door = await enrolmentDoor(ca.authority);
  responder = await startResponder({
    listen: [{ host: '127.0.0.1', port: 0 }],
    folder,
    source: ca.status.source,
    token: softwareToken(),
    enrolment: {
      authorityUrl: door.url,
      keyFile: scratch.file('client.key', door.client.key),
      certificateFile: scratch.file('client.pem', door.client.certificate),
      trustFile: scratch.file('door.pem', door.trust),
    },
    clock: ca.clock,
    log: () => undefined,
    validitySeconds: 600,
    requestTimeoutMilliseconds: 10_000,
    drainTimeoutMilliseconds: 2000,
    signDeadline: 5000,
    delegateKeys: ['p256'],
    responderId: 'key',
    // The test's clock jumps; what is looked at by it must not take a jump for an outage.
    timing: { issuersInterval: 100, delegatesInterval: 100, feedInterval: 100, cutOff: 10 ** 12 },
  });
  await until('the responder to be ready', () => responder.readiness().ready, 30_000);
}, 120_000);

afterAll(async () => {
  await responder.close();
  await door.close();
  scratch.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function turn(): Promise<void> {
  await ca.authority.checkReadiness();
  await ca.authority.tick();
  await ca.authority.drain();
}

/** After the clock jumped: CRLs are made anew, and the responder has a delegate that is valid then. */
async function settled(issuerId: string): Promise<void> {
  const now = ca.clock.now();
  await until(
    'fresh CRLs and a delegate',
    async () => {
      await turn();
      const crl = ca.crl(issuerId);
      const delegate = await ca.read(async ({ issuers }) =>
        issuers.delegateUntil(defaultTenant, issuerId),
      );
      return (
        crl.nextUpdate !== undefined &&
        crl.nextUpdate > now &&
        delegate !== undefined &&
        delegate > now &&
        responder.readiness().ready
      );
    },
    60_000,
  );
}

const seconds = (): string => String(Math.floor(ca.clock.now().getTime() / 1000));
const pemFile = (name: string, certificates: readonly Uint8Array[]): string =>
  scratch.file(name, certificates.map((der) => encodePem('CERTIFICATE', der)).join(''));

/** As a relying party: the path with CRLs of every issuer in it, then the responder. */
async function judge(certificates: readonly IssuedCertificate[]): Promise<void> {
  const [first] = certificates;
  if (first === undefined) return;
  files += 1;
  const run = files;
  const issuerId = first.record.issuerId;
  const bundle = scratch.file(`${run}.bundle`, (await ca.authority.trustBundle('default')).pem);
  const crls = scratch.file(
    `${run}.crls`,
    [issuerId, ca.root.issuerId]
      .map((id) => readFileSync(join(ca.folder, 'published/crl', id, '0.crl')))
      .map((der) => encodePem('X509 CRL', der))
      .join(''),
  );
  const issuer = pemFile(`${run}.issuer`, first.chain);
  const leaves = certificates.map(({ certificate }, index) =>
    pemFile(`${run}-${index}.pem`, [certificate]),
  );
  const path = await runTool(
    ...(['openssl', 'verify', '-x509_strict', '-crl_check_all', '-attime', seconds()] as const),
    ...['-CAfile', bundle, '-untrusted', issuer, '-CRLfile', crls, ...leaves],
  );
  const then = ca.clock.now().toISOString().slice(0, 19).replace('T', ' ');
  const status = await runTool(
    ...(['env', 'TZ=UTC', 'faketime', then, 'openssl', 'ocsp', '-no_nonce'] as const),
    ...['-issuer', issuer, ...leaves.flatMap((leaf) => ['-cert', leaf])],
    ...['-url', `http://127.0.0.1:${responder.ports[0]}/`, '-CAfile', bundle],
  );
  for (const leaf of leaves) {
    if (!path.output.includes(`${leaf}: OK`)) failures.push(`path: ${path.output}`);
    if (!status.output.includes(`${leaf}: good`)) failures.push(`OCSP: ${status.output}`);
  }
  if (!status.output.includes('Response verify OK')) failures.push(`OCSP: ${status.output}`);
  tally.set(issuerId, (tally.get(issuerId) ?? 0) + leaves.length);
}

/** By who signed them: an openssl looks at one issuer's. */
async function judgeAll(certificates: readonly IssuedCertificate[]): Promise<void> {
  const groups = Map.groupBy(certificates, ({ record }) => record.issuerId);
  await Promise.all([...groups.values()].map(judge));
}

/** Issues and verifies until the work is done: half name no issuer, half name the old one. */
async function underLoad(work: () => Promise<void>): Promise<readonly IssuedCertificate[]> {
  let over = false;
  const seen: IssuedCertificate[] = [];
  const load = async (): Promise<void> => {
    for (let round = 0; round < rounds || !over; round += 1) {
      const names = Array.from({ length: atOnce }, (_, n) => (n % 2 === 0 ? undefined : 'issuing'));
      const issued = await Promise.all(
        names.map(async (issuer) =>
          ca.issue(issuer === undefined ? {} : { issuer }).catch((error: unknown) => {
            failures.push(`issuance: ${String(error)}`);
            return undefined;
          }),
        ),
      );
      const made = issued.filter((one) => one !== undefined);
      // Of those issued before, one is looked at again.
      await judgeAll([...made, ...seen.slice(0, 1)]);
      seen.push(...made);
    }
  };
  const loaded = load();
  try {
    await work();
  } finally {
    over = true;
    await loaded;
  }
  return seen;
}

test('not one verification fails from the preparation to the destroyed key', async () => {
  const standing = async (name: string): Promise<string> =>
    (await ca.authority.showIssuer(admin, name)).standing;
  const first = await underLoad(async () => {
    await ca.authority.prepareRollover(admin, 'issuing', { name: 'next', sameName: true, reason });
    expect(await refusal(ca.authority.activateIssuer(admin, 'next', { reason }))).toBe(
      'illegalTransition',
    );
  });
  expect(new Set(first.map(({ record }) => record.issuerId))).toEqual(
    new Set([ca.issuing.issuerId]),
  );
  const { issuerId: nextId } = await ca.authority.showIssuer(admin, 'next');

  await underLoad(async () => {
    const at = new Date(ca.clock.now().getTime() + 2 * hour * 1000);
    await ca.authority.activateIssuer(admin, 'next', { reason, at });
    ca.clock.set(at);
    await until(
      'the next issuer to issue',
      async () => {
        await turn();
        return (await standing('next')) === 'issuing';
      },
      60_000,
    );
  });
  // A responder was ready for it before it issued its first certificate.
  const key = await ca.read(async ({ issuers }) => issuers.delegateUntil(defaultTenant, nextId));
  expect(key).toBeDefined();

  const last = await underLoad(async () => {
    await ca.authority.retireIssuer(admin, 'issuing', { reason });
    for (const step of [20, 20]) {
      ca.clock.advance(step);
      await turn();
    }
  });
  expect(last.slice(-atOnce).map(({ record }) => record.issuerId)).toEqual(
    Array.from({ length: atOnce }, () => nextId),
  );
  // The old key is narrowed, and what it signed is verified all the same.
  const { keyId } = ca.issuing;
  const narrowed = await ca.read(async ({ keys }) => keys.find(defaultTenant, keyId));
  expect(narrowed).toMatchObject({ privateState: 'active', scope: 'status' });
  ca.clock.advance(15 * 60);
  await settled(ca.issuing.issuerId);
  await judgeAll([...first.slice(0, 2), ...last.slice(-2)]);

  // Weeks later its CRLs and OCSP answers are fresh; delegates are renewed by the narrowed key.
  ca.clock.advance(30 * day);
  await settled(ca.issuing.issuerId);
  await judgeAll([...first.slice(0, 2), ...last.slice(-2)]);

  const { lastNotAfter } = await ca.authority.showIssuer(admin, 'issuing');
  ca.clock.set(new Date((lastNotAfter?.getTime() ?? 0) + 1000));
  for (let days = 0; (await standing('issuing')) !== 'retired'; days += 1) {
    expect(days).toBeLessThan(120);
    ca.clock.advance(day);
    await turn();
  }
  await settled(nextId);
  await underLoad(async () => {
    const { key: gone } = await ca.authority.destroyKey(admin, { key: keyId, reason });
    expect([gone.privateState, gone.publicState]).toEqual(['destroyed', 'deactivated']);
  });
  expect(failures).toEqual([]);
  expect(tally.get(ca.issuing.issuerId)).toBeGreaterThan(2 * atOnce);
  expect(tally.get(nextId)).toBeGreaterThan(2 * atOnce);
}, 300_000);
