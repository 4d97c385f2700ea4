/** `chancery key` against a running installation, its responder, and processes that are killed. */
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FailpointName } from '../../../src/authority/index.ts';
import { ocspStatuses } from '../../support/crash-judges.ts';
import { useInstallation } from '../../support/installation.ts';
import { until } from '../../support/quickstart-run.ts';
import { sampled } from '../../support/sampled.ts';

const failpointFile = join(tmpdir(), `chancery-key-failpoint-${process.pid}`);
const chancery = useInstallation({ CHANCERY_FAILPOINT_FILE: failpointFile });
const why = ['--reason', 'a test asks for it'] as const;

interface KeyJson {
  readonly keyId: string;
  readonly type: string;
  readonly label: string;
  readonly privateState: string;
  readonly publicState: string;
}
interface Details extends KeyJson {
  readonly history: readonly {
    readonly half: string;
    readonly number: number;
    readonly reason: string;
  }[];
  readonly module: string;
  readonly validated: boolean;
  readonly certificates: readonly { readonly status: string }[];
  readonly evidence: readonly { readonly kind: string }[];
}

const show = async (key: string): Promise<Details> =>
  (await chancery.rest('GET', `/api/v1/keys/${encodeURIComponent(key)}`)).json() as Details;

/** A certificate from before anything is done to its issuer's key. */
let issued: Promise<{ readonly serialNumber: string; readonly issuerId: string }>;

async function issue(): Promise<{ readonly serialNumber: string; readonly issuerId: string }> {
  await chancery.ok(
    ...['issue', '--profile', 'tls-server', '--dns', 'before.example.test'],
    ...['--key-out', 'before.key', '--out', 'before.pem'],
  );
  const { items } = (await chancery.rest('GET', '/api/v1/certificates?limit=1')).json() as {
    items: readonly { serialNumber: string; issuerId: string }[];
  };
  const [first] = items;
  if (first === undefined) throw new Error('nothing was issued');
  return { ...first, serialNumber: first.serialNumber.toLowerCase().replace(/^0+/, '') };
}

beforeAll(async () => {
  issued = issue();
  await issued;
});

describe('the inventory', () => {
  test('lists every key with its state; show prints the metadata, text and JSON', async () => {
    const { items } = await chancery.json<{ items: readonly KeyJson[] }>('key', 'list');
    expect(new Set(items.map(({ type }) => type))).toEqual(
      new Set([...new Set(items.map(({ type }) => type)), 'ca', 'ocspResponder', 'httpsServer']),
    );
    const details = await show('issuing');
    expect(details).toMatchObject({ privateState: 'active', validated: false });
    expect(details.module).toBe('software, not validated');
    const text = await chancery.ok('key', 'show', details.keyId.slice(0, 10));
    for (const word of ['identifier:', 'purposes:', 'strength:', 'module:', 'history']) {
      expect(text).toContain(word);
    }
  });

  test('custodians and access: who, from when to when, and what the attributes prove', async () => {
    await chancery.ok(
      'key',
      'custodian',
      'appoint',
      'Anna',
      '--duty',
      'holdsPin',
      '--token',
      'issuing',
    );
    expect(await chancery.ok('key', 'access', 'issuing')).toMatch(
      /in the clear: +possible: never through the token[\s\S]*Anna/,
    );
    const reason = why[1];
    const ended = await chancery.rest('POST', '/api/v1/key-custodians/1/end', { reason });
    expect(ended.json()).toMatchObject({ person: 'Anna', endedBy: 'admin' });
    const backup = { backup: { kind: 'none' }, reason };
    expect((await chancery.rest('POST', '/api/v1/keys/issuing/backup', backup)).status).toBe(200);
  });

  test('usage is told with exit 2, a refusal with exit 1 and its reason', async () => {
    expect((await chancery.chancery('key', 'suspend', 'issuing')).code).toBe(2);
    expect((await chancery.chancery('key', 'custodian', 'appoint', 'Bo', '--duty', 'x')).code).toBe(
      2,
    );
    const refused = await chancery.chancery('key', 'destroy', 'issuing', ...why);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('rollover retire') });
    const rotated = await chancery.chancery('key', 'rotate', 'issuing', ...why);
    expect(rotated.stderr).toContain('issuer rollover prepare issuing --as');
  });
});

describe('SP 800-57 Part 1 §7.3, with the responder at work', () => {
  test('a suspended CA key signs nothing, its delegate goes on answering; then both are back', async () => {
    const { serialNumber, issuerId } = await issued;
    const answer = await fetch(`${chancery.httpUrl}/ca/${issuerId}.cer`);
    chancery.write('issuer.cer', Buffer.from(await answer.arrayBuffer()));
    await chancery.openssl(['x509', '-inform', 'DER', '-in', 'issuer.cer', '-out', 'issuer.pem']);
    const ocsp = async (): Promise<string | undefined> =>
      (await ocspStatuses(chancery, 'issuer.pem', [serialNumber])).get(serialNumber);
    expect(await ocsp()).toBe('good');
    const said = await chancery.ok('key', 'suspend', 'issuing', ...why, '--approval', 'CAB-7');
    expect(said).toMatch(/private half suspended[\s\S]*is on hold/);
    const issuing = await chancery.chancery(
      ...['issue', '--profile', 'tls-server', '--dns', 'no.example.test'],
      ...['--key-out', 'no.key', '--out', 'no.pem'],
    );
    expect(issuing.stderr).toContain('the key of issuer issuing is suspended');
    const crl = await chancery.chancery('crl', 'publish', '--issuer', 'issuing');
    expect(crl).toMatchObject({ code: 1, stderr: expect.stringContaining('signs no CRLs') });
    expect(await ocsp()).toBe('good');
    const resumed = await chancery.ok('key', 'resume', 'issuing', ...why);
    expect(resumed).toContain('is released');
    await chancery.ok('crl', 'publish', '--issuer', 'issuing');
    expect((await show('issuing')).certificates[0]?.status).toBe('good');
  });
});

describe('SIGKILL at each step of a change', () => {
  const steps = [
    ...(['key.1-before-commit', 'key.2-after-commit'] as const),
    ...(['key.destroy.1-after-intent', 'key.destroy.2-after-token'] as const),
  ] as const satisfies readonly FailpointName[];
  const reason = why[1];

  async function post(path: string, body: object): Promise<{ readonly key: KeyJson }> {
    const answer = await chancery.rest('POST', `/api/v1/keys${path}`, { reason, ...body });
    expect([path, answer.status < 300]).toEqual([path, true]);
    return answer.json() as { readonly key: KeyJson };
  }

  /** An act that meets the step: the CA is killed there, and comes back. */
  async function killedAt(step: FailpointName, path: string): Promise<void> {
    const before = chancery.pid('ca');
    writeFileSync(failpointFile, step);
    await expect(chancery.rest('POST', `/api/v1/keys${path}`, { reason })).rejects.toThrow();
    expect(existsSync(failpointFile)).toBe(false);
    await until('the CA to be started again', () => {
      const now = chancery.pid('ca');
      return now !== undefined && now !== before;
    });
    await until(
      'the CA to be ready',
      async () => (await fetch(`${chancery.httpUrl}/readyz`).catch(() => undefined))?.ok === true,
      60_000,
    );
  }

  test.each(sampled('steps of a key', steps, 2))(
    '%s leaves nothing or all; what began comes to its end by itself',
    async (step) => {
      const { key } = await post('', { type: 'notice', key: 'p256', record: `killed-${step}` });
      if (step.startsWith('key.destroy')) {
        await killedAt(step, `/${key.keyId}/destruction`);
        await until(
          'the destruction to be finished',
          async () => (await show(key.keyId)).privateState === 'destroyed',
          90_000,
        );
        const { evidence, history } = await show(key.keyId);
        expect(evidence.map(({ kind }) => kind)).toContain('key.destruction');
        expect(history.at(-1)?.reason).toBe(reason);
      } else {
        await post(`/${key.keyId}/distributions`, { location: 'the board' });
        await killedAt(step, `/${key.keyId}/activation`);
        const state = step === 'key.1-before-commit' ? 'pre-activation' : 'active';
        expect(await show(key.keyId)).toMatchObject({ privateState: state, publicState: state });
      }
    },
    240_000,
  );

  test('afterwards tokens, inventory, history and audit agree', async () => {
    expect(await chancery.ok('key', 'reconcile')).toContain('issuing:');
    const verified = await chancery.verifyDatabase();
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('all agree') });
  });
});
