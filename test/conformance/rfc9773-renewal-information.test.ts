/** RFC 9773: when a certificate should be renewed, and which one an order replaces (A34 to A36, I32). */
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatCertId, parseCertId } from '../../src/acme/renewal-info.ts';
import {
  type AcmeClient,
  type Answer,
  expectProblem,
  headerOf,
  json,
  type Obtained,
} from '../support/acme-client.ts';
import { csr, newKey } from '../support/acme-csr.ts';
import { expectTime } from '../support/acme-exchanges.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { admin } from '../support/authority.ts';

interface RenewalInfo {
  readonly suggestedWindow: { readonly start: string; readonly end: string };
  readonly explanationURL?: string;
}

const under = await acmeUnderTest('acme-ari');
const client = under.client();
let renewalInfo = '';

beforeAll(async () => {
  await client.register();
  ({ renewalInfo } = await client.directory());
});

let count = 0;
async function obtain(
  by: AcmeClient = client,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Obtained & { readonly name: string }> {
  count += 1;
  const name = `ari${count}.example.test`;
  return { ...(await by.obtain([name], csr([name]).der, more)), name };
}

/** §4.1 as openssl sees the certificate: keyIdentifier and serial number. */
function certIdOf({ certificate }: Pick<Obtained, 'certificate'>): string {
  const text = under.openssl(
    ['x509', '-noout', '-ext', 'authorityKeyIdentifier'],
    certificate.toString(),
  );
  const hex = /((?:[0-9A-F]{2}:){19}[0-9A-F]{2})/.exec(text)?.[1]?.replaceAll(':', '') ?? '';
  // openssl's asn1parse would show the INTEGER; the sign octet is DER's (X.690 §8.3).
  const serial = Buffer.from(certificate.serialNumber.padStart(2, '0'), 'hex');
  const content = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${Buffer.from(hex, 'hex').toString('base64url')}.${content.toString('base64url')}`;
}

function serialOf({ certificate }: Pick<Obtained, 'certificate'>): string {
  return certificate.serialNumber.toLowerCase().replace(/^0+/, '');
}

async function get(certId: string): Promise<Answer> {
  return under.transport({ method: 'GET', url: `${renewalInfo}/${certId}` });
}

/** The window; start before end in every answer (A35). */
async function windowOf(
  of: Pick<Obtained, 'certificate'>,
): Promise<{ start: number; end: number; url?: string | undefined; retryAfter: number }> {
  const answer = await get(certIdOf(of));
  expect(answer.status, answer.text).toBe(200);
  expect(headerOf(answer, 'content-type')).toMatch(/^application\/json/);
  const { suggestedWindow, explanationURL } = json<RenewalInfo>(answer);
  expectTime(suggestedWindow.start, 'start');
  expectTime(suggestedWindow.end, 'end');
  const [start, end] = [Date.parse(suggestedWindow.start), Date.parse(suggestedWindow.end)];
  expect(end).toBeGreaterThan(start);
  const retryAfter = Number(headerOf(answer, 'retry-after'));
  expect(retryAfter).toBeGreaterThan(0);
  return { start, end, url: explanationURL, retryAfter };
}

describe('§4.1', () => {
  it('A34: GET without any authentication, by the certID of §4.1', async () => {
    const obtained = await obtain();
    const { start, end } = await windowOf(obtained);
    const [notBefore, notAfter] = [
      Date.parse(obtained.certificate.validFrom),
      Date.parse(obtained.certificate.validTo),
    ];
    expect(start).toBeGreaterThan(notBefore);
    expect(end).toBeLessThanOrEqual(notAfter);
    // Two thirds into its life, for a thirtieth of it, the same each time.
    const life = notAfter - notBefore;
    expect(Math.abs(start - (notBefore + (life * 2) / 3))).toBeLessThan(2000);
    expect(Math.abs(end - start - life / 30)).toBeLessThan(2000);
    expect(await windowOf(obtained)).toMatchObject({ start, end });
  });

  it("A34: §4.1's own example is read and written", () => {
    const example = 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE';
    const named = parseCertId(example);
    expect(named).toEqual({
      keyIdentifier: '69885b6b87464041e1b37b847ba0ae2cde01c8d4',
      serialNumber: '87654321',
    });
    expect(named && formatCertId(named)).toBe(example);
  });

  it('A34: anything but the one right spelling is not found or malformed', async () => {
    const id = certIdOf(await obtain());
    const [key = '', serial = ''] = id.split('.');
    for (const wrong of [
      `${id}=`,
      `${key}=.${serial}`,
      `${key}.AA${serial}`,
      `${key}`,
      `${key}.`,
      `.${serial}`,
      `${id}.x`,
      `${key}.${serial.slice(0, -2)}`,
      `${serial}.${key}`,
      'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE',
      `${key}.${'A'.repeat(500)}`,
      '%00.%00',
    ]) {
      const answer = await get(wrong);
      expect([400, 404], wrong).toContain(answer.status);
    }
    const hex = await get(Buffer.from(key, 'base64url').toString('hex'));
    expectProblem(hex, 400, 'malformed');
  });

  it('A34: a certificate of another door has a window as well', async () => {
    const issued = await under.authority.issue();
    const pem = new X509Certificate(Buffer.from(issued.certificate));
    await windowOf({ certificate: pem });
  });
});

describe('§4.2', () => {
  it('A35: revoked, the window lies wholly in the past', async () => {
    const obtained = await obtain();
    await under.authority.authority.revokeCertificate(admin, {
      serialNumber: serialOf(obtained),
      reasonCode: 'keyCompromise',
    });
    const { start, end } = await windowOf(obtained);
    expect(start).toBeLessThan(end);
    expect(end).toBeLessThanOrEqual(under.clock.now().getTime());
  });

  it('A35: a short life keeps end after start and before notAfter, and asks back sooner', async () => {
    const at = (seconds: number): string =>
      new Date(under.clock.now().getTime() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    const long = await windowOf(await obtain());
    const obtained = await obtain(client, { notAfter: at(3600) });
    const short = await windowOf(obtained);
    expect(short.end).toBeLessThanOrEqual(Date.parse(obtained.certificate.validTo));
    expect(short.retryAfter).toBeLessThan(3600);
    expect(long.retryAfter).toBe(6 * 3600);
  });

  it('on hold, the window is as it was', async () => {
    const obtained = await obtain();
    const before = await windowOf(obtained);
    await under.hold(serialOf(obtained));
    expect(await windowOf(obtained)).toEqual(before);
  });

  it('I32: an incident moves the windows of what was issued before it: start in the past, ends spread', async () => {
    const before = await Promise.all([obtain(), obtain(), obtain(), obtain(), obtain()]);
    under.clock.advance(60);
    const spreadSeconds = 7200;
    const explanationUrl = 'https://pki.example.test/incidents/1';
    const incident = await under.server.acme.openIncident(admin, { spreadSeconds, explanationUrl });
    const opened = under.clock.now().getTime();
    under.clock.advance(1);
    const ends: number[] = [];
    for (const obtained of before) {
      const window = await windowOf(obtained);
      expect(window.start).toBeLessThanOrEqual(opened);
      expect(window.end).toBeLessThanOrEqual(opened + spreadSeconds * 1000 + 1000);
      expect(window.url).toBe(explanationUrl);
      ends.push(window.end);
    }
    expect(new Set(ends).size).toBeGreaterThan(3);
    // The next certificate is none of them.
    const after = await windowOf(await obtain());
    expect(after.start).toBeGreaterThan(opened + spreadSeconds * 1000);
    expect(after.url).toBeUndefined();
    await under.server.acme.closeIncident(admin, incident.incidentId);
    const [first] = before;
    if (first === undefined) throw new Error('unreachable');
    expect((await windowOf(first)).start).toBeGreaterThan(opened);
  });
});

describe('§5 replaces', () => {
  it('A36: it is in the order, now and later', async () => {
    const obtained = await obtain();
    const replaces = certIdOf(obtained);
    const { order, url } = await client.order([obtained.name], { replaces });
    expect(order.replaces).toBe(replaces);
    expect(await client.fetch(url)).toMatchObject({ replaces });
  });

  it('A36: by two orders is 409 alreadyReplaced, until the first is invalid', async () => {
    const obtained = await obtain();
    const replaces = certIdOf(obtained);
    const first = await client.order([obtained.name, 'new.example.test'], { replaces });
    expectProblem(await client.newOrder([obtained.name], { replaces }), 409, 'alreadyReplaced');
    // The order ends: "a different Order that is not invalid".
    const open = (await client.authorizations(first.order)).find(
      ({ status }) => status === 'pending',
    );
    expect(open?.identifier.value).toBe('new.example.test');
    const at = (await client.authorizations(first.order)).findIndex(
      ({ status }) => status === 'pending',
    );
    await client.post(first.order.authorizations[at] ?? '', { status: 'deactivated' });
    expect((await client.newOrder([obtained.name], { replaces })).status).toBe(201);
  });

  it('A36: of five orders at once one replaces', async () => {
    const obtained = await obtain();
    const replaces = certIdOf(obtained);
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => client.newOrder([obtained.name], { replaces })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectProblem(answer, 409, 'alreadyReplaced');
    }
  });

  it('A36: another account, no common identifier, an unknown certificate, no certID', async () => {
    const obtained = await obtain();
    const replaces = certIdOf(obtained);
    const other = under.client();
    await other.register();
    const foreign = await other.newOrder([obtained.name], { replaces });
    expect([400, 403], foreign.text).toContain(foreign.status);
    for (const [names, id] of [
      [['unrelated.example.test'], replaces],
      [[obtained.name], 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE'],
      [[obtained.name], `${replaces}=`],
      [[obtained.name], 'x'],
      [[obtained.name], 7],
      [[obtained.name], {}],
    ] as const) {
      const answer = await client.newOrder(names, { replaces: id });
      expectProblem(answer, 400, 'malformed');
    }
    // Nothing was marked by the refusals.
    expect((await client.newOrder([obtained.name], { replaces })).status).toBe(201);
  });

  it('the new certificate knows whom it follows', async () => {
    const obtained = await obtain();
    const replaces = certIdOf(obtained);
    const request = csr([obtained.name]);
    const next = await client.obtain([obtained.name], request.der, { replaces });
    const [row] = await under.authority.sql(
      'SELECT m.replaces FROM certificates c JOIN certificate_contents m ON m.certificate_id = c.id WHERE c.serial_number = $1',
      [serialOf(next)],
    );
    expect(row?.['replaces']).toBe(`${under.authority.issuing.issuerId}/${serialOf(obtained)}`);
    expect(next.certificate.checkPrivateKey(request.privateKey)).toBe(true);
  });
});

describe('a hold is not renewed away', () => {
  it('an order that replaces it is refused, with serial number and how the hold ends', async () => {
    const obtained = await obtain();
    const replaces = certIdOf(obtained);
    await under.hold(serialOf(obtained));
    const problem = expectProblem(
      await client.newOrder([obtained.name], { replaces }),
      403,
      'unauthorized',
    );
    expect(problem.detail).toMatch(/hold/);
    expect(problem.detail).toContain(serialOf(obtained));
    expect(problem.detail).toMatch(/release/);
    await under.release(serialOf(obtained));
    expect((await client.newOrder([obtained.name], { replaces })).status).toBe(201);
  });

  it('its key asks in vain for its name, until the hold ends', async () => {
    const privateKey = newKey();
    const name = 'held.example.test';
    const held = await client.obtain([name], csr([name], { privateKey }).der);
    await under.hold(serialOf(held));
    const { order, url } = await client.order([name]);
    await client.authorize(order);
    const problem = expectProblem(
      await client.finalize(order, csr([name], { privateKey }).der),
      403,
      'unauthorized',
    );
    expect(problem.detail).toContain(serialOf(held));
    expect(await client.fetch(url)).toMatchObject({ status: 'ready' });
    await under.release(serialOf(held));
    const answer = await client.finalize(order, csr([name], { privateKey }).der);
    expect(answer.status, answer.text).toBe(200);
  });

  it('another key gets the name', async () => {
    const held = await obtain();
    await under.hold(serialOf(held));
    const next = await client.obtain([held.name], csr([held.name]).der);
    expect(next.certificate.serialNumber).not.toBe(held.certificate.serialNumber);
  });
});
