/** RFC 8555 §7.4 finalize, §11.1 keys (A22, A23, I6). */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectProblem,
  headerOf,
  type Identifier,
  json,
  type Order,
} from '../support/acme-client.ts';
import { type CsrOptions, csr, extension } from '../support/acme-csr.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { csrDefects } from '../vectors/acme-csr-defects.ts';

const under = await acmeUnderTest('acme-7-4-finalize');
const client = under.client();

beforeAll(async () => {
  await client.register();
});

/** Certificates that exist for a name, in whatever state. */
async function issued(name: string): Promise<number> {
  const rows = await under.authority.sql(
    `SELECT 1 FROM certificate_contents WHERE $1 = ANY (names)`,
    [`DNS:${name}`],
  );
  return rows.length;
}

async function readyOrder(
  names: readonly (string | Identifier)[],
): Promise<{ url: string; order: Order }> {
  const made = await client.order(names);
  await client.authorize(made.order, 'dns-01');
  return made;
}

describe('§7.4 finalize', () => {
  it('A22: pending is 403 orderNotReady; unknown and foreign are not found', async () => {
    const { order, url } = await client.order(['early.example.test']);
    const answer = await client.finalize(order, csr(['early.example.test']).der);
    expectProblem(answer, 403, 'orderNotReady');
    expect((await client.fetch<Order>(url)).status).toBe('pending');
    const absent = order.finalize.replace(/[\w-]{22}/, 'AAAAAAAAAAAAAAAAAAAAAA');
    expect((await client.post(absent, { csr: 'AA' })).status).toBe(404);
  });

  it('A22: the order is valid with a certificate; again is orderNotReady and no second one', async () => {
    const name = 'whole.example.test';
    const { order, url } = await readyOrder([name]);
    const answer = await client.finalize(order, csr([name]).der);
    expect(answer.status).toBe(200);
    expect(headerOf(answer, 'location')).toBe(url);
    const done = await client.settled(url);
    expect(done.status).toBe('valid');
    const again = await client.finalize(order, csr([name]).der);
    expectProblem(again, 403, 'orderNotReady');
    expect(await issued(name)).toBe(1);
  });

  it('of six finalizations at once one certificate comes', async () => {
    const name = 'race.example.test';
    const { order, url } = await readyOrder([name]);
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => client.finalize(order, csr([name]).der)),
    );
    for (const answer of answers) expect([200, 403, 409], answer.text).toContain(answer.status);
    expect((await client.settled(url)).status).toBe('valid');
    expect(await issued(name)).toBe(1);
  });

  const san = 'x.example.test';
  const bad: Readonly<Record<string, () => Uint8Array>> = {
    ...csrDefects(san),
    'the account key (A23, §11.1)': () => csr([san], { privateKey: client.key.privateKey }).der,
  };
  it('A22, I6: a bad CSR is badCSR, the order stays ready, nothing is issued; then a right one is taken', async () => {
    const { order, url } = await readyOrder([san]);
    for (const [name, make] of Object.entries(bad)) {
      const answer = await client.finalize(order, make());
      const refused = `${name}: ${answer.status} ${answer.text}`;
      expect(answer.status, refused).toBe(400);
      expect(json<{ type: string }>(answer).type, refused).toMatch(
        ['no CSR', 'nothing', 'half of it', 'bytes after it'].includes(name)
          ? /:(badCSR|malformed)$/
          : /:badCSR$/,
      );
      expect((await client.fetch<Order>(url)).status, name).toBe('ready');
    }
    expect(await issued(san)).toBe(0);
    expect((await client.finalize(order, csr([san]).der)).status).toBe(200);
  });

  it.each<[string, readonly string[], CsrOptions]>([
    ['only in the CN', [], { commonNames: ['f.example.test'] }],
    ['in CN and SAN', ['f.example.test'], { commonNames: ['f.example.test'] }],
    ['in capitals', ['F.Example.TEST'], {}],
    ['twice', ['f.example.test', 'f.example.test'], {}],
    ['critical', ['f.example.test'], { criticalNames: true }],
  ])('A22: the name %s is the name', async (_, names, options) => {
    const { certificate } = await client.obtain(['f.example.test'], csr(names, options).der);
    expect(certificate.subjectAltName).toBe('DNS:f.example.test');
  });

  it('A22: names in any order; an IDN; addresses of both kinds; a wildcard', async () => {
    const asked = [
      ...['xn--bcher-kva.example.test', '*.m.example.test', 'm.example.test'],
      { type: 'ip', value: '192.0.2.9' },
      { type: 'ip', value: '2001:db8::9' },
    ];
    const { url, order } = await client.order(asked);
    // dns-01 where it is offered, else what is.
    await client.authorize(order, 'dns-01');
    const request = csr([
      '2001:db8::9',
      'm.example.test',
      '192.0.2.9',
      '*.m.example.test',
      'xn--bcher-kva.example.test',
    ]);
    expect((await client.finalize(order, request.der)).status).toBe(200);
    const done = await client.settled(url);
    const chain = await client.get(done.certificate ?? '');
    expect(chain.text.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(1);
    expect(await issued('*.m.example.test')).toBe(1);
  });

  it('csr missing, no text, padded, PEM: malformed or badCSR', async () => {
    const { order } = await readyOrder(['form.example.test']);
    const der = Buffer.from(csr(['form.example.test']).der);
    for (const value of [
      undefined,
      7,
      null,
      '',
      '!!',
      `${der.toString('base64url')}=`,
      '-----BEGIN CERTIFICATE REQUEST-----',
    ]) {
      const answer = await client.post(order.finalize, { csr: value });
      expect(answer.status).toBe(400);
      expect(json<{ type: string }>(answer).type).toMatch(/:(malformed|badCSR)$/);
    }
  });

  it('A23: the key of any account of any directory is refused', async () => {
    const elsewhere = under.client('terms');
    await elsewhere.register();
    const { order } = await readyOrder(['k.example.test']);
    const request = csr(['k.example.test'], { privateKey: elsewhere.key.privateKey });
    expectProblem(await client.finalize(order, request.der), 400, 'badCSR');
  });

  it('an order that expired is invalid and issues nothing (§7.1.6)', async () => {
    const { order, url } = await readyOrder(['late.example.test']);
    const before = under.clock.now().getTime();
    under.clock.set(new Date(new Date(order.expires ?? '').getTime() + 1000));
    try {
      expect((await client.fetch<Order>(url)).status).toBe('invalid');
      const answer = await client.finalize(order, csr(['late.example.test']).der);
      expectProblem(answer, 403, 'orderNotReady');
      expect(await issued('late.example.test')).toBe(0);
    } finally {
      under.clock.set(new Date(before));
    }
  });
});

it('I29, §7.4: an extension that the profile does not grant is refused, not dropped', async () => {
  const name = 'plain.example.test';
  const ocspSigning = Uint8Array.of(0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 9);
  const { order, url } = await readyOrder([name]);
  const request = csr([name], { extensions: [extension('2.5.29.37', ocspSigning)] });
  expectProblem(await client.finalize(order, request.der), 400, 'badCSR');
  expect((await client.fetch<Order>(url)).status).toBe('ready');
});
