/** RFC 8555 §7.6: who may revoke, with which reason, how often (A28, A5). */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AcmeClient,
  type Answer,
  expectProblem,
  headerOf,
  type Obtained,
} from '../support/acme-client.ts';
import { type Csr, csr } from '../support/acme-csr.ts';
import { jwsKey, jwsKeyOf } from '../support/acme-keys.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { csrFor, freshKey } from '../support/authority.ts';

const under = await acmeUnderTest('acme-7-6');
const client = under.client();
let revokeCert = '';

beforeAll(async () => {
  await client.register();
  ({ revokeCert } = await client.directory());
});

let count = 0;
async function obtain(
  by: AcmeClient = client,
  names?: readonly string[],
): Promise<Obtained & { request: Csr; names: readonly string[] }> {
  count += 1;
  const asked = names ?? [`r${count}.example.test`];
  const request = csr(asked);
  return { ...(await by.obtain(asked, request.der)), request, names: asked };
}

function certificateOf({ certificate }: Pick<Obtained, 'certificate'>): string {
  return Buffer.from(certificate.raw).toString('base64url');
}

function serialOf({ certificate }: Pick<Obtained, 'certificate'>): string {
  return certificate.serialNumber.toLowerCase().replace(/^0+/, '');
}

async function revoke(
  by: AcmeClient,
  of: Pick<Obtained, 'certificate'>,
  reason?: unknown,
): Promise<Answer> {
  return by.post(revokeCert, { certificate: certificateOf(of), reason });
}

async function statusOf(of: Pick<Obtained, 'certificate'>): Promise<unknown> {
  return under.statusOf(serialOf(of));
}

describe('A28 who', () => {
  it('the account that issued it: 200 with an empty body; it is on the CRL and in OCSP', async () => {
    const obtained = await obtain();
    const answer = await revoke(client, obtained);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.text).toBe('');
    expect(headerOf(answer, 'replay-nonce')).toBeDefined();
    const record = { issuerId: under.authority.issuing.issuerId, serialNumber: serialOf(obtained) };
    const listed = await under.authority.listed(record);
    expect(listed).toBeDefined();
    // No reason given: no reasonCode extension (SHOULD omit; RFC 5280 §5.3.1).
    expect(listed?.reasonCode ?? 'unspecified').toBe('unspecified');
    expect(await under.authority.ocsp(record)).toMatchObject({ status: 'revoked' });
  });

  it('the key of the certificate, by jwk, without any account', async () => {
    const obtained = await obtain();
    const stranger = under.client('default', jwsKeyOf(obtained.request.privateKey));
    const answer = await stranger.post(revokeCert, {
      certificate: certificateOf(obtained),
      reason: 1,
    });
    expect(answer.status, answer.text).toBe(200);
    expect(await statusOf(obtained)).toMatchObject({
      status: 'revoked',
      reasonCode: 'keyCompromise',
    });
  });

  it('an account that holds authorizations for all of its names, and not for some', async () => {
    const names = ['x.all.example.test', 'y.all.example.test'];
    const obtained = await obtain(client, names);
    const other = under.client();
    await other.register();
    expectProblem(await revoke(other, obtained), 403, 'unauthorized');
    const first = await other.order(names.slice(0, 1));
    await other.authorize(first.order);
    expectProblem(await revoke(other, obtained), 403, 'unauthorized');
    const second = await other.order(names.slice(1));
    expectProblem(await revoke(other, obtained), 403, 'unauthorized');
    await other.authorize(second.order);
    expect((await revoke(other, obtained)).status).toBe(200);
  });

  it('I40: a wildcard needs the authorization of the wildcard', async () => {
    const obtained = await obtain(client, ['*.wc.example.test']);
    const other = under.client();
    await other.register();
    const base = await other.order(['wc.example.test']);
    await other.authorize(base.order);
    expectProblem(await revoke(other, obtained), 403, 'unauthorized');
    const wild = await other.order(['*.wc.example.test']);
    await other.authorize(wild.order, 'dns-01');
    expect((await revoke(other, obtained)).status).toBe(200);
  });

  it('nobody else: another account, a jwk of an account, a key of another certificate, a deactivated authorization', async () => {
    const [obtained, another] = [await obtain(), await obtain()];
    const stranger = under.client();
    await stranger.register();
    expectProblem(await revoke(stranger, obtained), 403, 'unauthorized');
    const payload = { certificate: certificateOf(obtained) };
    expectProblem(await stranger.post(revokeCert, payload, { jwk: true }), 403, 'unauthorized');
    // Not the issuing account either when it signs as a bare key: the clause wants its kid.
    const bare = await client.post(revokeCert, payload, { jwk: true });
    expectProblem(bare, 403, 'unauthorized');
    const wrong = under.client('default', jwsKeyOf(another.request.privateKey));
    expectProblem(await wrong.post(revokeCert, payload), 403, 'unauthorized');
    expectProblem(
      await under.client('default', jwsKey()).post(revokeCert, payload),
      403,
      'unauthorized',
    );
    const { order } = await stranger.order(obtained.names);
    await stranger.authorize(order);
    await stranger.post(order.authorizations[0] ?? '', { status: 'deactivated' });
    expectProblem(await revoke(stranger, obtained), 403, 'unauthorized');
    expect(await statusOf(obtained)).toMatchObject({ status: 'good' });
  });

  it("I1: ACME can't reach what was issued by other doors, nor a CA certificate", async () => {
    const key = freshKey();
    const issued = await under.authority.issue({ key, csr: csrFor(key, 'rest.example.test') });
    const { order } = await client.order(['rest.example.test']);
    await client.authorize(order);
    const certificate = Buffer.from(issued.certificate).toString('base64url');
    expectProblem(await client.post(revokeCert, { certificate }), 403, 'unauthorized');
    const issuing = Buffer.from(under.authority.issuing.certificate ?? []).toString('base64url');
    const refused = await client.post(revokeCert, { certificate: issuing });
    expect([403, 404]).toContain(refused.status);
    // The key itself may: whoever holds it can say that it is compromised.
    const byKey = under.client('default', jwsKeyOf(key.privateKey));
    expect((await byKey.post(revokeCert, { certificate, reason: 1 })).status).toBe(200);
  });
});

describe('A28 what', () => {
  it('twice is alreadyRevoked, with the first reason kept', async () => {
    const obtained = await obtain();
    expect((await revoke(client, obtained, 4)).status).toBe(200);
    expectProblem(await revoke(client, obtained, 5), 400, 'alreadyRevoked');
    expect(await statusOf(obtained)).toMatchObject({ reasonCode: 'superseded' });
    // Who shows the key may still say that it is compromised (I21): that is news.
    const byKey = under.client('default', jwsKeyOf(obtained.request.privateKey));
    const payload = { certificate: certificateOf(obtained), reason: 1 };
    expect((await byKey.post(revokeCert, payload)).status).toBe(200);
    expect(await statusOf(obtained)).toMatchObject({ reasonCode: 'keyCompromise' });
    expectProblem(await byKey.post(revokeCert, payload), 400, 'alreadyRevoked');
  });

  it.each([0, 1, 3, 4, 5])('reason %i is taken', async (reason) => {
    const obtained = await obtain();
    const answer = await revoke(client, obtained, reason);
    expect(answer.status, answer.text).toBe(200);
  });

  it.each([[2], [6], [7], [8], [10], [11], [-1], [1.5], ['1'], [null], [{}]])(
    'reason %j is badRevocationReason, and the answer says which are allowed',
    async (reason) => {
      const obtained = await obtain();
      const problem = expectProblem(
        await revoke(client, obtained, reason),
        400,
        'badRevocationReason',
      );
      expect(problem.detail).toMatch(/keyCompromise/);
      expect(await statusOf(obtained)).toMatchObject({ status: 'good' });
    },
  );

  it('keyCompromise by an account that neither holds the key nor was issued it', async () => {
    const obtained = await obtain();
    const other = under.client();
    await other.register();
    const { order } = await other.order(obtained.names);
    await other.authorize(order);
    expectProblem(await revoke(other, obtained, 1), 400, 'badRevocationReason');
  });

  it('something that is no certificate of this CA', async () => {
    const obtained = await obtain();
    const der = Buffer.from(obtained.certificate.raw);
    const changed = Buffer.from(der);
    changed[changed.length - 5] = (changed[changed.length - 5] ?? 0) ^ 1;
    for (const certificate of [
      changed.toString('base64url'),
      der.subarray(0, 90).toString('base64url'),
      Buffer.concat([der, Buffer.of(0)]).toString('base64url'),
      `${der.toString('base64url')}=`,
      obtained.pem,
      '',
      7,
      undefined,
    ]) {
      const answer = await client.post(revokeCert, { certificate });
      expect([400, 403, 404], String(certificate)).toContain(answer.status);
    }
    expect(await statusOf(obtained)).toMatchObject({ status: 'good' });
  });

  it('six revocations at once: one 200, the rest alreadyRevoked, one entry', async () => {
    const obtained = await obtain();
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => revoke(client, obtained, 4)),
    );
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expectProblem(answer, 400, 'alreadyRevoked');
    }
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('a certificate on hold can be revoked by its holder', async () => {
    const obtained = await obtain();
    await under.hold(serialOf(obtained));
    expect((await revoke(client, obtained, 1)).status).toBe(200);
    expect(await statusOf(obtained)).toMatchObject({
      status: 'revoked',
      reasonCode: 'keyCompromise',
    });
  });

  it('it is in the audit log with the account that asked', async () => {
    const obtained = await obtain();
    await revoke(client, obtained, 4);
    const mine = await under.audited(serialOf(obtained), 'certificate.revoke');
    expect(mine).toHaveLength(1);
    const id = client.kid.split('/').at(-1) ?? '';
    expect(await under.audited(id, 'certificate.revoke')).toContainEqual(mine[0]);
  });
});
