/** The REST interface of a running installation: what the unit tests of the edge take for granted. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { softwareCertificationRequest } from '../../../src/authority/index.ts';
import { certificateShape, issuerShape } from '../../../src/http/representation.ts';
import { useInstallation } from '../../support/installation.ts';
import { privateKeyPem, testCertificate, testIssuer } from '../../support/test-hierarchy.ts';

const chancery = useInstallation();

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function csr(dns: readonly string[], key = newKey()): string {
  return Buffer.from(softwareCertificationRequest(key, { dns })).toString('base64');
}

async function tokenFor(
  name: string,
  role: string,
  scope?: readonly string[],
): Promise<{ token: string; id: string }> {
  await chancery.rest('POST', '/api/v1/principals', { name, role });
  const reply = await chancery.rest('POST', `/api/v1/principals/${name}/credentials`, { scope });
  expect(reply.status).toBe(201);
  return reply.json() as { token: string; id: string };
}

function bearer(token: string) {
  return { authorization: `Bearer ${token}` };
}

async function issue(name: string, headers: Record<string, string> = {}, more: object = {}) {
  return chancery.rest(
    'POST',
    '/api/v1/certificates',
    { profile: 'tls-server', csr: csr([name]), ...more },
    headers,
  );
}

interface Issued {
  readonly certificate: {
    readonly serialNumber: string;
    readonly issuerId: string;
    readonly chain: string;
  };
}

/** A request on a connection of its own, with TLS options and headers as given. */
async function callRaw(
  path: string,
  options: RequestOptions,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${chancery.httpsUrl}${path}`,
      { ca: readFileSync(chancery.root), agent: false, servername: 'localhost', ...options },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += String(chunk);
        });
        incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** whoami with a client certificate. */
async function statusWith(cert: string, key: string): Promise<number> {
  return (await callRaw('/api/v1/whoami', { cert, key })).status;
}

describe('representations', () => {
  it('are what the OpenAPI document says, without a member more', async () => {
    const issued = (await issue('shape.example')).json() as Issued;
    const { certificate } = issued;
    expect(certificateShape.strict().parse(certificate)).toEqual(certificate);
    const shown = await chancery.rest('GET', `/api/v1/certificates/${certificate.serialNumber}`);
    expect(certificateShape.strict().parse(shown.json())).toMatchObject({
      status: 'good',
      issuer: 'issuing',
    });
    const issuers = (await chancery.rest('GET', '/api/v1/issuers')).json() as { items: unknown[] };
    expect(issuers.items).toHaveLength(2);
    for (const issuer of issuers.items) expect(issuerShape.strict().parse(issuer)).toEqual(issuer);
  });

  it('answer every GET of the document', async () => {
    const { certificate } = (await issue('every.example')).json() as Issued;
    for (const path of [
      `/certificates/${certificate.serialNumber}`,
      `/certificates/${certificate.serialNumber.toUpperCase().replace(/(..)(?=.)/g, '$1:')}`,
      `/certificates/${certificate.serialNumber}/history`,
      `/certificates/${certificate.serialNumber}/pem`,
      `/certificates/${certificate.serialNumber}?issuer=${certificate.issuerId}`,
      '/certificates?limit=1',
      '/profiles',
      '/profiles/tls-server',
      '/issuers',
      '/issuers/root',
      `/issuers/${certificate.issuerId}`,
      '/crls',
      '/crls?issuer=issuing',
      '/bundles/default',
      '/principals',
      '/principals/admin',
      '/credentials',
      '/audit?limit=2',
      ...['/acme/credentials', '/acme/accounts?directory=eab', '/acme/limits', '/acme/incidents'],
      '/openapi.json',
      '/whoami',
    ]) {
      const reply = await chancery.rest('GET', `/api/v1${path}`);
      expect(reply.status, `${path} ${reply.text.slice(0, 300)}`).toBe(200);
    }
  });

  it('page through the audit log and the inventory without loss', async () => {
    for (const name of ['p1.example', 'p2.example', 'p3.example'])
      await issue(name, {}, { tags: ['paged'] });
    for (const path of ['/api/v1/certificates?tag=paged', '/api/v1/audit?act=certificate.issue']) {
      const all = (await chancery.rest('GET', `${path}&limit=1000`)).json() as { items: object[] };
      const pages: object[] = [];
      let next: string | null = '';
      while (next !== null) {
        const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
        const page = (await chancery.rest('GET', `${path}&limit=2${cursor}`)).json() as {
          items: object[];
          next: string | null;
        };
        pages.push(...page.items);
        next = page.next;
      }
      expect(all.items.length).toBeGreaterThanOrEqual(3);
      expect(pages).toEqual(all.items);
    }
  });
});

describe('T-MTLS-1: a bound client certificate', () => {
  it('counts while it is good, and not on hold, not revoked, not from elsewhere', async () => {
    const key = newKey();
    const made = await chancery.rest('POST', '/api/v1/principals', {
      name: 'ops',
      role: 'operator',
      csr: Buffer.from(softwareCertificationRequest(key, { subject: 'CN=ops' })).toString('base64'),
    });
    expect(made.status).toBe(201);
    const { certificate } = made.json() as Issued;
    const pem = privateKeyPem(key);
    const path = `/api/v1/certificates/${certificate.serialNumber}`;
    expect(await statusWith(certificate.chain, pem)).toBe(200);
    expect((await chancery.rest('POST', `${path}/hold`, {})).status).toBe(200);
    expect(await statusWith(certificate.chain, pem)).toBe(401);
    expect((await chancery.rest('POST', `${path}/release`, {})).status).toBe(200);
    expect(await statusWith(certificate.chain, pem)).toBe(200);
    expect(
      (await chancery.rest('POST', `${path}/revoke`, { reasonCode: 'superseded' })).status,
    ).toBe(200);
    expect(await statusWith(certificate.chain, pem)).toBe(401);
    const forged = testCertificate(testIssuer('elsewhere'), { subject: 'CN=ops' });
    expect(await statusWith(forged.pem, privateKeyPem(forged.privateKey))).toBe(401);
  });

  it('is not made by issuing a certificate that names a principal', async () => {
    const key = newKey();
    const reply = await chancery.rest('POST', '/api/v1/certificates', {
      profile: 'tls-client',
      csr: Buffer.from(softwareCertificationRequest(key, { subject: 'CN=admin' })).toString(
        'base64',
      ),
    });
    expect(reply.status).toBe(201);
    expect(await statusWith((reply.json() as Issued).certificate.chain, privateKeyPem(key))).toBe(
      401,
    );
  });
});

describe('tokens', () => {
  it('count until they are revoked, within their scope', async () => {
    const { token, id } = await tokenFor('scoped', 'operator', ['certificates:read']);
    expect(
      (await chancery.rest('GET', '/api/v1/certificates', undefined, bearer(token))).status,
    ).toBe(200);
    expect((await issue('scoped.example', bearer(token))).status).toBe(403);
    expect((await chancery.rest('DELETE', `/api/v1/credentials/${id}`)).status).toBe(204);
    expect((await chancery.rest('GET', '/api/v1/whoami', undefined, bearer(token))).status).toBe(
      401,
    );
  });

  it('are shown once and never again', async () => {
    const { token, id } = await tokenFor('once', 'auditor');
    const list = (await chancery.rest('GET', '/api/v1/credentials?principal=once')).text;
    expect(list).toContain(id);
    expect(list).not.toContain(token);
    expect(list).not.toContain('tokenHash');
    expect((await chancery.rest('GET', '/api/v1/audit?limit=1000')).text).not.toContain(token);
  });

  it('can not be widened past the role', async () => {
    await chancery.rest('POST', '/api/v1/principals', { name: 'narrow', role: 'auditor' });
    const reply = await chancery.rest('POST', '/api/v1/principals/narrow/credentials', {
      scope: ['issuers:create'],
    });
    expect(reply.status).toBe(400);
  });

  it('of a subscriber reach its own certificates only (T-TEN-1)', async () => {
    const { token: one } = await tokenFor('sub-one', 'subscriber');
    const { token: two } = await tokenFor('sub-two', 'subscriber');
    const issued = (await issue('own.example', bearer(one))).json() as Issued;
    const path = `/api/v1/certificates/${issued.certificate.serialNumber}`;
    expect((await chancery.rest('GET', path, undefined, bearer(one))).status).toBe(200);
    for (const [method, suffix, body] of [
      ['GET', '', undefined],
      ['GET', '/history', undefined],
      ['GET', '/pem', undefined],
      ['POST', '/renew', { csr: csr(['own.example']) }],
      ['POST', '/rekey', { csr: csr(['own.example']) }],
    ] as const) {
      const reply = await chancery.rest(method, path + suffix, body, bearer(two));
      expect(reply.status, `${method} ${suffix}`).toBe(404);
    }
    const list = await chancery.rest('GET', '/api/v1/certificates', undefined, bearer(two));
    expect((list.json() as { items: unknown[] }).items).toEqual([]);
  });
});

describe('refusals', () => {
  it('are in the audit log with who, what and why', async () => {
    const { token } = await tokenFor('curious', 'auditor');
    const refused = await chancery.rest(
      'POST',
      '/api/v1/issuers',
      { name: 'mine', kind: 'root', key: 'p256' },
      bearer(token),
    );
    expect(refused.status).toBe(403);
    const log = (await chancery.rest('GET', '/api/v1/audit?limit=1000')).json() as {
      items: { principal: string; outcome: string; act: string; details: { reason?: string } }[];
    };
    const entry = log.items.findLast(({ principal }) => principal === 'curious');
    expect(entry).toMatchObject({ outcome: 'refused', act: 'POST /issuers' });
    expect(entry?.details.reason).toContain('issuers:create');
  });

  it('keep CA and OCSP-signing profiles from the issuance route (invariant 8)', async () => {
    for (const profile of ['root-ca', 'issuing-ca', 'ocsp-signing', 'https-server']) {
      const reply = await issue('a.example', {}, { profile });
      expect([403, 422], profile).toContain(reply.status);
    }
  });
});

describe('Idempotency-Key', () => {
  it('gives the same certificate for the same request and refuses another body', async () => {
    const body = { profile: 'tls-server', csr: csr(['idem.example']) };
    const headers = { 'idempotency-key': 'key-1' };
    const ask = (what: object) => chancery.rest('POST', '/api/v1/certificates', what, headers);
    const first = await ask(body);
    const again = await ask(body);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.json()).toEqual(first.json());
    const other = await ask({ ...body, days: 5 });
    expect(other.status).toBe(422);
    expect((other.json() as { code: string }).code).toBe('idempotencyMismatch');
  });

  it('makes one certificate of ten requests at once', async () => {
    const body = { profile: 'tls-server', csr: csr(['race.example']) };
    const replies = await Promise.all(
      Array.from({ length: 10 }, () =>
        chancery.rest('POST', '/api/v1/certificates', body, { 'idempotency-key': 'key-2' }),
      ),
    );
    const busy = replies.filter(({ status }) => status === 409);
    for (const { headers } of busy) expect(headers['retry-after']).toBeDefined();
    const serials = replies
      .filter(({ status }) => status === 201)
      .map((reply) => (reply.json() as Issued).certificate.serialNumber);
    expect(serials.length + busy.length).toBe(10);
    expect(new Set(serials).size).toBe(1);
    const found = await chancery.rest('GET', '/api/v1/certificates?name=race.example');
    expect((found.json() as { items: unknown[] }).items).toHaveLength(1);
  });

  it('belongs to its principal', async () => {
    const body = { profile: 'tls-server', csr: csr(['shared-key.example']) };
    const { token } = await tokenFor('idem-two', 'operator');
    const headers = { 'idempotency-key': 'key-3' };
    expect((await chancery.rest('POST', '/api/v1/certificates', body, headers)).status).toBe(201);
    const other = await chancery.rest(
      'POST',
      '/api/v1/certificates',
      { ...body, days: 3 },
      {
        ...headers,
        ...bearer(token),
      },
    );
    expect(other.status).toBe(201);
  });
});

describe('T-INJ-1: metacharacters against the real database', () => {
  it('match nothing but themselves and break nothing', async () => {
    await issue('inject.example');
    for (const filter of ['subject', 'name', 'profile', 'owner', 'tag', 'requestedBy']) {
      for (const value of [
        "' OR 1=1 --",
        '%',
        '_',
        'inject%',
        'inject_example',
        '\\',
        '*',
        "');--",
      ]) {
        const query = new URLSearchParams([[filter, value]]).toString();
        const reply = await chancery.rest('GET', `/api/v1/certificates?${query}`);
        expect(reply.status, `${query} ${reply.text}`).toBe(200);
        expect((reply.json() as { items: unknown[] }).items, query).toEqual([]);
      }
    }
    for (const cursor of ["' OR 1=1 --", 'x', 'AAAA', '%00', '9'.repeat(400)]) {
      const reply = await chancery.rest(
        'GET',
        `/api/v1/certificates?cursor=${encodeURIComponent(cursor)}`,
      );
      expect(reply.status, `${cursor} ${reply.text}`).toBe(400);
    }
    expect((await chancery.rest('GET', '/api/v1/audit?cursor=9223372036854775807')).status).toBe(
      200,
    );
    expect((await chancery.rest('GET', '/api/v1/audit?cursor=9999999999999999999')).status).toBe(
      400,
    );
  });
});

describe('T-HOST-1: a spoofed Host header', () => {
  it('leaves no trace in a certificate', async () => {
    const { token } = await tokenFor('spoofer', 'operator');
    const headers = {
      ...bearer(token),
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'content-type': 'application/json',
    };
    const body = JSON.stringify({ profile: 'tls-server', csr: csr(['host.example']) });
    const { text } = await callRaw('/api/v1/certificates', { method: 'POST', headers }, body);
    chancery.write('host.pem', (JSON.parse(text) as Issued).certificate.chain);
    const { stdout } = await chancery.openssl(['x509', '-in', 'host.pem', '-noout', '-text']);
    expect(stdout).toContain(`URI:${chancery.httpUrl}/crl/`);
    expect(stdout + text).not.toContain('evil');
  });
});

describe('published files', () => {
  it('have validators that work', async () => {
    const { items } = (await chancery.rest('GET', '/api/v1/crls')).json() as {
      items: { url: string; sha256: string; nextUpdate: string }[];
    };
    expect(items).toHaveLength(2);
    for (const { url, sha256, nextUpdate } of items) {
      const reply = await fetch(url);
      await reply.arrayBuffer();
      expect(reply.headers.get('etag')).toBe(`"${sha256}"`);
      expect(new Date(reply.headers.get('expires') ?? '')).toEqual(new Date(nextUpdate));
      const again = await fetch(url, { headers: { 'if-none-match': `"${sha256}"` } });
      expect(again.status).toBe(304);
    }
    for (const path of ['/bundles/default.pem', '/bundles/default.p7b']) {
      const reply = await fetch(chancery.httpUrl + path);
      await reply.arrayBuffer();
      const etag = reply.headers.get('etag') ?? '';
      const again = await fetch(chancery.httpUrl + path, { headers: { 'if-none-match': etag } });
      expect(again.status).toBe(304);
    }
  });
});
